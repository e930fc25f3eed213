/** Remembers on this device that a key was written down, so that the checklist can stop asking. */
const name = (address: string) => `sparky:backed-up:${address}`;

/** A browser may refuse storage; the worst that happens is being asked again. */
export function hasBackup(address: string): boolean {
  try {
    return localStorage.getItem(name(address)) !== null;
  } catch {
    return false;
  }
}

export function markBackup(address: string): void {
  try {
    localStorage.setItem(name(address), "1");
  } catch {
    // Asked again next time.
  }
}

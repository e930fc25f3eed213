/**
 * One writer per profile: a Web Lock that the browser takes back when the page closes or crashes.
 *
 * The page that can not have it shows what is stored and waits; the first in line becomes the
 * writer when the other closes, or at once when its user says so.
 */
import { problem } from "./problem.ts";

export interface WriterLock {
  /** Takes the lock away from the page that holds it. */
  readonly takeOver: () => void;
  readonly release: () => void;
}

export interface WriterEvents {
  /** This page may write from now on. */
  readonly onHeld: () => void;
  /** Another page writes; called at the start or when it took over. */
  readonly onLost: () => void;
}

/** A page that is being reloaded meets the lock of its former self for a moment: that is no second page. */
const GRACE_MS = 500;

/** Asks for the lock of `profile`; what comes of it is told by `events`. */
export function acquireWriter(profile: string, events: WriterEvents, locks: LockManager | undefined = globalThis.navigator?.locks): WriterLock {
  if (!locks) throw problem("storage-unavailable");
  const name = `sparky/${profile}`;
  let release: (() => void) | undefined;
  let grace: ReturnType<typeof setTimeout> | undefined;
  let released = false;
  /** The newest request; older ones are given up or were stolen from, and no longer matter. */
  let current = new AbortController();

  function hold(): Promise<void> {
    clearTimeout(grace);
    return new Promise((resolve) => {
      release = resolve;
      if (released) resolve();
      else events.onHeld();
    });
  }
  function request(how: "try" | "wait" | "steal"): void {
    current.abort();
    const mine = new AbortController();
    current = mine;
    const options: LockOptions = how === "try" ? { ifAvailable: true } : how === "steal" ? { steal: true } : { signal: mine.signal };
    const held = locks?.request(name, options, (lock) => (lock ? hold() : Promise.reject(new Error("taken"))));
    held?.catch(() => {
      if (released || mine !== current) return;
      if (how === "try") grace = setTimeout(events.onLost, GRACE_MS);
      else events.onLost();
      request("wait");
    });
  }

  request("try");
  return {
    takeOver: () => request("steal"),
    release: () => {
      released = true;
      clearTimeout(grace);
      current.abort();
      release?.();
    },
  };
}

/** A span in words a person uses: "20 min", "2 h 10 min", "3 days". */
export function spanOfSeconds(seconds: number): string {
  if (seconds < 60) return `${Math.max(0, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return `${Math.round(hours / 24)} days`;
}

/** "50 blocks", "1 block". */
export function blocksText(blocks: number): string {
  return `${blocks.toLocaleString("en")} ${blocks === 1 ? "block" : "blocks"}`;
}

/** "50 blocks ≈ 27 min": locked money always says when it returns, in both. */
export function blocksAndTime(blocks: number, blockSeconds: number): string {
  return `${blocksText(blocks)} ≈ ${spanOfSeconds(blocks * blockSeconds)}`;
}

/** The hour and minute at which something is expected. */
export function clock(at: number): string {
  return new Date(at).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
}

/** A moment in a list: the hour today, the date before. */
export function moment(at: number, now: number): string {
  const then = new Date(at);
  const today = then.toDateString() === new Date(now).toDateString();
  const day = then.toLocaleDateString("en-GB", { day: "numeric", month: "short" });
  return today ? clock(at) : `${day}, ${clock(at)}`;
}

/** A height as people read it: "#1,307". */
export function heightText(height: number): string {
  return `#${height.toLocaleString("en")}`;
}

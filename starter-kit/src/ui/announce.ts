/**
 * What a screen reader is told. One polite and one assertive region exist for the whole page;
 * messages are spaced so that one does not swallow the other.
 */
const SPACING_MS = 5_000;

type Tone = "polite" | "assertive";
interface Said {
  readonly tone: Tone;
  readonly text: string;
}

let listener: ((said: Said) => void) | null = null;
let waiting: Said[] = [];
let last = Number.NEGATIVE_INFINITY;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Tells it politely (after what is being read) or assertively (danger to money). */
export function announce(text: string, tone: Tone = "polite"): void {
  if (tone === "assertive") waiting = [{ tone, text }, ...waiting.filter((said) => said.tone === "assertive")];
  else waiting = [...waiting.slice(-3), { tone, text }];
  flush();
}

/** The page's regions listen here. */
export function listenToAnnouncements(hear: (said: Said) => void): () => void {
  listener = hear;
  flush();
  return () => {
    listener = null;
  };
}

function flush(): void {
  if (!listener || waiting.length === 0) return;
  clearTimeout(timer);
  const left = last + SPACING_MS - performance.now();
  if (left > 0 && waiting[0]?.tone !== "assertive") {
    timer = setTimeout(flush, left);
    return;
  }
  const said = waiting.shift();
  if (!said) return;
  last = performance.now();
  listener(said);
  if (waiting.length > 0) timer = setTimeout(flush, SPACING_MS);
}

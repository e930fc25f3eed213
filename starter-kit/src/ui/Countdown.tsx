import { spanOfSeconds } from "./time.ts";

interface Props {
  readonly blocksLeft: number;
  readonly secondsLeft: number;
  readonly blocksTotal: number;
  /** An answer is needed before it ends. */
  readonly alarm?: boolean;
}

/** How long until the money returns: in blocks, which are true, and in minutes, which are felt. */
export function Countdown({ blocksLeft, secondsLeft, blocksTotal, alarm = false }: Props) {
  const gone = Math.max(0, blocksTotal - blocksLeft);
  const percent = blocksTotal > 0 ? Math.min(100, (gone / blocksTotal) * 100) : 100;
  return (
    <div className="stack tight">
      <p className="countdown">
        <span className="big" data-testid="blocks-left">
          {blocksLeft}
        </span>
        <span>
          {blocksLeft === 1 ? "block" : "blocks"} left ≈ {spanOfSeconds(secondsLeft)}
        </span>
        <span className="muted small">
          ({gone} of {blocksTotal} passed)
        </span>
      </p>
      <div className={alarm ? "progress bad" : "progress"} role="img" aria-label={`${gone} of ${blocksTotal} blocks have passed`}>
        <i style={{ width: `${percent}%` }} />
      </div>
    </div>
  );
}

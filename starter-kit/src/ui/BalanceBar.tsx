import { formatQtum } from "../session/amount.ts";
import type { Balances } from "../session/state.ts";

interface Props {
  readonly balances: Pick<Balances, "mine" | "partner" | "capacity" | "locked">;
  readonly partner: string;
  /** The channel page: large figures that tests and people look for. */
  readonly large?: boolean;
}

/** Who owns what in a channel: two figures, one bar, one sentence for those who cannot see it. */
export function BalanceBar({ balances, partner, large = false }: Props) {
  const { mine, partner: theirs, capacity, locked } = balances;
  const inFlight = locked < mine ? locked : mine;
  const sentence = `You ${formatQtum(mine)}, ${partner} ${formatQtum(theirs)}, of ${formatQtum(capacity)} QTUM${locked > 0n ? `; ${formatQtum(locked)} in flight` : ""}`;
  return (
    <div className={large ? "balance large" : "balance"}>
      <div className="balance-ends">
        <span>
          You <strong data-testid={large ? "balance-mine" : undefined}>{formatQtum(mine)}</strong>
        </span>
        <span>
          {partner} <strong data-testid={large ? "balance-partner" : undefined}>{formatQtum(theirs)}</strong>
        </span>
      </div>
      <div className="bar" role="img" aria-label={sentence}>
        {mine > inFlight && <i className="mine" style={{ flexBasis: share(mine - inFlight, capacity) }} />}
        {inFlight > 0n && <i className="flight" style={{ flexBasis: share(inFlight, capacity) }} />}
        {theirs > 0n && <i className="partner" style={{ flexBasis: share(theirs, capacity) }} />}
      </div>
    </div>
  );
}

/** A part of a whole for the eye only: hundredths of a percent, the one place where money is rounded. */
function share(part: bigint, whole: bigint): string {
  return whole > 0n ? `${Number((part * 10_000n) / whole) / 100}%` : "0%";
}

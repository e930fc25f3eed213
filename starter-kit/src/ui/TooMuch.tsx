import type { Amount } from "../session/amount.ts";
import { safeCapacity } from "../session/policy.ts";
import type { Network } from "../session/state.ts";
import { Qtum } from "./Qtum.tsx";
import { blocksAndTime } from "./time.ts";

interface Props {
  /** What would be in the channel; null while that can not be read. */
  readonly capacity: Amount | null;
  readonly network: Network;
  /** The channel's answer window in blocks. */
  readonly window: number;
}

/** More than the answer window protects: allowed, and said before it is done. */
export function TooMuch({ capacity, network, window }: Props) {
  const safe = safeCapacity(network, window);
  if (safe === null || capacity === null || capacity <= safe) return null;
  return (
    <p className="note warn" role="status" data-testid="too-much">
      An answer window of {blocksAndTime(window, network.blockSeconds)} protects about <Qtum value={safe} />. With more in the channel it can pay to keep your
      answer out of blocks for so long. Put in less, or use several channels.
    </p>
  );
}

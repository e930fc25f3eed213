/** What this program wants where money is real, whatever the relay names (PROTOCOL §4.8). */
import { type Amount, satoshi } from "./amount.ts";
import type { Network } from "./state.ts";

/** A day of blocks: the shortest answer window that gives a human, or a restarted tower, time to answer. */
const MAINNET_WINDOW = 2_700;

export const leastWindow = (network: Network["name"]): number => (network === "mainnet" ? MAINNET_WINDOW : 1);

/** The capacity that a window of so many blocks protects well; null where nobody has anything to lose. */
export const safeCapacity = ({ safeCapacity, window }: Network, blocks: number): Amount | null =>
  safeCapacity === null ? null : satoshi((safeCapacity * BigInt(blocks)) / BigInt(window.default));

/** The story of a channel: what the chain says, what was paid beside it, and what comes next. */
import type { ChannelFigures, Wire } from "../core.ts";
import { satoshi } from "./amount.ts";
import type { Closing, Side, TimelineEntry, TimelineEvent } from "./state.ts";
import type { ChainEntry, ChannelRecord, UpdateRecord } from "./storage.ts";

export function timelineOf(
  record: ChannelRecord,
  figures: ChannelFigures,
  closing: Closing | null,
  updates: readonly UpdateRecord[],
): readonly TimelineEntry[] {
  const events = record.chain.flatMap((entry, index) => eventEntry(entry, record.side, closing, index));
  const entries = events.filter(({ event }) => event.type !== "paid-out" && !isAboutClose(event));
  if (updates.length > 0) {
    const sent = updates.filter(({ direction }) => direction === record.side).length;
    const at = Math.max(...updates.map((update) => update.at));
    const event: TimelineEvent = { type: "payments", sent, received: updates.length - sent };
    entries.push({ key: "payments", height: null, at, txid: null, state: "done", event });
  }
  entries.push(...events.filter(({ event }) => isAboutClose(event)));
  if (closing && figures.payout === null) entries.push(...expected(closing));
  entries.push(...events.filter(({ event }) => event.type === "paid-out"));
  return entries;
}

function expected(closing: Closing): TimelineEntry[] {
  const over = closing.blocksLeft === 0;
  const entry = (key: string, height: number, state: TimelineEntry["state"], event: TimelineEvent): TimelineEntry => ({
    key, height, at: null, txid: null, state, event,
  });
  const { expectMine, expectPartner, penalty, blocksLeft, settleableAt } = closing;
  return [
    entry("window-ends", settleableAt - 1, over ? "done" : "current", { type: "window-ends", blocksLeft }),
    entry("pay-out", settleableAt, over ? "current" : "expected", {
      type: "paid-out", mine: expectMine, partner: expectPartner, penalty, together: false,
    }),
  ];
}

const isAboutClose = ({ type }: TimelineEvent): boolean => ["closed", "recovered", "newer-proof", "floor-raised"].includes(type);

function eventEntry({ height, txid, at, event }: ChainEntry, side: Side, closing: Closing | null, index: number): TimelineEntry[] {
  const told = tell(event, side, closing);
  return told ? [{ key: `${height}/${index}`, height, at, txid, state: "done", event: told }] : [];
}

/** The contract's event as seen from `side`; null for those that do not concern a channel's story. */
function tell(event: Wire, side: Side, closing: Closing | null): TimelineEvent | null {
  const mine = (member: string): boolean => event[member] === side;
  const sat = (member: string) => satoshi(String(event[member] ?? 0));
  const pay = (together: boolean): TimelineEvent => {
    const [mineKey, partnerKey] = side === "A" ? ["payA", "payB"] : ["payB", "payA"];
    return { type: "paid-out", mine: sat(mineKey ?? ""), partner: sat(partnerKey ?? ""), penalty: sat("penalty"), together };
  };
  switch (event["type"]) {
    case "opened":
      return { type: "opened", byMe: side === "A", amount: sat("amount") };
    case "deposited":
      return { type: "deposited", toMe: mine("to"), amount: sat("amount") };
    case "withdrawn":
      return { type: "withdrawn", fromMe: mine("from"), amount: sat("amount") };
    case "closed":
      return { type: "closed", byMe: mine("by"), declared: sat("declared"), stale: closing !== null && (closing.stale || closing.corrected) };
    case "recovered":
      return { type: "recovered", byMe: mine("by") };
    case "counterClaimed":
      return { type: "newer-proof", fromMe: mine("sender"), nonce: Number(event["nonce"]), transferred: sat("transferred") };
    case "floorRaised":
      return { type: "floor-raised", fromMe: mine("sender"), floor: sat("floor") };
    case "settled":
      return pay(false);
    case "cooperativelyClosed":
      return pay(true);
    default:
      return null;
  }
}

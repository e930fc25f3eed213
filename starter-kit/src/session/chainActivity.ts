/** The lines of the activity that the chain writes: derived from the events, so they survive a loss of data. */
import { satoshi } from "./amount.ts";
import { nameOf } from "./names.ts";
import type { Activity } from "./state.ts";
import type { ChainEntry, ChannelRecord } from "./storage.ts";

/** One line per event of the channel. */
export const activityOf = (record: ChannelRecord): Activity[] => record.chain.flatMap((entry, index) => line(record, entry, index));

function line(record: ChannelRecord, { txid, at, event, height }: ChainEntry, index: number): Activity[] {
  const told = tell(event, record.side);
  if (!told || at === null) return [];
  const partner = { address: record.partner, name: nameOf(record.partner), online: false };
  return [{
    id: `${record.id}/chain/${height}/${index}`, at, kind: told.kind, channelId: record.id, channelNumber: record.number,
    partner, amount: satoshi(told.amount), note: "", nonce: null, txid, status: "done", tookMs: null,
  }];
}

function tell(event: ChainEntry["event"], side: "A" | "B"): { kind: Activity["kind"]; amount: string } | null {
  const text = (member: string): string => String(event[member] ?? "0");
  switch (event["type"]) {
    case "opened":
      return { kind: "opened", amount: text("amount") };
    case "deposited":
      return { kind: "deposited", amount: text("amount") };
    case "withdrawn":
      return { kind: "withdrawn", amount: text("amount") };
    case "closed":
    case "recovered":
      return { kind: "closed", amount: text("declared") };
    case "counterClaimed":
      return { kind: "corrected", amount: text("transferred") };
    case "floorRaised":
      return { kind: "corrected", amount: text("floor") };
    case "settled":
    case "cooperativelyClosed":
      return { kind: "settled", amount: text(side === "A" ? "payA" : "payB") };
    default:
      return null;
  }
}

/** The event tape: what changed between two states of a person, one line each. */
import { formatQtum } from "../../session/amount.ts";
import type { State } from "../../session/state.ts";
import { eventText } from "../ChannelTimeline.tsx";

/** One line on the tape. */
export interface Line {
  readonly at: number;
  readonly text: string;
}

/** Who writes on the tape, and what they call their partner. */
export interface Writer {
  readonly name: string;
  /** The partner's name in a scene; else the state's own. */
  readonly partner?: string;
  /** Whether new blocks are worth a line: once per page is enough. */
  readonly blocks: boolean;
}

/** What a person saw happen from `before` to `after`. Pure: the clock is handed in. */
export function changes(writer: Writer, before: State, after: State, at: number): readonly Line[] {
  const lines: string[] = [];
  if (before.connection.status !== after.connection.status) lines.push(`${after.connection.status}`);
  if (writer.blocks && before.tip && after.tip && before.tip.height !== after.tip.height) lines.push(`block ${after.tip.height}`);
  for (const channel of after.channels) {
    const old = before.channels.find(({ id }) => id === channel.id);
    const { nonces, balances, phase, number } = channel;
    const partner = writer.partner ?? channel.partner.name;
    const bar = `${formatQtum(balances.mine)} / ${formatQtum(balances.partner)}`;
    if (!old) lines.push(`channel ${number} appears: ${bar}`);
    if (!old) continue;
    if (nonces.sent > old.nonces.sent) lines.push(`signed nonce ${nonces.sent}, transferred ${formatQtum(balances.sent)}: ${bar}`);
    if (nonces.delivered > old.nonces.delivered) lines.push(`relay stored nonce ${nonces.delivered}`);
    if (nonces.received > old.nonces.received) lines.push(`received nonce ${nonces.received}, transferred ${formatQtum(balances.received)}: ${bar}`);
    if (nonces.sentAcked > old.nonces.sentAcked) lines.push(`${partner} acked nonce ${nonces.sentAcked}`);
    if (phase !== old.phase) lines.push(`phase ${old.phase} → ${phase}`);
    if (channel.watch.armedNonce !== old.watch.armedNonce && channel.watch.armedNonce !== null) lines.push(`watchtower holds nonce ${channel.watch.armedNonce}`);
    if (channel.watch.lastAction !== old.watch.lastAction && channel.watch.lastAction) lines.push(`watchtower: ${channel.watch.lastAction}`);
    const known = new Set(old.timeline.filter(({ state }) => state === "done").map(({ key }) => key));
    for (const entry of channel.timeline) {
      if (entry.state !== "done" || entry.height === null || known.has(entry.key)) continue;
      lines.push(`on chain: ${eventText(entry, partner, 1)}`);
    }
  }
  return lines.map((text) => ({ at, text: `${writer.name}: ${text}` }));
}

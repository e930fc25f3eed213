/** Paying and being paid: sign, write, then send; verify, write, then say so (PROTOCOL §4). */
import { type Received, type Wire, acceptAck, receive } from "../core.ts";
import { isObject } from "../relay/frames.ts";
import type { PayReceipt, PayRequest } from "./actions.ts";
import { type Amount, satoshi } from "./amount.ts";
import { ackKey, nonceOfKey, paymentKey, proofKey } from "./book.ts";
import { type Context, bookOf, commit, keyOf, recordOf, rules, tell } from "./context.ts";
import { flush, unsentOf } from "./outbox.ts";
import { problem } from "./problem.ts";
import type { Activity, Channel, ChannelId, Side } from "./state.ts";
import type { ChannelRecord, OutboxRecord, UpdateRecord } from "./storage.ts";

/** Signs and writes a payment; resolves when the relay has it, or at once when we are offline. */
export async function pay(context: Context, request: PayRequest): Promise<PayReceipt> {
  const started = Date.now();
  const { amount, note = "" } = request;
  keyOf(context);
  if (amount <= 0n) throw problem("amount-zero");
  const { channelId, nonce } = await context.change(async () => {
    const channel = payable(context, request);
    const record = recordOf(context, channel.id);
    const tip = rules(context);
    const { channel: next, update } = keyOf(context).pay(record.channel, amount, tip);
    const { nonce, transferred } = proofOf(update);
    const line: Activity = {
      ...lineOf(record, channel, amount, "sent"),
      id: paymentKey(record.id, record.side, nonce), at: started, note, nonce, status: "stored",
    };
    await commit(context, {
      channels: [{ ...record, channel: next }],
      updates: [updateRecord(record.id, record.side, update, nonce, transferred, channel, started)],
      outbox: [{ key: proofKey(record.id, nonce), type: "proof.submit", channelId: record.id, data: JSON.stringify({ channelId: record.id, update }) }],
      activity: [line],
    });
    return { channelId: record.id, nonce };
  });
  await flush(context);
  const delivered = !bookOf(context).outbox.has(proofKey(channelId, nonce));
  const tookMs = Date.now() - started;
  const partnerOnline = context.store.get().channels.find(({ id }) => id === channelId)?.partner.online ?? false;
  return { channelId, nonce, status: delivered ? "delivered" : "stored", tookMs, partnerOnline };
}

/** The channel to pay in, with the refusals that a person can act on. */
function payable(context: Context, { channelId, to, amount }: PayRequest): Channel {
  const { channels } = context.store.get();
  const candidates = channelId
    ? channels.filter(({ id }) => id === channelId)
    : channels.filter(({ partner, phase }) => partner.address === to && phase !== "settled");
  const best = [...candidates].sort((left, right) => Number(right.balances.available - left.balances.available))[0];
  if (!best) throw problem("no-channel", { name: to ?? channelId ?? "?" });
  if (best.blocked) throw problem(best.blocked.code, best.blocked.params);
  const { available } = best.balances;
  if (available < amount) {
    throw problem("insufficient-channel-balance", { max: available, amount, partner: best.partner.name });
  }
  return best;
}

/**
 * A proof of the partner. Delivered by the relay it comes with its `cursor`, which moves in the same
 * transaction; read again in a comparison it has none, and a refusal is then answered with a nack.
 */
export async function receiveProof(context: Context, data: unknown, cursor: number | null): Promise<void> {
  const seen = cursor === null ? {} : { meta: { cursor } };
  if (!isObject(data) || !isObject(data["update"])) return commit(context, seen);
  const update: Wire = data["update"];
  const record = bookOf(context).channels.get(String(data["channelId"]));
  // A channel that we have not heard of comes with the next resync, proofs included.
  if (!record) return commit(context, seen);
  const { nonce } = proofOf(update);
  const channel = context.store.get().channels.find(({ id }) => id === record.id);
  if (channel && nonce <= channel.nonces.received) return commit(context, seen);
  const received = receive(record.channel, update, rules(context));
  switch (received.type) {
    case "held":
      return commit(context, seen);
    case "refused":
      // Perhaps we have not heard of a deposit or an update yet: compare first, then judge.
      if (cursor !== null) context.dirty(record.id);
      else await commit(context, { outbox: nackOf(record.id, received) });
      return commit(context, seen);
    case "accepted":
      return accepted(context, record, update, received, seen);
  }
}

/** The answer to a proof that stays refused after a comparison. */
function nackOf(channelId: ChannelId, { nack }: Extract<Received, { type: "refused" }>): OutboxRecord[] {
  return nack ? [{ key: `${channelId}/3/${String(nack["refused"])}`, type: "nack.submit", channelId, data: JSON.stringify({ channelId, nack }) }] : [];
}

async function accepted(
  context: Context,
  record: ChannelRecord,
  update: Wire,
  { channel }: Extract<Received, { type: "accepted" }>,
  seen: { meta?: { cursor: number } },
): Promise<void> {
  const at = Date.now();
  const before = context.store.get().channels.find(({ id }) => id === record.id);
  const { nonce, transferred } = proofOf(update);
  const amount = satoshi(transferred - (before?.balances.received ?? 0n));
  const partnerSide: Side = record.side === "A" ? "B" : "A";
  const line: Activity = {
    ...lineOf(record, before, amount, "received"),
    id: paymentKey(record.id, partnerSide, nonce), at, nonce, status: "done",
  };
  await commit(context, {
    ...seen,
    channels: [{ ...record, channel }],
    updates: [updateRecord(record.id, partnerSide, update, nonce, transferred, before, at)],
    activity: [line],
  });
  if (amount > 0n && before) {
    tell(context, { type: "notice", tone: "good", at, event: { type: "received", channelId: record.id, partner: before.partner, amount } });
  }
  context.ackSoon();
}

/** The relay delivers the partner's ack of a proof of ours. */
export async function receiveAck(context: Context, data: unknown, cursor: number): Promise<void> {
  const meta = { cursor };
  const record = isObject(data) ? bookOf(context).channels.get(String(data["channelId"])) : undefined;
  if (!record || !isObject(data)) return commit(context, { meta });
  const result = acceptAck(record.channel, data["ack"]);
  if (result.type === "refused") context.dirty(record.id);
  const channels = result.type === "accepted" ? [{ ...record, channel: result.channel }] : [];
  const acked = isObject(data["ack"]) && result.type !== "refused" ? Number(data["ack"]["nonce"]) : 0;
  // Who accepts a proof has it, and all before it: it need not be sent again if its confirmation was lost.
  const delivered = unsentOf(context, record.id).filter((key) => nonceOfKey(key) <= acked);
  await commit(context, { meta, channels, delivered, activity: ackedLines(context, record.id, acked) });
}

/** The payments of a channel that an ack of `nonce` confirms, told as such. */
export function ackedLines(context: Context, id: ChannelId, acked: number): Activity[] {
  return [...bookOf(context).activity.values()]
    .filter(({ channelId, kind, nonce, status }) => channelId === id && kind === "sent" && (status === "stored" || status === "delivered") && nonce !== null && nonce <= acked)
    .map((line) => ({ ...line, status: "acked" }));
}

/** The partner refused a proof that the relay took: compare, and let the user know. */
export async function receiveNack(context: Context, data: unknown, cursor: number): Promise<void> {
  const record = isObject(data) ? bookOf(context).channels.get(String(data["channelId"])) : undefined;
  await commit(context, { meta: { cursor } });
  if (!record || !isObject(data) || !isObject(data["nack"])) return;
  const { reason, newest, code } = data["nack"];
  context.dirty(record.id);
  if (TEMPORARY.has(String(code))) return;
  const partner = context.store.get().channels.find(({ id }) => id === record.id)?.partner.name ?? record.partner;
  const refused = problem("proof-refused", { partner, reason: String(reason), n: Number(newest) });
  tell(context, { type: "notice", tone: "bad", at: Date.now(), event: { type: "problem", problem: refused.data() } });
}

/** The partner will take the same bytes later. */
const TEMPORARY = new Set(["channel-frozen", "nonce-gap", "insufficient-channel-balance", "lock-not-expired", "too-many-unacked"]);

/** Acks what was received since the last time, all channels at once; nothing while locked. */
export async function ackAll(context: Context): Promise<void> {
  await context.change(async () => {
    const { key, book } = context;
    if (!key || !book || context.store.get().writer !== "held") return;
    for (const channel of context.store.get().channels) {
      const { received, receivedAcked } = channel.nonces;
      const record = book.channels.get(channel.id);
      if (received <= receivedAcked || !record) continue;
      const acked = key.ack(record.channel);
      if (!acked) continue;
      const data = JSON.stringify({ channelId: record.id, ack: acked.ack });
      await commit(context, {
        channels: [{ ...record, channel: acked.channel }],
        outbox: [{ key: ackKey(record.id), type: "ack.submit", channelId: record.id, data }],
      });
    }
  });
  await flush(context);
}

/** Nonce and transferred of an update. */
export function proofOf(update: Wire): { nonce: number; transferred: bigint } {
  const signed = isObject(update["proof"]) ? update["proof"]["proof"] : undefined;
  if (!isObject(signed)) throw problem("malformed");
  return { nonce: Number(signed["nonce"]), transferred: BigInt(String(signed["transferred"])) };
}

/** Whether two updates carry the same proof: the same four figures, whoever wrote them down. */
export function isSameProof(one: Wire, other: Wire): boolean {
  const [left, right] = [one, other].map(({ proof }) => (isObject(proof) && isObject(proof["proof"]) ? proof["proof"] : {}));
  return ["channelId", "nonce", "transferred", "locksRoot"].every((figure) => String(left?.[figure]) === String(right?.[figure]));
}

/** An update as it is kept, with what the other direction said at the time. */
function updateRecord(
  channelId: ChannelId, direction: Side, update: Wire, nonce: number, transferred: bigint, channel: Channel | undefined, at: number,
): UpdateRecord {
  const own = channel?.side === direction;
  const otherTransferred = String((own ? channel?.balances.received : channel?.balances.sent) ?? 0n);
  const otherNonce = (own ? channel?.nonces.received : channel?.nonces.sent) ?? 0;
  return { channelId, direction, nonce, update: JSON.stringify(update), transferred: String(transferred), otherTransferred, otherNonce, at };
}

/** What every line of the activity about this channel has in common. */
export const lineOf = (record: ChannelRecord, channel: Channel | undefined, amount: Amount, kind: Activity["kind"]): Activity => ({
  id: "", at: 0, kind, channelId: record.id, channelNumber: record.number, partner: channel?.partner ?? null, amount,
  note: "", nonce: null, txid: null, status: "done", tookMs: null,
});

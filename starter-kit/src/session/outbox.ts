/** The outbox: signed messages that are written and not yet with the relay, sent in order, again and again. */
import { type Context, bookOf, commit, tell } from "./context.ts";
import { type Problem, asProblem } from "./problem.ts";
import type { Activity, ChannelId } from "./state.ts";
import type { OutboxRecord } from "./storage.ts";
import { nonceOfKey, paymentKey } from "./book.ts";

/** Answers after which the same bytes may be taken later: they stay in the outbox. */
const LATER = new Set([
  "relay-unreachable", "rate-limited", "internal", "chain-behind", "chain-unreachable", "not-signed-in", "session-expired",
  "channel-frozen", "insufficient-channel-balance", "lock-not-expired", "too-many-unacked", "channel-closing",
]);

/** The relay has this number, or something newer: with the same payment or another, a comparison tells. */
const TAKEN = new Set(["stale-nonce", "nonce-conflict"]);

/** Outbox keys of own proofs of a channel. */
export const unsentOf = (context: Context, id: ChannelId): string[] =>
  [...bookOf(context).outbox.values()].flatMap(({ key, channelId, type }) => (channelId === id && type === "proof.submit" ? [key] : []));

/** Sends what is in the outbox; one flush at a time, a second call waits for a second round. */
export function flush(context: Context): Promise<void> {
  const { flushing } = context;
  if (flushing.next) return flushing.next;
  const after = (flushing.now ?? Promise.resolve()).then(() => {
    flushing.next = null;
    flushing.now = sendAll(context).finally(() => {
      flushing.now = null;
    });
    return flushing.now;
  });
  flushing.next = after;
  return after;
}

async function sendAll(context: Context): Promise<void> {
  const { book, socket } = context;
  if (!book || !socket?.online()) return;
  const queues = new Map<ChannelId, OutboxRecord[]>();
  for (const message of [...book.outbox.values()].sort((left, right) => (left.key < right.key ? -1 : 1))) {
    queues.set(message.channelId, [...(queues.get(message.channelId) ?? []), message]);
  }
  await Promise.all([...queues.values()].map((queue) => sendInOrder(context, queue)));
}

/** A proof without the one before it is refused: the first failure ends the round of its channel. */
async function sendInOrder(context: Context, queue: readonly OutboxRecord[]): Promise<void> {
  for (const message of queue) {
    if (!isUnsent(context, message)) continue;
    const started = Date.now();
    try {
      await context.socket?.request(message.type, JSON.parse(message.data));
    } catch (thrown) {
      if (await failed(context, message, asProblem(thrown))) continue;
      return;
    }
    await delivered(context, message, Date.now() - started);
  }
}

/** Meanwhile an ack may have confirmed it, or a newer one may have replaced it. */
const isUnsent = (context: Context, { key, data }: OutboxRecord): boolean => context.book?.outbox.get(key)?.data === data;

async function delivered(context: Context, message: OutboxRecord, tookMs: number): Promise<void> {
  await context.change(async () => {
    // An ack may have been replaced by a newer one while it travelled: that one has still to go.
    if (!isUnsent(context, message)) return;
    await commit(context, { delivered: [message.key], activity: deliveredLine(context, message, tookMs) });
  });
}

function deliveredLine(context: Context, { key, type, channelId }: OutboxRecord, tookMs: number): Activity[] {
  const record = bookOf(context).channels.get(channelId);
  if (type !== "proof.submit" || !record) return [];
  const line = bookOf(context).activity.get(paymentKey(channelId, record.side, nonceOfKey(key)));
  return line && line.status === "stored" ? [{ ...line, status: "delivered", tookMs }] : [];
}

/** Decides what a refusal means; true when the next message may go. */
async function failed(context: Context, message: OutboxRecord, cause: Problem): Promise<boolean> {
  if (cause.code === "already-held") {
    await delivered(context, message, 0);
    return true;
  }
  if (LATER.has(cause.code)) return false;
  // It was confirmed in another way while it travelled.
  if (!isUnsent(context, message)) return true;
  if (message.type !== "proof.submit") {
    // An ack or nack that the relay can not use is of use to nobody: the next one says the same.
    await context.change(() => commit(context, { delivered: [message.key] }));
    return true;
  }
  // Signed is sent, so it stays; the comparison finds out what the relay knows better.
  if (!context.complained.has(message.data)) {
    context.complained.add(message.data);
    // Most likely the confirmation was lost: whether there is anything to tell, the comparison knows.
    if (!TAKEN.has(cause.code)) tell(context, { type: "notice", tone: "bad", at: Date.now(), event: { type: "problem", problem: cause.data() } });
    context.dirty(message.channelId);
  }
  return false;
}

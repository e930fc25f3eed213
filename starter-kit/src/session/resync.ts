/** Meeting the relay again: the chain's facts, and the newest signatures of both sides (PROTOCOL §4.6). */
import { isObject } from "../relay/frames.ts";
import { type ChannelText, type Here, type Wire, giveWay as giveWayTo, hearPartner, merge, streetsOf, viewChannel, withFacts } from "../core.ts";
import type { ChannelShown, ProposalShown, TimelineShown } from "../relay/api.ts";
import { satoshi } from "./amount.ts";
import { activityOf } from "./chainActivity.ts";
import { nonceOfKey, paymentKey } from "./book.ts";
import { type Context, bookOf, commit, infoOf, keyOf, randomHash, recordOf, rules, tell } from "./context.ts";
import { flush, unsentOf } from "./outbox.ts";
import { ackedLines, isSameProof, lineOf, proofOf, receiveProof } from "./payments.ts";
import { asProblem, problem } from "./problem.ts";
import type { Activity, Channel, ChannelId, Side, Watch } from "./state.ts";
import type { ChainEntry, ChannelRecord, OfferRecord, UpdateRecord } from "./storage.ts";

/** Whether the user should hear of what is found: not when a page opens and finds old news. */
export type Loudness = "loud" | "quiet";

/** Compares all channels, then sends what the relay has not got. */
export async function resync(context: Context): Promise<void> {
  const shown = await context.api.channels();
  for (const one of shown) await compare(context, one, context.book?.channels.size === 0 ? "quiet" : "loud");
  await flush(context);
  context.ackSoon();
}

/** Compares one channel. */
export async function refreshChannel(context: Context, id: ChannelId | number, loudness: Loudness): Promise<ChannelId> {
  const shown = await context.api.channel(id);
  await compare(context, shown, loudness);
  await flush(context);
  return shown.channelId;
}

async function compare(context: Context, shown: ChannelShown, loudness: Loudness): Promise<void> {
  const id = shown.channelId;
  const { side } = shown;
  const partnerSide: Side = side === "A" ? "B" : "A";
  const { received, sent } = viewChannel(JSON.stringify(shown.channel), side, rules(context)).nonces;
  const held = context.store.get().channels.find((channel) => channel.id === id);
  // From the first that waits here, so that what the relay has in its place can be looked at.
  const known = Math.min(held?.nonces.sent ?? 0, ...unsentOf(context, id).map((key) => nonceOfKey(key) - 1));
  const [chain, offers, theirs, ours] = await Promise.all([
    context.api.timeline(id),
    context.api.proposals(id),
    (held?.nonces.received ?? 0) < received ? context.api.updates(id, partnerSide, held?.nonces.received ?? 0) : [],
    known < sent ? context.api.updates(id, side, known) : [],
  ]);
  const relayBehind = await context.change(async () => {
    await takeFacts(context, shown, chain, offers);
    // One by one, so that every payment is told; whatever can not be read so is adopted below.
    if (held) for (const update of theirs) await receiveProof(context, { channelId: id, update }, null);
    const whole = held ? [] : evidenceOf(id, partnerSide, theirs);
    return takePromises(context, { shown, sent, held, ours: evidenceOf(id, side, ours), theirs: whole }, loudness);
  });
  await makeGood(context, shown, relayBehind);
  if (shown.partnerOnline) context.online.add(recordOf(context, id).partner);
  announceNews(context, held, id, loudness);
}

/** What the chain says, and what the relay says about offers and the watchtower. */
async function takeFacts(context: Context, shown: ChannelShown, chain: readonly TimelineShown[], offers: readonly ProposalShown[]): Promise<void> {
  const known = bookOf(context).channels.get(shown.channelId);
  const here = hereOf(context, shown.channelId);
  const base = known ? { channel: withFacts(known.channel, shown.channel, here), number: known.number } : merge(null, shown.channel, here);
  const record: ChannelRecord = {
    id: shown.channelId,
    number: base.number,
    side: shown.side,
    partner: shown.side === "A" ? shown.accountB : shown.accountA,
    channel: base.channel,
    offers: offers.map((offer) => offerRecord(offer, shown.side)),
    watch: watchOf(shown.watch),
    chain: chain.map(chainEntry),
  };
  const transactions = openedBy(context, record);
  const activity = activityOf(record).filter(({ id }) => !bookOf(context).activity.has(id));
  await commit(context, { channels: [record], activity, transactions });
}

/** What the relay shows of a channel. */
interface Shown {
  readonly shown: ChannelShown;
  /** The newest own nonce in it. */
  readonly sent: number;
  /** The channel as it was here before the relay was asked. */
  readonly held: Channel | undefined;
  /** Own updates that the relay still has, from the first on that is unknown or unsent here. */
  readonly ours: readonly UpdateRecord[];
  /** Updates of the partner that were not received one by one. */
  readonly theirs: readonly UpdateRecord[];
}

/** Newer signatures than we hold, own ones included: then data had been lost, and we go on from there. */
async function takePromises(context: Context, { shown, sent, held, ours, theirs }: Shown, loudness: Loudness): Promise<boolean> {
  const record = recordOf(context, shown.channelId);
  const before = context.store.get().channels.find(({ id }) => id === record.id);
  const merged = merge(record.channel, shown.channel, hereOf(context, record.id));
  const word = shown.loss?.word;
  const channel = word ? hearPartner(merged.channel, record.side, word) : merged.channel;
  const { doubt, nonces } = viewChannel(channel, record.side, rules(context));
  const { delivered, replaced } = settledOf(context, record.id, sent, ours, doubt?.conflict !== undefined);
  const partnerSide: Side = record.side === "A" ? "B" : "A";
  const evidence = [...ours.filter(({ nonce }) => (held?.nonces.sent ?? 0) < nonce), ...theirs];
  const earns = isEarning(context, channel, partnerSide);
  const isNew = ({ id, kind }: Activity): boolean => (earns || kind === "sent") && !bookOf(context).activity.has(id);
  const lines = linesOf(record, [...ours, ...theirs], held, before).filter(isNew);
  await commit(context, {
    channels: [{ ...record, channel }],
    updates: evidence,
    activity: [...lines, ...linesAs("delivered", context, record, delivered), ...linesAs("failed", context, record, replaced)],
    delivered: [...delivered, ...replaced],
  });
  const after = context.store.get().channels.find(({ id }) => id === record.id);
  const received = (after?.balances.received ?? 0n) - (before?.balances.received ?? 0n);
  if (earns && before && after && received > 0n && theirs.length === 0) {
    // The relay no longer has the updates in between: one line tells them together.
    const line = { ...lineOf(record, after, satoshi(received), "received"), at: Date.now(), nonce: nonces.received };
    await commit(context, { activity: [{ ...line, id: paymentKey(record.id, partnerSide, nonces.received) }] });
  }
  await commit(context, { activity: ackedLines(context, record.id, nonces.sentAcked) });
  if (merged.adoptedOwn && loudness === "loud") {
    tell(context, { type: "notice", tone: "neutral", at: Date.now(), event: { type: "recovered-own-state", channelId: record.id } });
  }
  tellRefusals(context, before, doubt?.conflict ?? null, replaced.length > 0);
  return merged.relayBehind;
}

/**
 * What becomes of the payments that wait here and whose numbers the relay has used. What it has needs
 * no sending. Where it has another payment with that number, another device was first: ours reached
 * nobody. What it has forgotten counts as delivered, for a newer one of ours is there. And what
 * contradicts (`conflict`) waits for an answer of the user.
 */
function settledOf(context: Context, id: ChannelId, sentShown: number, ours: readonly UpdateRecord[], conflict: boolean) {
  const used = conflict ? [] : unsentOf(context, id).filter((key) => nonceOfKey(key) <= sentShown);
  const isReplaced = (key: string): boolean => {
    const theirs = ours.find(({ nonce }) => nonce === nonceOfKey(key));
    const waiting = JSON.parse(bookOf(context).outbox.get(key)?.data ?? "{}") as { update?: Wire };
    return theirs !== undefined && waiting.update !== undefined && !isSameProof(waiting.update, JSON.parse(theirs.update) as Wire);
  };
  return { delivered: used.filter((key) => !isReplaced(key)), replaced: used.filter(isReplaced) };
}

/**
 * Whether what the partner promises now is money. Promises are adopted in a channel that closes as well,
 * because the watching needs them; but the division of an end by agreement does not know them, and after a
 * settlement nobody pays them.
 */
function isEarning(context: Context, channel: ChannelText, partnerSide: Side): boolean {
  const { phase, frozenUntil } = viewChannel(channel, partnerSide, rules(context));
  return (phase === "open" || phase === "opening") && frozenUntil === null;
}

/** Two devices paid with one key: told once, when it is found out. */
function tellRefusals(context: Context, before: Channel | undefined, conflict: number | null, replaced: boolean): void {
  const partner = before?.partner.name ?? "Your partner";
  const told = [
    ...(conflict !== null && before?.doubt?.conflict == null ? [problem("nonce-conflict", { n: conflict, partner })] : []),
    ...(replaced ? [problem("stale-nonce")] : []),
  ];
  for (const one of told) tell(context, { type: "notice", tone: "bad", at: Date.now(), event: { type: "problem", problem: one.data() } });
}

/** Brings the relay what it has forgotten, answers the partner's question, and asks while we are in doubt. */
async function makeGood(context: Context, { channelId, loss }: ChannelShown, relayBehind: boolean): Promise<void> {
  const { channel, side } = recordOf(context, channelId);
  if (relayBehind) {
    await unlessRefused(async () => {
      const { brought } = await context.api.showStreets(channelId, streetsOf(channel));
      if (brought) tell(context, { type: "notice", tone: "neutral", at: Date.now(), event: { type: "relay-healed", channelId } });
    });
  }
  const { key } = context;
  const asked = loss?.asked;
  if (asked && key) await unlessRefused(() => context.api.answer(channelId, key.wordFor(channel, asked)));
  const { question } = viewChannel(channel, side, rules(context));
  if (question) await unlessRefused(() => context.api.ask(channelId, question));
}

/** A rule may forbid it for now, a deposit that does not count yet: the next comparison tries again. */
async function unlessRefused(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (thrown) {
    if (asProblem(thrown).code === "relay-unreachable") throw thrown;
  }
}

/** Two devices paid with one key: goes on from the relay's state. What never arrived is not sent. */
export async function giveWay(context: Context, id: ChannelId): Promise<void> {
  const shown = await context.api.channel(id);
  await context.change(async () => {
    const record = recordOf(context, id);
    const channel = giveWayTo(record.channel, shown.channel, hereOf(context, id));
    const dropped = unsentOf(context, id);
    await commit(context, { channels: [{ ...record, channel }], delivered: dropped, activity: linesAs("failed", context, record, dropped) });
  });
  await refreshChannel(context, id, "quiet");
}

/** The lines of payments whose messages have these outbox keys, with another status. */
function linesAs(status: Activity["status"], context: Context, { id, side }: ChannelRecord, keys: readonly string[]): Activity[] {
  const lines = keys.flatMap((key) => bookOf(context).activity.get(paymentKey(id, side, nonceOfKey(key))) ?? []);
  return lines.map((line) => ({ ...line, status }));
}

/** Updates that were taken over whole, kept for the history. */
function evidenceOf(channelId: ChannelId, direction: Side, updates: readonly Wire[]): UpdateRecord[] {
  const at = Date.now();
  return updates.map((update) => {
    const { nonce, transferred } = proofOf(update);
    const [text, sum] = [JSON.stringify(update), String(transferred)];
    return { channelId, direction, nonce, update: text, transferred: sum, otherTransferred: "0", otherNonce: 0, at };
  });
}

/** The payments that were taken over whole, as lines of the activity; those that are known here have theirs. */
function linesOf(record: ChannelRecord, evidence: readonly UpdateRecord[], held: Channel | undefined, shown: Channel | undefined): Activity[] {
  const last: Record<Side, bigint> = { A: 0n, B: 0n };
  if (held) last[record.side] = held.balances.sent;
  return evidence.flatMap(({ direction, nonce, transferred, at }) => {
    const amount = BigInt(transferred) - last[direction];
    last[direction] = BigInt(transferred);
    const own = direction === record.side;
    if (own && held && nonce <= held.nonces.sent) return [];
    const line = lineOf(record, shown, satoshi(amount), own ? "sent" : "received");
    return amount > 0n ? [{ ...line, id: paymentKey(record.id, direction, nonce), at, nonce, status: own ? "delivered" : "done" }] : [];
  });
}

const hereOf = (context: Context, id: ChannelId): Here => {
  const { chainId, contract, restoredAt = null } = infoOf(context);
  const unsent = unsentOf(context, id).length;
  return { domain: { chainId, contract }, account: keyless(context), tip: rules(context), question: randomHash(), restoredAt, unsent, since: bookOf(context).account?.since ?? null };
};

const keyless = (context: Context): string => bookOf(context).account?.accountHex ?? keyOf(context).identity(infoOf(context).network).accountHex;

function offerRecord(offer: ProposalShown, side: Side): OfferRecord {
  const fromB = offer["fromB"] === true;
  return {
    id: offer.id,
    mine: offer.proposer === side,
    offer: JSON.stringify(offer),
    kind: offer.kind,
    amount: String(offer["amountSat"] ?? "0"),
    fromMe: fromB === (side === "B"),
    sequence: offer.sequence,
    validUntil: offer.validUntil,
    declined: offer.endedAt !== null,
    countersignature: offer.countersignature,
  };
}

function watchOf(watch: ChannelShown["watch"]): Watch {
  const { armed, armedNonce, lastCheckedHeight, lastAction } = watch;
  return { armed, armedNonce, lastCheckedHeight, lastAction: actionText(lastAction) };
}

/** What the watchtower did, as a sentence's end: "raiseFloor, in block 23". */
function actionText(action: unknown): string | null {
  if (!isObject(action)) return null;
  const { call, minedAt, failedAt, sentAt } = action;
  const when = minedAt !== null ? `in block ${String(minedAt)}` : failedAt !== null ? `failed at block ${String(failedAt)}` : `sent at block ${String(sentAt)}`;
  return `${String(call)}, ${when}`;
}

const chainEntry = ({ height, txid, time, event }: TimelineShown): ChainEntry => ({
  height, txid, at: time === null ? null : Date.parse(time), event,
});

/** Own transactions that opened this channel learn which one it is. */
function openedBy(context: Context, record: ChannelRecord) {
  const opened = record.chain.find(({ event }) => event["type"] === "opened");
  const transaction = opened?.txid ? bookOf(context).transactions.get(opened.txid) : undefined;
  return transaction && transaction.channelId === null ? [{ ...transaction, channelId: record.id }] : [];
}

function announceNews(context: Context, before: Channel | undefined, id: ChannelId, loudness: Loudness): void {
  const channel = context.store.get().channels.find((one) => one.id === id);
  if (!channel || loudness === "quiet") return;
  const at = Date.now();
  if (!before && channel.side === "B" && channel.phase !== "settled") {
    const capacity = satoshi(channel.balances.capacity + channel.balances.pendingPartner);
    tell(context, { type: "notice", tone: "good", at, event: { type: "channel-opened", channelId: id, partner: channel.partner, capacity } });
  }
  const known = new Set(before?.proposals.map((proposal) => proposal.id));
  for (const proposal of channel.proposals) {
    if (proposal.mine || known.has(proposal.id)) continue;
    tell(context, { type: "notice", tone: "neutral", at, event: { type: "proposal", channelId: id, proposalId: proposal.id, partner: channel.partner } });
  }
  if (channel.payout && before && !before.payout) {
    tell(context, { type: "notice", tone: "good", at, event: { type: "paid-out", channelId: id, mine: channel.payout.mine } });
  }
}

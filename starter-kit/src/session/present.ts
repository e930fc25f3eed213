/** A channel as the screens see it: the core's figures with names, offers and history around them. */
import { type ChannelFigures, type DoubtFigures, type TipRules, viewChannel } from "../core.ts";
import type { Info } from "../relay/api.ts";
import { type Amount, ZERO, minus, plus, satoshi } from "./amount.ts";
import type { Book } from "./book.ts";
import { nameOf } from "./names.ts";
import { type ProblemData, problem } from "./problem.ts";
import type { Channel, Closing, OwnState, Proposal } from "./state.ts";
import type { ChannelRecord, UpdateRecord } from "./storage.ts";
import { timelineOf } from "./timeline.ts";

/** Own states that are worth a place on a screen. */
const HISTORY_SHOWN = 100;

/** The channel at the height of `tip`. */
export function present(record: ChannelRecord, book: Book, info: Info, tip: TipRules, online: ReadonlySet<string>): Channel {
  const figures = viewChannel(record.channel, record.side, tip);
  const updates = [...book.updates.values()].filter((update) => update.channelId === record.id);
  const closing = closingOf(figures, info.blockSeconds);
  const unsent = [...book.outbox.values()].filter((message) => message.channelId === record.id && message.type === "proof.submit").length;
  const settledBy = record.chain.find(({ event }) => event["type"] === "settled" || event["type"] === "cooperativelyClosed");
  const partner = { address: record.partner, name: nameOf(record.partner), online: online.has(record.partner) };
  return {
    id: record.id,
    number: figures.number,
    side: record.side,
    partner,
    phase: figures.phase,
    balances: figures.balances,
    window: figures.window,
    penaltyBps: figures.penaltyBps,
    openedAt: figures.openedAt,
    nonces: { ...figures.nonces, delivered: figures.nonces.sent - unsent },
    watch: record.watch,
    proposals: proposalsOf(record, figures, tip.height),
    closing,
    payout: figures.payout && { ...figures.payout, txid: settledBy?.txid ?? null },
    timeline: timelineOf(record, figures, closing, updates),
    can: figures.can,
    history: historyOf(record, figures, updates),
    evidence: record.channel,
    doubt: figures.doubt && { partner: figures.doubt.partner, conflict: figures.doubt.conflict ?? null },
    hearsay: figures.hearsay,
    blocked: blockOf(figures, partner.name),
  };
}

function closingOf({ closing }: ChannelFigures, blockSeconds: number): Closing | null {
  return closing && { ...closing, secondsLeft: closing.blocksLeft * blockSeconds };
}

/** Offers that can still be mined: the contract's sequence moves on when one was. */
function proposalsOf(record: ChannelRecord, { balances, phase, sequence }: ChannelFigures, height: number): Proposal[] {
  if (phase === "settled") return [];
  return record.offers
    .filter((offer) => height < offer.validUntil && !offer.declined && offer.sequence === sequence)
    .map((offer) => ({
      id: offer.id,
      kind: offer.kind,
      mine: offer.mine,
      payMine: balances.mine,
      payPartner: balances.partner,
      amount: satoshi(offer.amount),
      fromMe: offer.fromMe,
      validUntil: offer.validUntil,
      status: offer.countersignature === null ? "open" : "accepted",
    }));
}

/** Own states, oldest first, starting with "nothing sent". */
function historyOf(record: ChannelRecord, { balances }: ChannelFigures, updates: readonly UpdateRecord[]): OwnState[] {
  const own = updates
    .filter(({ direction }) => direction === record.side)
    .sort((left, right) => left.nonce - right.nonce)
    .slice(-HISTORY_SHOWN);
  const first = own[0];
  if (!first) return [];
  const then = (sent: Amount, received: Amount, nonce: number, receivedNonce: number, at: number): OwnState => ({
    nonce,
    transferred: sent,
    received,
    receivedNonce,
    mine: shifted(balances.mine, balances.sent - sent, balances.received - received),
    partner: shifted(balances.partner, balances.received - received, balances.sent - sent),
    at,
  });
  return [
    // A cheater may also say that it never sent anything.
    then(ZERO, ZERO, 0, 0, first.at),
    ...own.map((update) => then(satoshi(update.transferred), satoshi(update.otherTransferred), update.nonce, update.otherNonce, update.at)),
  ];
}

/** A balance before `gone` was paid away and `come` was received. */
const shifted = (now: Amount, gone: bigint, come: bigint): Amount => minus(plus(now, satoshi(gone)), satoshi(come));

/** Why nothing is signed, in words. */
export function doubtOf({ partner: waits, conflict }: DoubtFigures, partner: string): ProblemData {
  if (conflict !== undefined) return problem("nonce-conflict", { n: conflict, partner }).data();
  return problem(waits ? "recovering-partner" : "recovering", { partner }).data();
}

function blockOf({ phase, frozenUntil, confirmationsLeft, doubt }: ChannelFigures, partner: string): ProblemData | null {
  switch (phase) {
    case "finalizing":
    case "final":
      return problem("channel-closing", { partner }).data();
    case "settled":
      return problem("channel-not-open").data();
    case "opening":
      return problem("channel-opening", { n: confirmationsLeft }).data();
    case "open":
      if (doubt) return doubtOf(doubt, partner);
      return frozenUntil === null ? null : problem("channel-frozen", { n: frozenUntil }).data();
  }
}

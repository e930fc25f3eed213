/** Opening, filling and ending channels: each verb is a call of the contract that the core makes. */
import {
  type CallText, accountOf, creditAnswer, creditQuestion, depositCall, openCall, settleCall, watchChannel, withdrawCreditCall,
} from "../core.ts";
import { type Amount, ZERO } from "./amount.ts";
import { type Context, bookOf, commit, infoOf, keyOf, recordOf, rules } from "./context.ts";
import { problem } from "./problem.ts";
import { leastWindow } from "./policy.ts";
import { refreshChannel } from "./resync.ts";
import { spend } from "./spending.ts";
import type { Address, ChannelId, Purpose, Txid } from "./state.ts";
import type { OfferRecord } from "./storage.ts";

/** For how many blocks an offer or a close of ours can be mined: short, because it holds payments back. */
const VALID_BLOCKS = 20;

export async function openChannel(context: Context, request: { partner: Address; amount: Amount; window?: number }): Promise<Txid> {
  const { network, window, penaltyBps } = infoOf(context);
  const { partner, amount } = request;
  const account = accountOf(partner, network);
  if (account === bookOf(context).account?.accountHex) throw problem("own-address");
  const blocks = request.window ?? window.default;
  const least = leastWindow(network);
  if (blocks < least) throw problem("window-too-short", { n: blocks, least });
  const make = () => ({ call: openCall(account, amount, blocks, penaltyBps) });
  return spend(context, { purpose: "open", make, channelId: null, amount });
}

export async function deposit(context: Context, request: { channelId: ChannelId; amount: Amount; toPartner?: boolean }): Promise<Txid> {
  const { channelId, amount, toPartner = false } = request;
  if (amount <= 0n) throw problem("amount-zero");
  const { channel, side } = recordOf(context, channelId);
  const to = toPartner === (side === "A") ? "B" : "A";
  return spend(context, { purpose: "deposit", make: () => ({ call: depositCall(channel, to, amount) }), channelId, amount });
}

/** Signs an offer, writes that it binds us, and hands it to the relay. */
export async function offer(context: Context, channelId: ChannelId, amount: Amount | "close"): Promise<void> {
  const signed = await context.change(async () => {
    const record = recordOf(context, channelId);
    const validUntil = validUntilOf(context, channelId);
    const key = keyOf(context);
    const offered =
      amount === "close"
        ? key.offerClose(record.channel, validUntil, rules(context))
        : key.offerWithdraw(record.channel, amount, validUntil, rules(context));
    await commit(context, { channels: [{ ...record, channel: offered.channel }] });
    return offered.offer;
  });
  await context.api.propose(channelId, signed);
  await refreshChannel(context, channelId, "quiet");
}

/**
 * Accepts the partner's offer and sends the transaction; for an offer of ours that the partner
 * accepted, sends it in the partner's place.
 */
export async function acceptProposal(context: Context, request: { channelId: ChannelId; proposalId: string }): Promise<Txid> {
  const { channelId, proposalId } = request;
  const found = recordOf(context, channelId).offers.find(({ id }) => id === proposalId);
  if (!found || found.declined || found.validUntil <= context.height) throw problem("proposal-expired", { n: found?.validUntil ?? 0 });
  const purpose: Purpose = found.kind === "close" ? "cooperative-close" : "cooperative-withdraw";
  const amount = found.kind === "close" ? mine(context, channelId) : amountOf(found);
  if (found.mine) return spend(context, { purpose, make: () => ({ call: completed(context, channelId, found) }), channelId, amount });
  return spend(context, { purpose, channelId, amount, ...countersigned(context, channelId, found) });
}

/** Our signature is written with the transaction; the partner gets it before the network does. */
function countersigned(context: Context, channelId: ChannelId, { id, offer }: OfferRecord) {
  let signature = "";
  return {
    make: () => {
      const record = recordOf(context, channelId);
      const agreed = keyOf(context).acceptOffer(record.channel, JSON.parse(offer), rules(context));
      signature = agreed.signature;
      return { call: agreed.call, record: { ...record, channel: agreed.channel } };
    },
    first: async () => {
      await context.api.countersign(channelId, id, signature);
    },
  };
}

function completed(context: Context, channelId: ChannelId, { offer, countersignature }: OfferRecord): CallText {
  if (countersignature === null) throw problem("not-ready", { reason: "waiting for your partner's signature" });
  return keyOf(context).completeOffer(recordOf(context, channelId).channel, JSON.parse(offer), countersignature);
}

export async function declineProposal(context: Context, { channelId, proposalId }: { channelId: ChannelId; proposalId: string }): Promise<void> {
  await context.api.withdrawProposal(channelId, proposalId);
  await refreshChannel(context, channelId, "quiet");
}

/** Closes alone; `recover` declares nothing. What is signed is written with the transaction. */
export async function closeAlone(context: Context, channelId: ChannelId, how: "close" | "recover"): Promise<Txid> {
  const make = () => {
    const record = recordOf(context, channelId);
    const key = keyOf(context);
    const validUntil = validUntilOf(context, channelId);
    const closing =
      how === "close" ? key.closeAlone(record.channel, validUntil, rules(context)) : key.recover(record.channel, validUntil, rules(context));
    return { call: closing.call, record: { ...record, channel: closing.channel } };
  };
  return spend(context, { purpose: how, make, channelId, amount: mine(context, channelId) });
}

/** Sends what the core says helps now. */
export async function counterClaim(context: Context, channelId: ChannelId): Promise<Txid> {
  const make = () => {
    const { channel, side } = recordOf(context, channelId);
    const action = watchChannel(channel, side, context.height);
    if (!action || action.reason === "settleable") throw problem("nothing-to-post");
    return { call: action.call };
  };
  return spend(context, { purpose: "counter-claim", make, channelId, amount: mine(context, channelId) });
}

export async function settle(context: Context, channelId: ChannelId): Promise<Txid> {
  const shown = context.store.get().channels.find(({ id }) => id === channelId);
  if (shown?.closing && shown.closing.blocksLeft > 0) throw problem("too-early", { n: shown.closing.settleableAt - 1 });
  const make = () => ({ call: settleCall(recordOf(context, channelId).channel) });
  return spend(context, { purpose: "settle", make, channelId, amount: shown?.closing?.payMine ?? ZERO });
}

export async function withdrawCredit(context: Context): Promise<Txid> {
  const account = bookOf(context).account?.accountHex ?? "";
  const { output } = await context.api.call(infoOf(context).contract, creditQuestion(account), account, "0");
  const amount = creditAnswer(output);
  if (amount === 0n) throw problem("no-credit");
  return spend(context, { purpose: "withdraw-credit", make: () => ({ call: withdrawCreditCall(account) }), channelId: null, amount });
}

/** The last block for a signature of now: a few blocks, at most one window (the core refuses more). */
export function validUntilOf(context: Context, channelId: ChannelId): number {
  const window = context.store.get().channels.find(({ id }) => id === channelId)?.window ?? VALID_BLOCKS;
  return context.height + Math.min(VALID_BLOCKS, window);
}

const mine = (context: Context, channelId: ChannelId): Amount =>
  context.store.get().channels.find(({ id }) => id === channelId)?.balances.mine ?? ZERO;

const amountOf = ({ amount }: OfferRecord): Amount => BigInt(amount) as Amount;

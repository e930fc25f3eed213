/** Transactions: tried, signed, written, sent, and followed until the chain has said what became of them. */
import {
  type CallText, type Coin, type Purse, type SignedTransaction, accountOf, balance, callData, explainRevert, quote as quoteOf,
} from "../core.ts";
import type { TransactionShown } from "../relay/api.ts";
import type { Quote, QuoteRequest } from "./actions.ts";
import { type Amount, ZERO, plus, satoshi } from "./amount.ts";
import { type Context, bookOf, commit, infoOf, keyOf, tell } from "./context.ts";
import { asProblem, problem } from "./problem.ts";
import type { Address, ChannelId, Purpose, Txid } from "./state.ts";
import type { ChannelRecord, TransactionRecord } from "./storage.ts";

/** Purposes that race a deadline: they use no coin that another transaction still has to bring. */
const DISPUTE: ReadonlySet<Purpose> = new Set<Purpose>(["counter-claim", "raise-floor"]);
/** Blocks beyond the counted confirmations for which a transaction is still followed. */
const FOLLOWED = 5;

/** Something that is about to be asked of the contract. */
export interface Spending {
  readonly purpose: Purpose;
  readonly channelId: ChannelId | null;
  readonly amount: Amount;
  /**
   * Makes the call from the book as it is now: once for a trial, once more for good. What it signs
   * and what thereby binds (`record`) is written in the same transaction as the raw bytes.
   */
  readonly make: () => { readonly call: CallText; readonly record?: ChannelRecord };
  /** Runs after the writing and before the network hears of it; if it fails, nothing is sent. */
  readonly first?: () => Promise<void>;
}

/** Tries the call, signs it, writes it and sends it; resolves when the network has it. */
export function spend(context: Context, spending: Spending): Promise<Txid> {
  return context.spend(async () => {
    keyOf(context);
    await tryCall(context, callData(spending.make().call));
    const purse = await purseOf(context, DISPUTE.has(spending.purpose));
    return send(context, spending, () => {
      const { call, record } = spending.make();
      const { data, amountSat } = callData(call);
      return { signed: keyOf(context).signCall(call, purse), trial: { data, amountSat }, record };
    });
  });
}

/** Sends QTUM to an address. */
export function sendOnChain(context: Context, to: Address, amount: Amount): Promise<Txid> {
  return context.spend(async () => {
    const account = accountOf(to, infoOf(context).network);
    const purse = await purseOf(context, false);
    return send(context, { purpose: "send", channelId: null, amount }, () => ({
      signed: keyOf(context).signPayment(account, amount, purse), trial: null, record: undefined,
    }));
  });
}

/** What an action would cost at most. */
export async function quote(context: Context, { purpose, amount = ZERO }: QuoteRequest): Promise<Quote> {
  const purse = await purseOf(context, DISPUTE.has(purpose));
  return quoteOf(purpose, amount, ownAccount(context), purse);
}

/** Asks for the coins and shows what they come to. */
export async function refreshCoins(context: Context): Promise<void> {
  const { account } = bookOf(context);
  if (!account) return;
  const { listed, own } = await coinsOf(context);
  const { spendable, immature } = balance(listed, account.accountHex);
  const unconfirmed = own.reduce((sum, coin) => plus(sum, satoshi(coin.amountSat)), ZERO);
  tell(context, { type: "on-chain", onChain: { spendable, immature, unconfirmed, updatedAt: Date.now() } });
}

/** Looks after every transaction that is not final. */
export async function follow(context: Context): Promise<void> {
  const { book, info } = context;
  if (!book || !info) return;
  const enough = info.confirmations + FOLLOWED;
  const open = [...book.transactions.values()].filter(({ stage, confirmations }) => stage !== "rejected" && confirmations < enough);
  for (const record of open) await followOne(context, record);
}

async function followOne(context: Context, record: TransactionRecord): Promise<void> {
  let shown: TransactionShown;
  try {
    shown = await context.api.transaction(record.txid);
  } catch (thrown) {
    if (["unknown-transaction", "not-found"].includes(asProblem(thrown).code)) await broadcast(context, record);
    return;
  }
  const failed = shown.receipts.find(({ excepted }) => excepted !== "None" && excepted !== "");
  const mined = shown.confirmations > 0;
  const gone = !mined && record.confirmations > 0;
  const { height } = context;
  const next: TransactionRecord = {
    ...record,
    confirmations: shown.confirmations,
    height: mined ? shown.blockHeight : null,
    waitedBlocks: mined ? 0 : Math.max(0, height - record.sentAtHeight),
    stage: !mined ? "sent" : failed ? "reverted" : "confirmed",
    problem: null,
  };
  if (mined && failed) {
    const reason = record.problem?.params["reason"] ?? (await reasonOf(context, record, failed));
    const params = { reason, height: shown.blockHeight ?? height, fee: record.fee };
    const reverted = problem("contract-reverted", params).data();
    await store(context, { ...next, problem: reverted });
    if (record.stage !== "reverted") tell(context, { type: "notice", tone: "bad", at: Date.now(), event: { type: "problem", problem: reverted } });
    return;
  }
  if (gone) tell(context, { type: "notice", tone: "neutral", at: Date.now(), event: { type: "problem", problem: problem("tx-reorged").data() } });
  if (next.stage === record.stage && next.confirmations === record.confirmations && next.waitedBlocks === record.waitedBlocks) return;
  await store(context, next);
}

/** Why a mined call was reverted: receipts do not say, so the same call is tried again. */
async function reasonOf(context: Context, { trial }: TransactionRecord, receipt: TransactionShown["receipts"][number]): Promise<string> {
  if (receipt.output) return explainRevert(receipt.output).reason;
  if (receipt.exceptedMessage) return receipt.exceptedMessage;
  if (!trial) return receipt.excepted;
  try {
    const { output, excepted } = await context.api.call(infoOf(context).contract, trial.data, ownAccount(context), trial.amountSat);
    return excepted === "None" ? "it would be accepted now" : explainRevert(output).reason;
  } catch {
    return receipt.excepted;
  }
}

/** A call that the contract refuses now is not sent: the refusal costs nothing here. */
async function tryCall(context: Context, { data, amountSat }: { data: string; amountSat: string }): Promise<void> {
  const { output, excepted } = await context.api.call(infoOf(context).contract, data, ownAccount(context), amountSat);
  if (excepted === "None") return;
  const { code, reason } = explainRevert(output);
  throw problem("call-refused", { reason, why: code });
}

interface Signed {
  readonly signed: SignedTransaction;
  readonly trial: TransactionRecord["trial"];
  readonly record: ChannelRecord | undefined;
}

/** Persisted before it is sent: a crash in between sends it again, and nothing else spends its coins. */
async function send(context: Context, { purpose, channelId, amount, first }: Omit<Spending, "make">, sign: () => Signed): Promise<Txid> {
  const transaction = await context.change(async () => {
    const { signed, trial, record } = sign();
    const { hex, txid, fee, spends, change } = signed;
    const written: TransactionRecord = {
      txid, purpose, channelId, amount, fee, at: Date.now(), stage: "signed", confirmations: 0, height: null, waitedBlocks: 0,
      problem: null, hex, spends, change, sentAtHeight: context.height, trial,
    };
    await commit(context, { transactions: [written], channels: record ? [record] : [] });
    return written;
  });
  try {
    await first?.();
  } catch (thrown) {
    await store(context, { ...transaction, stage: "rejected", problem: asProblem(thrown).data() });
    throw thrown;
  }
  const sent = await broadcast(context, transaction);
  if (sent.problem) throw problem(sent.problem.code, sent.problem.params);
  followSoon(context);
  return transaction.txid;
}

async function broadcast(context: Context, record: TransactionRecord): Promise<TransactionRecord> {
  try {
    await context.api.broadcast(record.hex, record.purpose);
  } catch (thrown) {
    const cause = asProblem(thrown);
    // Nobody knows whether it arrived: it stays, and is sent again when the relay is back.
    if (cause.code !== "tx-rejected") return record;
    if (/already|known/i.test(String(cause.params["nodeReason"] ?? ""))) return record;
    return store(context, { ...record, stage: "rejected", problem: cause.data() });
  }
  return store(context, { ...record, stage: "sent" });
}

async function store(context: Context, record: TransactionRecord): Promise<TransactionRecord> {
  await context.change(() => commit(context, { transactions: [record] }));
  return record;
}

/** On a chain that mines at once the block may be there before the answer is. */
function followSoon(context: Context): void {
  void follow(context)
    .then(() => refreshCoins(context))
    .catch(() => undefined);
}

async function purseOf(context: Context, confirmedOnly: boolean): Promise<Purse> {
  const [{ listed, own }, feeRate] = await Promise.all([coinsOf(context), feeRateOf(context)]);
  return { contract: infoOf(context).contract, coins: [...listed, ...own], feeRate, confirmedOnly };
}

/** Coins that no pending transaction of ours spends, and the change that those will bring. */
async function coinsOf(context: Context): Promise<{ listed: Coin[]; own: Coin[] }> {
  const { account, transactions } = bookOf(context);
  if (!account) throw problem("not-ready", { reason: "without a key" });
  const listed = await context.api.coins(account.address);
  const pending = [...transactions.values()].filter(({ stage }) => stage === "signed" || stage === "sent");
  const spent = new Set(pending.flatMap(({ spends }) => spends));
  const known = new Set(listed.map(nameOfCoin));
  const own = pending.flatMap(({ change }) => (change && !known.has(nameOfCoin(change)) && !spent.has(nameOfCoin(change)) ? [change] : []));
  return { listed: listed.filter((coin) => !spent.has(nameOfCoin(coin))), own };
}

const nameOfCoin = ({ txid, vout }: Coin): string => `${txid}:${vout}`;

/** The node's price of 1,000 bytes in satoshi; 0 lets the core take the network's least. */
async function feeRateOf(context: Context): Promise<number> {
  try {
    const rate = Number((await context.api.fees()).feePerKilobyteSat);
    return Number.isSafeInteger(rate) && rate > 0 ? rate : 0;
  } catch {
    return 0;
  }
}

const ownAccount = (context: Context): string => bookOf(context).account?.accountHex ?? "";

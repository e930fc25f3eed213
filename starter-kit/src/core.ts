/**
 * The Rust core in the browser: the only file that loads it.
 *
 * Channels, updates, calls and offers are JSON texts that only the core reads; what screens and
 * session need of them comes back as values. Whatever the core refuses is thrown as a `Problem`.
 */
import init, * as wasm from "./core/pkg/sparky_wasm.js";
import { problemFrom } from "./relay/problem.ts";
import { type Amount, satoshi } from "./session/amount.ts";
import { Problem, problem } from "./session/problem.ts";
import type { Abilities, Address, Balances, ChannelId, Phase, Purpose, Side, Txid } from "./session/state.ts";

/** A channel as the core stores it. Opaque. */
export type ChannelText = string;
/** A contract call as the core makes it. Opaque. */
export type CallText = string;

/** Where the chain stands, and the rules of this network. */
export interface TipRules {
  readonly height: number;
  readonly confirmations: number;
  readonly reserve: { readonly bps: number; readonly minimum: string };
}

export interface Identity {
  readonly address: Address;
  readonly accountHex: string;
  readonly publicKey: string;
  readonly ecRecoveryAddress: string;
}

/** An unspent output as the relay lists it. */
export interface Coin {
  readonly txid: Txid;
  readonly vout: number;
  readonly amountSat: string;
  readonly script: string;
  readonly height: number | null;
  readonly confirmations: number;
  readonly coinbase: boolean;
  readonly spendable: boolean;
}

/** What a transaction may be paid with. */
export interface Purse {
  readonly contract: string;
  readonly coins: readonly Coin[];
  readonly feeRate: number;
  readonly confirmedOnly: boolean;
}

export interface SignedTransaction {
  readonly hex: string;
  readonly txid: Txid;
  readonly amount: Amount;
  readonly fee: Amount;
  readonly spends: readonly string[];
  readonly change: Coin | null;
}

/** An update or ack on its way: the core's JSON as a value, sent as it is. */
export type Wire = Readonly<Record<string, unknown>>;

export type Received =
  | { readonly type: "accepted"; readonly channel: ChannelText }
  | { readonly type: "held" }
  | { readonly type: "refused"; readonly nack: Wire | null; readonly code: string; readonly reason: string; readonly temporary: boolean };

export interface Merged {
  readonly channel: ChannelText;
  readonly number: number;
  readonly side: Side;
  readonly adoptedOwn: boolean;
  /** The relay has forgotten something that is known here. */
  readonly relayBehind: boolean;
  readonly refused: string | null;
}

export interface ChannelFigures {
  readonly number: number;
  readonly partner: string;
  readonly window: number;
  readonly penaltyBps: number;
  readonly openedAt: number;
  readonly sequence: number;
  readonly phase: Phase;
  readonly balances: Balances;
  readonly nonces: { readonly sent: number; readonly sentAcked: number; readonly received: number; readonly receivedAcked: number };
  readonly frozenUntil: number | null;
  /** What keeps this device from signing: it lost its memory, or two devices signed with one key. */
  readonly doubt: DoubtFigures | null;
  /** What this device signed is known by the relay's word alone: closing alone declares nothing and takes three windows. */
  readonly hearsay: boolean;
  /** What the partner is to be asked with, while its word is of use. */
  readonly question: string | null;
  readonly confirmationsLeft: number;
  readonly closing: ClosingFigures | null;
  readonly payout: { readonly mine: Amount; readonly partner: Amount; readonly penalty: Amount; readonly together: boolean; readonly height: number } | null;
  readonly can: Abilities;
}

export interface DoubtFigures {
  /** What the partner is asked with. */
  readonly question: string;
  /** Whether the partner must be heard; else the relay is enough. */
  readonly partner: boolean;
  /** The nonce with which two different proofs of ours exist. */
  readonly conflict?: number;
}

export interface ClosingFigures {
  readonly kind: "alone" | "recover";
  readonly byMe: boolean;
  readonly closedAt: number;
  readonly deadline: number;
  readonly settleableAt: number;
  readonly blocksLeft: number;
  readonly blocksTotal: number;
  readonly stale: boolean;
  readonly corrected: boolean;
  readonly payMine: Amount;
  readonly payPartner: Amount;
  readonly penalty: Amount;
  readonly expectMine: Amount;
  readonly expectPartner: Amount;
}

/** A key in the core's memory. `wipe` removes it. */
export interface Key {
  readonly identity: (network: string) => Identity;
  readonly toWif: (network: string) => string;
  /** The secret bytes, to be encrypted; the caller wipes them. */
  readonly toBytes: () => Uint8Array<ArrayBuffer>;
  readonly signLogin: (login: unknown, expected: { relay: string; origin: string; now: number }) => string;
  readonly pay: (channel: ChannelText, amount: Amount, tip: TipRules) => { channel: ChannelText; update: Wire };
  readonly ack: (channel: ChannelText) => { channel: ChannelText; ack: Wire } | null;
  readonly offerClose: (channel: ChannelText, validUntil: number, tip: TipRules) => { channel: ChannelText; offer: Wire };
  readonly offerWithdraw: (channel: ChannelText, amount: Amount, validUntil: number, tip: TipRules) => { channel: ChannelText; offer: Wire };
  readonly acceptOffer: (channel: ChannelText, offer: unknown, tip: TipRules) => { channel: ChannelText; signature: string; call: CallText };
  readonly completeOffer: (channel: ChannelText, offer: unknown, signature: string) => CallText;
  readonly closeAlone: (channel: ChannelText, validUntil: number, tip: TipRules) => { channel: ChannelText; call: CallText };
  readonly recover: (channel: ChannelText, validUntil: number, tip: TipRules) => { channel: ChannelText; call: CallText };
  /** The word on what is held here, for a partner who asks after a loss. */
  readonly wordFor: (channel: ChannelText, question: string) => Wire;
  /** A backup file with everything, key included. */
  readonly sealFile: (content: BackupContent, passphrase: string) => string;
  /** What a relay keeps, which only this key opens. */
  readonly sealBlob: (content: BackupContent) => string;
  /** `backup-other-key`, `backup-damaged`, … */
  readonly openBlob: (blob: string, revision: number) => BackupContent;
  readonly signCall: (call: CallText, purse: Purse) => SignedTransaction;
  readonly signPayment: (to: string, amount: Amount, purse: Purse) => SignedTransaction;
  readonly wipe: () => void;
}

/** What is in a backup, as the command line writes it too; `app` is ours. */
export interface BackupContent {
  readonly version: 1;
  readonly account: string;
  readonly network: string;
  readonly domain: { readonly chainId: number; readonly contract: string };
  readonly revision: number;
  readonly madeAt: number;
  readonly channels: readonly SavedChannel[];
  readonly app: unknown;
}

/** A channel in a backup: the core's, and own updates that the relay may lack. */
export interface SavedChannel {
  readonly channel: Wire;
  readonly outbox: readonly Wire[];
}

/** Loads the core once; later calls wait for the same. Tests hand in the bytes. */
export function loadCore(bytes?: BufferSource): Promise<void> {
  loading ??= init(bytes === undefined ? undefined : { module_or_path: bytes }).then(
    () => undefined,
    (thrown: unknown) => {
      loading = undefined;
      throw problem("core-failed", { reason: String(thrown) });
    },
  );
  return loading;
}
let loading: Promise<void> | undefined;

/** Satoshi of what a person typed: `amount-invalid`, `amount-too-precise`, … */
export const parseQtum = (text: string): Amount => satoshi(guard(() => wasm.parseQtum(text)));
/** The account in hex behind an address. */
export const accountOf = (address: string, network: string): string => guard(() => wasm.accountOf(address, network));
/** The address of an account in hex. */
export const addressOf = (account: string, network: string): Address => guard(() => wasm.addressOf(account, network));

export const keyFromWif = (wif: string, network: string): Key => wrap(guard(() => wasm.Key.fromWif(wif, network)));
/** The bytes are wiped. */
export const keyFromBytes = (bytes: Uint8Array): Key => wrap(guard(() => wasm.Key.fromBytes(bytes)));

export const receive = (channel: ChannelText, update: unknown, tip: TipRules): Received =>
  parse<Received>(guard(() => wasm.receive(channel, text(update), text(tip))));
export const acceptAck = (channel: ChannelText, ack: unknown): Received => parse<Received>(guard(() => wasm.acceptAck(channel, text(ack))));

/** Where we are, for whom: what a page knows without the relay's word on the channel. */
export interface Here {
  readonly domain: { readonly chainId: number; readonly contract: string };
  readonly account: string;
  readonly tip: TipRules;
  /** With what the partner is asked if a doubt begins here. */
  readonly question: string;
  readonly restoredAt: number | null;
  /** Own proofs that have not reached the relay. */
  readonly unsent: number;
  /** The height at which this memory began: what was opened later it can not have forgotten. */
  readonly since: number | null;
}

/** The same promises over the facts of the chain that the relay shows. */
export const withFacts = (known: ChannelText, shown: unknown, here: Here): ChannelText => guard(() => wasm.withFacts(known, text(shown), text(here)));

/** Takes over what the relay shows of a channel; see the core's `merge`. */
export const merge = (known: ChannelText | null, shown: unknown, here: Here): Merged => parse<Merged>(guard(() => wasm.merge(known, text(shown), text(here))));

/** Gives up own proofs that contradict what the relay shows, and goes on from there. */
export const giveWay = (known: ChannelText, shown: unknown, here: Here): ChannelText => guard(() => wasm.giveWay(known, text(shown), text(here)));

/** Both streets, for a relay that has forgotten them. */
export const streetsOf = (channel: ChannelText): Wire => JSON.parse(guard(() => wasm.streetsOf(channel))) as Wire;

/** The channel after the partner's word. */
export const hearPartner = (channel: ChannelText, side: Side, word: unknown): ChannelText => guard(() => wasm.hearPartner(channel, side, text(word)));

/** What everybody can read of a backup file: `backup-not-one`, `backup-damaged`, `backup-other-network`, … */
export const readBackup = (file: string, network: string): { address: Address; network: string; madeAt: number } =>
  JSON.parse(guard(() => wasm.readBackup(file, network)));

/** Opens a backup file: `wrong-passphrase`. The caller wipes the key. */
export function openBackup(file: string, network: string, passphrase: string): { key: Key; content: BackupContent } {
  const opened = guard(() => wasm.openBackup(file, network, passphrase));
  const key = guard(() => opened.takeKey());
  const content = JSON.parse(opened.content()) as BackupContent;
  opened.free();
  if (!key) throw problem("backup-damaged");
  return { key: wrap(key), content };
}

/** What is kept of a channel after a backup was read; null when that holds nothing new. */
export function restoredChannel(known: SavedChannel | null, saved: SavedChannel, side: Side, question: string, tip: TipRules): SavedChannel | null {
  const taken = guard(() => wasm.restoredChannel(known === null ? undefined : text(known), text(saved), side, question, text(tip)));
  return taken === undefined ? null : (JSON.parse(taken) as SavedChannel);
}

/** Which channel a saved one is, for its account. */
export const savedChannel = (channel: Wire, account: string, network: string): { id: ChannelId; number: number; side: Side; partner: Address } =>
  JSON.parse(guard(() => wasm.savedChannel(text(channel), account, network)));

export function viewChannel(channel: ChannelText, side: Side, tip: TipRules): ChannelFigures {
  return parse<ChannelFigures>(guard(() => wasm.viewChannel(channel, side, text(tip))));
}

/** The call that helps us now, if one does. */
export function watchChannel(channel: ChannelText, side: Side, height: number): { reason: string; call: CallText; deadline: number | null } | null {
  const action = guard(() => wasm.watchChannel(channel, side, height));
  if (action === undefined) return null;
  const { reason, call, deadline } = parse<{ reason: string; call: Wire; deadline: number | null }>(action);
  return { reason, call: text(call), deadline };
}

export const openCall = (partner: string, amount: Amount, window: number, penaltyBps: number): CallText =>
  guard(() => wasm.openCall(partner, String(amount), window, penaltyBps));
export const depositCall = (channel: ChannelText, to: Side, amount: Amount): CallText => guard(() => wasm.depositCall(channel, to, String(amount)));
export const settleCall = (channel: ChannelText): CallText => guard(() => wasm.settleCall(channel));
export const staleCloseCall = (channel: ChannelText, side: Side, declared: Amount, validUntil: number): CallText =>
  guard(() => wasm.staleCloseCall(channel, side, String(declared), validUntil));
export const withdrawCreditCall = (account: string): CallText => guard(() => wasm.withdrawCreditCall(account));

/** A call as the node runs it for a trial. */
export const callData = (call: CallText): { data: string; amountSat: string; gasLimit: number } => JSON.parse(guard(() => wasm.callData(call)));
/** Why a trial failed. */
export const explainRevert = (output: string): { code: string; reason: string } => JSON.parse(guard(() => wasm.explainRevert(output)));
export const creditQuestion = (account: string): string => guard(() => wasm.creditQuestion(account));
export const creditAnswer = (output: string): Amount => satoshi(guard(() => wasm.creditAnswer(output)));

/** The miner's fee, the most gas can cost, and the sum with the amount. */
export function quote(purpose: Purpose, amount: Amount, owner: string, purse: Purse): { fee: Amount; gas: Amount; total: Amount } {
  const { feeSat, gasSat, totalSat } = JSON.parse(guard(() => wasm.quote(purpose, String(amount), owner, text(purse)))) as Record<string, string>;
  return { fee: satoshi(feeSat ?? 0), gas: satoshi(gasSat ?? 0), total: satoshi(totalSat ?? 0) };
}

/** What of these coins can be spent, and what is too young. */
export function balance(coins: readonly Coin[], owner: string): { spendable: Amount; immature: Amount } {
  const { spendableSat, immatureSat } = JSON.parse(guard(() => wasm.balance(text(coins), owner))) as Record<string, string>;
  return { spendable: satoshi(spendableSat ?? 0), immature: satoshi(immatureSat ?? 0) };
}

/** The network's id as the core names it. */
export const channelIdOf = (update: Wire): ChannelId => String((update["proof"] as { proof: { channelId: string } }).proof.channelId);

function wrap(key: wasm.Key): Key {
  const run = <T>(action: () => string): T => parse<T>(guard(action));
  return {
    identity: (network) => run(() => key.identity(network)),
    toWif: (network) => guard(() => key.toWif(network)),
    toBytes: () => new Uint8Array(guard(() => key.toBytes())),
    signLogin: (login, expected) => guard(() => key.signLogin(text(login), text(expected))),
    pay: (channel, amount, tip) => run(() => key.send(channel, text([{ type: "transfer", amount: String(amount) }]), text(tip))),
    ack: (channel) => {
      const acked = guard(() => key.ack(channel));
      return acked === undefined ? null : parse(acked);
    },
    offerClose: (channel, validUntil, tip) => run(() => key.offerClose(channel, validUntil, text(tip))),
    offerWithdraw: (channel, amount, validUntil, tip) => run(() => key.offerWithdraw(channel, String(amount), validUntil, text(tip))),
    acceptOffer: (channel, offer, tip) => withCall(run<{ channel: ChannelText; signature: string; call: unknown }>(() => key.acceptOffer(channel, text(offer), text(tip)))),
    completeOffer: (channel, offer, signature) => guard(() => key.completeOffer(channel, text(offer), text(signature))),
    closeAlone: (channel, validUntil, tip) => withCall(run<Closing>(() => key.closeAlone(channel, validUntil, text(tip)))),
    recover: (channel, validUntil, tip) => withCall(run<Closing>(() => key.recover(channel, validUntil, text(tip)))),
    wordFor: (channel, question) => run(() => key.wordFor(channel, question)),
    sealFile: (content, passphrase) => guard(() => key.sealFile(text(content), passphrase, crypto.getRandomValues(new Uint8Array(40)))),
    sealBlob: (content) => guard(() => key.sealBlob(text(content), crypto.getRandomValues(new Uint8Array(24)))),
    openBlob: (blob, revision) => JSON.parse(guard(() => key.openBlob(blob, revision))) as BackupContent,
    signCall: (call, purse) => signed(run(() => key.signCall(call, text(purse)))),
    signPayment: (to, amount, purse) => signed(run(() => key.signPayment(to, String(amount), text(purse)))),
    wipe: () => key.free(),
  };
}

interface Closing {
  readonly channel: ChannelText;
  readonly call: unknown;
}

function signed(raw: { hex: string; txid: Txid; amountSat: string; feeSat: string; spends: string[]; change: Coin | null }): SignedTransaction {
  const { hex, txid, spends, change } = raw;
  return { hex, txid, spends, change, amount: satoshi(raw.amountSat), fee: satoshi(raw.feeSat) };
}

/** A call stays text: only the core reads it. */
const withCall = <T extends { call: unknown }>(value: T): T & { call: CallText } => ({ ...value, call: text(value.call) });

const text = (value: unknown): string => JSON.stringify(value);

/** Members that are amounts in what the core reports: decimal strings there, bigints here. */
const AMOUNTS = new Set([
  "mine", "partner", "capacity", "available", "receivable", "locked", "pendingMine", "pendingPartner", "sent", "received",
  "payMine", "payPartner", "penalty", "expectMine", "expectPartner",
]);

function parse<T>(json: string): T {
  return JSON.parse(json, (key, value: unknown) =>
    AMOUNTS.has(key) && typeof value === "string" && /^\d+$/.test(value) ? BigInt(value) : value,
  ) as T;
}

/** Runs the core; what it throws is `{code, detail, params}` as text. */
function guard<T>(action: () => T): T {
  try {
    return action();
  } catch (thrown) {
    if (thrown instanceof Problem) throw thrown;
    if (typeof thrown === "string") throw problemFrom(JSON.parse(thrown));
    throw problem("core-failed", { reason: String(thrown) });
  }
}

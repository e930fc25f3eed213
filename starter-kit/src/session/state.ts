/**
 * Everything the screens show, as plain data.
 *
 * The session derives the figures of a channel with the Rust core whenever a proof or a block
 * arrives; screens never compute a balance, a phase or a deadline. Amounts are satoshi, times of
 * the chain are heights in blocks, times of the clock are milliseconds since 1970.
 */
import type { Amount } from "./amount.ts";
import type { ProblemData } from "./problem.ts";

/** The id of a channel: `0x` and 64 hex digits. */
export type ChannelId = string;
/** A base58 address, the text of an account. */
export type Address = string;
/** The id of a transaction, 64 hex digits. */
export type Txid = string;
/** Which participant of a channel: A opened it. */
export type Side = "A" | "B";

export interface State {
  /** What the page can show at all. */
  readonly stage: Stage;
  /** The profile of this page (`?profile=`); every profile has its own key and its own storage. */
  readonly profile: string;
  /** Profiles that exist in this browser, for the account switcher. */
  readonly profiles: readonly ProfileSummary[];
  /** This page's right to write. Only one page per profile may sign. */
  readonly writer: Writer;
  /** Who we are; null until a key was made or imported. Known while locked, too. */
  readonly account: Account | null;
  readonly connection: Connection;
  /** What the relay says of itself and the network; null until it answered once. */
  readonly network: Network | null;
  readonly tip: Tip | null;
  readonly onChain: OnChain;
  /** All channels of the account, newest number first. */
  readonly channels: readonly Channel[];
  /** Sums over the open channels, for the home page. */
  readonly totals: Totals;
  /** Payments and on-chain actions, newest first. */
  readonly activity: readonly Activity[];
  /** Own transactions that are not final, newest first; settled ones stay until dismissed. */
  readonly transactions: readonly OwnTransaction[];
  /** What needs the user's attention, most urgent first. */
  readonly alerts: readonly Alert[];
  /** Messages that announce something once (toast, live region), oldest first, until dismissed. */
  readonly notices: readonly Notice[];
  readonly settings: Settings;
  /** What the relay keeps for us. */
  readonly backup: Backup;
}

export interface Backup {
  /** Counts the backups of this account at the relay; 0 = none that is known here. */
  readonly revision: number;
  /** Why the last attempt failed; null when it did not. */
  readonly problem: ProblemData | null;
}

/**
 * `starting`: the core and the storage are being opened. `failed`: they can not be (see `problem`).
 * `welcome`: no key yet. `locked`: a key exists, its passphrase is needed. `ready`: all can be used.
 */
export type Stage =
  | { readonly type: "starting" }
  | { readonly type: "failed"; readonly problem: ProblemData }
  | { readonly type: "welcome" }
  | { readonly type: "locked" }
  | { readonly type: "ready" };

/** `second-tab`: another page holds the profile; this one only shows (action `takeOver`). */
export type Writer = "acquiring" | "held" | "second-tab";

export interface ProfileSummary {
  readonly profile: string;
  readonly name: string;
  readonly address: Address;
  readonly demo: boolean;
}

export interface Account {
  /** What the user calls this profile: "Alice", "Me". */
  readonly name: string;
  readonly address: Address;
  /** The 20-byte account in hex with `0x`: what contracts see. */
  readonly accountHex: string;
  /** The compressed public key in hex. */
  readonly publicKey: string;
  /** For tooling only: money sent here is lost. */
  readonly ecRecoveryAddress: string;
  readonly protection: Protection;
}

/**
 * What protects the key at rest. `public`: a demo key, everybody has it. `passphrase`: AES-GCM
 * under a key derived from a passphrase. `device`: AES-GCM under a key that this browser keeps and
 * does not give out; whoever can use this browser profile can use the key.
 */
export type Protection = "public" | "passphrase" | "device";

export interface Connection {
  readonly status: "connecting" | "online" | "offline";
  /** When the next attempt is made (offline only). */
  readonly retryAt: number | null;
  /** Why we are offline, when known. */
  readonly problem: ProblemData | null;
  /** Signed messages that are stored here and wait for the relay's receipt. */
  readonly unsent: number;
}

export interface Network {
  readonly name: "dev" | "regtest" | "testnet" | "mainnet";
  readonly chainId: number;
  /** The contract's address in hex with `0x`. */
  readonly contract: string;
  /** Average seconds between two blocks, to turn blocks into time. */
  readonly blockSeconds: number;
  /** Confirmations after which a deposit counts. */
  readonly confirmations: number;
  readonly window: { readonly default: number; readonly min: number; readonly max: number };
  /** The capacity that the default window protects well; null where nobody has anything to lose. */
  readonly safeCapacity: Amount | null;
  readonly penaltyBps: number;
  readonly relayVersion: string;
  /** Whether `/lab` and the dev actions exist. */
  readonly dev: boolean;
  /** Whether the relay's watchtower is on; null when the relay does not say. */
  readonly tower: boolean | null;
}

export interface Tip {
  readonly height: number;
  readonly hash: string;
  /** When the block was made. */
  readonly time: number;
  /** When this page heard of it. */
  readonly seenAt: number;
}

export interface OnChain {
  /** What can be spent at once, without the coins that own unconfirmed transactions use. */
  readonly spendable: Amount;
  /** Own change and receipts that are not in a block yet. */
  readonly unconfirmed: Amount;
  /** Block rewards and gas refunds that still mature. */
  readonly immature: Amount;
  /** When the figures were fetched; null = never. */
  readonly updatedAt: number | null;
}

export interface Totals {
  /** Spendable now, over all open channels. */
  readonly available: Amount;
  /** What partners can pay us now. */
  readonly receivable: Amount;
  /** In channels that are closing, and in open locks. */
  readonly locked: Amount;
  /** Height at which the first locked amount comes back; null when nothing is locked. */
  readonly lockedUntil: number | null;
}

export interface Channel {
  readonly id: ChannelId;
  /** What people say: "channel 5". */
  readonly number: number;
  readonly side: Side;
  readonly partner: Partner;
  readonly phase: Phase;
  readonly balances: Balances;
  /** The finalization period in blocks. */
  readonly window: number;
  readonly penaltyBps: number;
  /** Height of the block with the opening. */
  readonly openedAt: number;
  /** Newest nonces, for the advanced view and the proof of delivery. */
  readonly nonces: Nonces;
  readonly watch: Watch;
  /** Offers to close or withdraw together that are neither accepted nor expired. */
  readonly proposals: readonly Proposal[];
  /** The close on chain; null while open. Kept after settling. */
  readonly closing: Closing | null;
  /** What was paid out in the end; null before. */
  readonly payout: Payout | null;
  readonly timeline: readonly TimelineEntry[];
  /** What we may do next on our own. */
  readonly can: Abilities;
  /** Own signed states, oldest first: for the lab and for evidence. */
  readonly history: readonly OwnState[];
  /** The core's own state as JSON, for the advanced view and the export. */
  readonly evidence: string;
  /** What keeps this device from signing in this channel: a loss, or two devices with one key. */
  readonly doubt: Doubt | null;
  /** What this device signed is known by the relay's word alone: closing alone takes three windows. */
  readonly hearsay: boolean;
  /** Why this channel refuses payments at the moment; null when it does not. */
  readonly blocked: ProblemData | null;
}

export interface Doubt {
  /** Whether the partner must be heard before it is over; else the relay is enough. */
  readonly partner: boolean;
  /** The nonce with which two different proofs of ours exist: two devices signed with one key. */
  readonly conflict: number | null;
}

export interface Partner {
  readonly address: Address;
  /** The name of a demo account or contact, else the shortened address. */
  readonly name: string;
  readonly online: boolean;
}

/** Computed by the core at the tip's height. */
export type Phase = "opening" | "open" | "finalizing" | "final" | "settled";

export interface Balances {
  readonly mine: Amount;
  readonly partner: Amount;
  readonly capacity: Amount;
  /** What I can pay now. */
  readonly available: Amount;
  /** What the partner can pay me now. */
  readonly receivable: Amount;
  /** Mine, in open locks. */
  readonly locked: Amount;
  /** My deposits that wait for confirmations. */
  readonly pendingMine: Amount;
  readonly pendingPartner: Amount;
  /** What I have sent and received in all. */
  readonly sent: Amount;
  readonly received: Amount;
}

export interface Nonces {
  readonly sent: number;
  /** Newest of mine that the relay stored. */
  readonly delivered: number;
  /** Newest of mine that the partner acked. */
  readonly sentAcked: number;
  readonly received: number;
  readonly receivedAcked: number;
}

/** What the relay's watchtower says of this channel; null figures = it said nothing yet. */
export interface Watch {
  readonly armed: boolean;
  readonly armedNonce: number | null;
  readonly lastCheckedHeight: number | null;
  readonly lastAction: string | null;
}

export interface Proposal {
  readonly id: string;
  readonly kind: "close" | "withdraw";
  /** Whether we made it: then only the partner can accept. */
  readonly mine: boolean;
  /** Pay-outs if accepted (close). */
  readonly payMine: Amount;
  readonly payPartner: Amount;
  /** What would be taken out (withdraw), and by whom. */
  readonly amount: Amount;
  readonly fromMe: boolean;
  /** Last block in which it can be mined. */
  readonly validUntil: number;
  readonly status: "open" | "accepted" | "sending";
}

export interface Closing {
  readonly kind: "alone" | "recover";
  readonly byMe: boolean;
  readonly closedAt: number;
  /** Last block in which a newer proof can be posted. */
  readonly deadline: number;
  /** First block in which it can be settled. */
  readonly settleableAt: number;
  /** Blocks until it can be settled, 0 when it can. */
  readonly blocksLeft: number;
  /** The same in seconds, estimated with the network's block time. */
  readonly secondsLeft: number;
  /** The whole wait in blocks, for the progress bar. */
  readonly blocksTotal: number;
  /** The partner closed with an older state than we hold, and nobody corrected it yet. */
  readonly stale: boolean;
  /** Somebody posted a newer proof. */
  readonly corrected: boolean;
  /** What settling would pay as things stand on the chain. */
  readonly payMine: Amount;
  readonly payPartner: Amount;
  readonly penalty: Amount;
  /** What settling will pay once everything that was signed has been shown. */
  readonly expectMine: Amount;
  readonly expectPartner: Amount;
}

export interface Payout {
  readonly mine: Amount;
  readonly partner: Amount;
  readonly penalty: Amount;
  readonly together: boolean;
  readonly txid: Txid | null;
  readonly height: number;
}

export interface TimelineEntry {
  readonly key: string;
  /** Null for things off the chain. */
  readonly height: number | null;
  readonly at: number | null;
  readonly txid: Txid | null;
  readonly state: "done" | "current" | "expected";
  readonly event: TimelineEvent;
}

export type TimelineEvent =
  | { readonly type: "opened"; readonly byMe: boolean; readonly amount: Amount }
  | { readonly type: "deposited"; readonly toMe: boolean; readonly amount: Amount }
  | { readonly type: "withdrawn"; readonly fromMe: boolean; readonly amount: Amount }
  | { readonly type: "payments"; readonly sent: number; readonly received: number }
  | { readonly type: "closed"; readonly byMe: boolean; readonly declared: Amount; readonly stale: boolean }
  | { readonly type: "recovered"; readonly byMe: boolean }
  /** `fromMe`: the shown proof is one that I signed; else it is the partner's. */
  | { readonly type: "newer-proof"; readonly fromMe: boolean; readonly nonce: number; readonly transferred: Amount }
  | { readonly type: "floor-raised"; readonly fromMe: boolean; readonly floor: Amount }
  | { readonly type: "window-ends"; readonly blocksLeft: number }
  | { readonly type: "paid-out"; readonly mine: Amount; readonly partner: Amount; readonly penalty: Amount; readonly together: boolean };

export interface Abilities {
  readonly pay: boolean;
  readonly deposit: boolean;
  readonly close: boolean;
  readonly counterClaim: boolean;
  readonly settle: boolean;
  readonly withdraw: boolean;
}

export interface OwnState {
  readonly nonce: number;
  /** All that I had sent by then. */
  readonly transferred: Amount;
  /** All that I had received by then, and in which proof. */
  readonly received: Amount;
  readonly receivedNonce: number;
  /** The balances then, for "state #2 (A 300 / B 100)". */
  readonly mine: Amount;
  readonly partner: Amount;
  readonly at: number;
}

export interface Activity {
  readonly id: string;
  readonly at: number;
  readonly kind: "sent" | "received" | "opened" | "deposited" | "withdrawn" | "closed" | "corrected" | "settled" | "on-chain-sent" | "faucet";
  readonly channelId: ChannelId | null;
  readonly channelNumber: number | null;
  readonly partner: Partner | null;
  /** Unsigned; the kind says the direction. */
  readonly amount: Amount;
  readonly note: string;
  readonly nonce: number | null;
  readonly txid: Txid | null;
  /** `stored`: signed and written here. `delivered`: the relay has it. `acked`: the partner accepts it. */
  readonly status: "stored" | "delivered" | "acked" | "done" | "failed";
  /** How long delivery took in milliseconds; null when unknown. */
  readonly tookMs: number | null;
}

export type Purpose =
  | "open" | "deposit" | "cooperative-close" | "cooperative-withdraw" | "close" | "recover"
  | "counter-claim" | "raise-floor" | "settle" | "withdraw-credit" | "send";

export interface OwnTransaction {
  readonly txid: Txid;
  readonly purpose: Purpose;
  readonly channelId: ChannelId | null;
  readonly amount: Amount;
  /** The most it can cost; unused gas comes back. */
  readonly fee: Amount;
  readonly at: number;
  /** `signed`: written here, not sent. `sent`: in the mempool. `confirmed`: in a block and done. */
  readonly stage: "signed" | "sent" | "confirmed" | "reverted" | "rejected";
  readonly confirmations: number;
  readonly height: number | null;
  /** Blocks since it was sent, for "waiting longer than usual". */
  readonly waitedBlocks: number;
  readonly problem: ProblemData | null;
}

export interface Alert {
  readonly key: string;
  readonly severity: "info" | "warning" | "danger";
  readonly channelId: ChannelId | null;
  readonly problem: ProblemData;
  /** Last block for an answer; null when there is no hurry. */
  readonly deadline: number | null;
  readonly blocksLeft: number | null;
  /** What one button can do about it. */
  readonly action: "counter-claim" | "settle" | "accept-proposal" | "enable-watch" | "take-over" | "give-way" | null;
}

export interface Notice {
  readonly key: number;
  readonly tone: "good" | "neutral" | "bad";
  readonly event: NoticeEvent;
  readonly at: number;
}

export type NoticeEvent =
  | { readonly type: "received"; readonly channelId: ChannelId; readonly partner: Partner; readonly amount: Amount }
  | { readonly type: "channel-opened"; readonly channelId: ChannelId; readonly partner: Partner; readonly capacity: Amount }
  | { readonly type: "proposal"; readonly channelId: ChannelId; readonly proposalId: string; readonly partner: Partner }
  | { readonly type: "problem"; readonly problem: ProblemData }
  | { readonly type: "paid-out"; readonly channelId: ChannelId; readonly mine: Amount }
  | { readonly type: "recovered-own-state"; readonly channelId: ChannelId }
  | { readonly type: "restored"; readonly channels: number }
  | { readonly type: "relay-healed"; readonly channelId: ChannelId };

export interface Settings {
  /** Sign a cooperative close that pays exactly the current balances without asking. */
  readonly autoAcceptClose: boolean;
  /** Minutes without use after which a passphrase is asked again; 0 = never. */
  readonly idleLockMinutes: number;
  readonly theme: "system" | "light" | "dark";
  /** Let the relay keep a sealed backup, renewed after every change. */
  readonly relayBackup: boolean;
}

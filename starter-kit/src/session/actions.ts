/** The verbs of the user. Screens call these and nothing else; all reject with a `Problem`. */
import type { Amount } from "./amount.ts";
import type { Address, ChannelId, Purpose, Settings, Txid } from "./state.ts";

export interface Actions {
  /** Takes over a public demo key (dev and regtest only): `demo-key-refused` elsewhere. */
  readonly startDemo: (name: DemoName) => Promise<void>;
  /** Makes a new key. Without a passphrase it is protected by this browser only. */
  readonly createKey: (options: { readonly name?: string; readonly passphrase?: string }) => Promise<void>;
  /** Imports a key: `invalid-wif`, `wrong-key-network`, `demo-key-refused`. */
  readonly importWif: (wif: string, options: { readonly name?: string; readonly passphrase?: string }) => Promise<void>;
  /** The key as text, to write down. Asks for the passphrase when there is one. */
  readonly exportWif: (passphrase?: string) => Promise<string>;
  /** Key, channels and history in one encrypted file; the command line reads it too. */
  readonly exportBackup: (passphrase: string) => Promise<Blob>;
  /** Takes up such a file: `wrong-passphrase`, `backup-damaged`, `backup-other-network`, `backup-older`, … */
  readonly restoreBackup: (file: string, passphrase: string) => Promise<Restored>;
  /** Takes up what the relay keeps: `no-backup`. */
  readonly restoreFromRelay: () => Promise<Restored>;
  /** Renews the relay's backup now. */
  readonly backUpNow: () => Promise<void>;
  /** Two devices paid with one key: goes on from the relay's state and drops what never arrived. */
  readonly giveWay: (channelId: ChannelId) => Promise<void>;
  readonly unlock: (passphrase: string) => Promise<void>;
  readonly lock: () => Promise<void>;
  /** Removes the key and all data of this profile from this browser. */
  readonly forgetProfile: () => Promise<void>;
  /** Makes this page the writer; the other page of this profile becomes read-only. */
  readonly takeOver: () => Promise<void>;
  /** Asks relay and chain for everything again. */
  readonly refresh: () => Promise<void>;
  /** Tries to reach the relay now instead of waiting. */
  readonly reconnect: () => void;
  readonly changeSettings: (settings: Partial<Settings>) => Promise<void>;
  readonly dismissNotice: (key: number) => void;
  readonly dismissTransaction: (txid: Txid) => Promise<void>;

  /** What an on-chain action costs at most, for the review step. */
  readonly quote: (request: QuoteRequest) => Promise<Quote>;
  /** One transaction that opens a channel with my deposit (0 is allowed). Resolves when broadcast. */
  readonly openChannel: (request: { readonly partner: Address; readonly amount: Amount; readonly window?: number }) => Promise<Txid>;
  /** Finds my channel by its number: `not-participant`, `unknown-channel`. */
  readonly joinByNumber: (number: number) => Promise<ChannelId>;
  readonly deposit: (request: { readonly channelId: ChannelId; readonly amount: Amount; readonly toPartner?: boolean }) => Promise<Txid>;
  /** Signs, writes, sends. Resolves when it is written and either the relay has it or we are offline. */
  readonly pay: (request: PayRequest) => Promise<PayReceipt>;
  /** Sends an ordinary transaction on chain. */
  readonly sendOnChain: (request: { readonly to: Address; readonly amount: Amount }) => Promise<Txid>;

  /** Offers the partner to close together now. */
  readonly proposeClose: (channelId: ChannelId) => Promise<void>;
  /** Offers to take out part of my balance while the channel stays open. */
  readonly proposeWithdraw: (request: { readonly channelId: ChannelId; readonly amount: Amount }) => Promise<void>;
  /** Signs the partner's offer; a close is then broadcast by whoever accepts. */
  readonly acceptProposal: (request: { readonly channelId: ChannelId; readonly proposalId: string }) => Promise<Txid>;
  readonly declineProposal: (request: { readonly channelId: ChannelId; readonly proposalId: string }) => Promise<void>;
  readonly closeAlone: (channelId: ChannelId) => Promise<Txid>;
  /** Closes without a declaration after a loss of data: the period is three times as long. */
  readonly recover: (channelId: ChannelId) => Promise<Txid>;
  /** Posts the newest proof that helps me, as `watch` says ("post newer proof"). */
  readonly counterClaim: (channelId: ChannelId) => Promise<Txid>;
  readonly settle: (channelId: ChannelId) => Promise<Txid>;
  /** Fetches what the contract could not pay. */
  readonly withdrawCredit: () => Promise<Txid>;
  readonly setWatch: (request: { readonly channelId: ChannelId; readonly enabled: boolean }) => Promise<void>;

  /** Dev chain and regtest only (`dev-only` elsewhere). */
  readonly lab: LabActions;
}

/** What became of a backup. */
export interface Restored {
  /** Channels in which it knew something new. */
  readonly channels: number;
  /** Channels that are known here as well or better. */
  readonly known: number;
  /** Channels of another contract, left out. */
  readonly elsewhere: number;
}

export interface LabActions {
  readonly mine: (blocks: number) => Promise<void>;
  readonly faucet: (amount: Amount) => Promise<void>;
  readonly setTower: (enabled: boolean) => Promise<void>;
  readonly setAutomine: (enabled: boolean) => Promise<void>;
  /** Closes with an old own state (`Channel.history`), as a cheater would. */
  readonly publishOldState: (request: { readonly channelId: ChannelId; readonly nonce: number }) => Promise<Txid>;
  /** Forgets all channel data of this profile but the key; the next connection resyncs. */
  readonly forgetData: () => Promise<void>;
  /** Cuts the connection until called with `true`. */
  readonly setOnline: (online: boolean) => void;
}

export type DemoName = "alice" | "bob";

export interface PayRequest {
  /** The channel, or … */
  readonly channelId?: ChannelId;
  /** … the partner's address: the open channel with the most available is taken. */
  readonly to?: Address;
  readonly amount: Amount;
  readonly note?: string;
}

export interface PayReceipt {
  readonly channelId: ChannelId;
  readonly nonce: number;
  /** `delivered`: the relay stored it. `stored`: it is written here and goes out when we are online. */
  readonly status: "delivered" | "stored";
  readonly tookMs: number;
  readonly partnerOnline: boolean;
}

export interface QuoteRequest {
  readonly purpose: Purpose;
  readonly amount?: Amount;
}

export interface Quote {
  /** The miner's fee, spent in any case. */
  readonly fee: Amount;
  /** The most that gas can cost; what is not used comes back. */
  readonly gas: Amount;
  /** Amount + fee + gas. */
  readonly total: Amount;
}

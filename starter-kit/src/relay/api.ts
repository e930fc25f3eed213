/** The relay's endpoints by name, with the shapes of what they answer. */
import type { Coin, Wire } from "../core.ts";
import type { Side } from "../session/state.ts";
import type { Http } from "./http.ts";

export interface Info {
  readonly network: "dev" | "regtest" | "testnet" | "mainnet";
  readonly chainId: number;
  readonly contract: string;
  readonly contractHeight: number;
  readonly blockSeconds: number;
  readonly confirmations: number;
  readonly window: { readonly default: number; readonly min: number; readonly max: number };
  /** The capacity in satoshi that the default window protects well. */
  readonly safeCapacitySat?: string;
  readonly penaltyBps: number;
  readonly reserve?: { readonly bps: number; readonly minimum: string };
  readonly tip: Block;
  readonly version: string;
  readonly dev: boolean;
  readonly tower?: boolean;
  /** One life of the relay's database. */
  readonly epoch?: string;
  /** The height at which its database was last restored from a copy. */
  readonly restoredAt?: number | null;
  /** Hash of the block that created the contract: tells one private chain from the next. */
  readonly contractBlock: string;
}

export interface Block {
  readonly height: number;
  readonly hash: string;
  /** RFC 3339. */
  readonly time: string;
}

/** One channel as the relay shows it to a participant. */
export interface ChannelShown {
  readonly channelId: string;
  readonly number: number;
  readonly accountA: string;
  readonly accountB: string;
  readonly side: Side;
  /** The protocol's channel; only the core reads it. */
  readonly channel: Wire;
  readonly partnerOnline: boolean;
  /** What the participants ask each other after a loss. */
  readonly loss?: { readonly asked: string | null; readonly word: Wire | null };
  readonly watch: {
    readonly armed: boolean;
    readonly armedNonce: number | null;
    readonly lastCheckedHeight: number | null;
    readonly lastAction: unknown;
  };
}

export interface ProposalShown {
  readonly id: string;
  readonly kind: "close" | "withdraw";
  readonly proposer: Side;
  readonly sequence: number;
  readonly validUntil: number;
  readonly signature: string;
  readonly countersignature: string | null;
  /** Height at which it was withdrawn or expired. */
  readonly endedAt: number | null;
  readonly [member: string]: unknown;
}

export interface TimelineShown {
  readonly height: number;
  readonly txid: string | null;
  /** RFC 3339. */
  readonly time: string | null;
  readonly event: Wire;
}

export interface TransactionShown {
  readonly txid: string;
  readonly confirmations: number;
  readonly blockHeight: number | null;
  readonly receipts: readonly { readonly excepted: string; readonly exceptedMessage?: string; readonly gasUsed: number; readonly output?: string }[];
}

export interface CallShown {
  readonly output: string;
  readonly excepted: string;
  readonly gasUsed: number;
}

interface List<T> {
  readonly items: readonly T[];
}

export type Api = ReturnType<typeof createApi>;

export const createApi = (http: Http) => ({
  info: () => http.get<Info>("/info"),
  challenge: (address: string) => http.post<{ challengeId: string; login: Wire }>("/auth/challenges", { address }),
  signIn: (challengeId: string, signature: string) =>
    http.post<{ token: string; expiresAt: string }>("/auth/sessions", { challengeId, signature }),
  channels: async () => (await http.get<List<ChannelShown>>("/channels")).items,
  channel: (id: string | number) => http.get<ChannelShown>(`/channels/${id}`),
  timeline: async (id: string) => (await http.get<List<TimelineShown>>(`/channels/${id}/timeline`)).items,
  /** Stored updates of a direction after a nonce, oldest first. */
  updates: async (id: string, direction: Side, after: number) =>
    (await http.get<List<Wire>>(`/channels/${id}/updates?direction=${direction}&after=${after}`)).items,
  /** Offers that can still be mined, withdrawn ones included. */
  proposals: async (id: string) => (await http.get<List<ProposalShown>>(`/channels/${id}/proposals`)).items,
  propose: (id: string, offer: Wire) => http.post<ProposalShown>(`/channels/${id}/proposals`, offer),
  countersign: (id: string, proposal: string, signature: string) => http.put<unknown>(`/channels/${id}/proposals/${proposal}`, { signature }),
  withdrawProposal: (id: string, proposal: string) => http.remove(`/channels/${id}/proposals/${proposal}`),
  setWatch: (id: string, enabled: boolean) => http.put<unknown>(`/channels/${id}/watch`, { enabled }),
  /** Shows the relay what it has forgotten. */
  showStreets: (id: string, streets: Wire) => http.put<{ readonly brought: boolean }>(`/channels/${id}/streets`, streets),
  ask: (id: string, question: string) => http.put<unknown>(`/channels/${id}/question`, { question }),
  answer: (id: string, word: Wire) => http.put<unknown>(`/channels/${id}/word`, word),
  backup: () => http.get<{ readonly revision: number; readonly blob: string | null }>("/backup"),
  keepBackup: (revision: number, blob: string) => http.put<unknown>("/backup", { revision, blob }),
  fees: () => http.get<{ readonly feePerKilobyteSat: string }>("/chain/fees"),
  coins: async (address: string) => (await http.get<List<Coin>>(`/chain/utxos/${address}`)).items,
  transaction: (txid: string) => http.get<TransactionShown>(`/chain/transactions/${txid}`),
  broadcast: (hex: string, purpose: string) => http.post<{ txid: string }>("/chain/transactions", { hex, purpose }),
  call: (to: string, data: string, sender: string, amountSat: string) => http.post<CallShown>("/chain/call", { to, data, sender, amountSat }),
  mine: (blocks: number) => http.post<unknown>("/dev/mine", { blocks }),
  faucet: (address: string, amountSat: string) => http.post<unknown>("/dev/faucet", { address, amountSat }),
  setTower: (enabled: boolean) => http.post<unknown>("/dev/tower", { enabled }),
  setAutomine: (enabled: boolean) => http.post<unknown>("/dev/automine", { enabled }),
});

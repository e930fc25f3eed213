/**
 * What a profile keeps in this browser: one IndexedDB per profile, strict durability.
 *
 * A change is one transaction: the channel with its new proof, the line in the activity and the
 * message in the outbox are all there after a crash, or none is. Only then do bytes leave.
 */
import type { Coin } from "../core.ts";
import { problem } from "./problem.ts";
import type { Activity, Address, ChannelId, OwnTransaction, Settings, Side, Txid, Watch } from "./state.ts";
import type { KeyRecord } from "./vault.ts";

const VERSION = 1;
const STORES = ["meta", "channel", "update", "outbox", "activity", "transaction"] as const;
type StoreName = (typeof STORES)[number];

/** A channel as the core knows it, with what the core does not need to know. */
export interface ChannelRecord {
  readonly id: ChannelId;
  readonly number: number;
  readonly side: Side;
  readonly partner: Address;
  /** The core's channel, JSON: both directions with proofs, acks and locks, what binds, the chain's facts. */
  readonly channel: string;
  /** Offers to close or withdraw together that may still be mined. */
  readonly offers: readonly OfferRecord[];
  readonly watch: Watch;
  /** What the chain says happened, oldest first. */
  readonly chain: readonly ChainEntry[];
}

/** An offer as the relay lists it. */
export interface OfferRecord {
  readonly id: string;
  readonly mine: boolean;
  /** The signed offer, JSON, as the core reads it. */
  readonly offer: string;
  readonly kind: "close" | "withdraw";
  /** Taken out (withdraw); "0" for a close. */
  readonly amount: string;
  readonly fromMe: boolean;
  /** The contract's sequence that it names: it can be mined while that is the contract's. */
  readonly sequence: number;
  readonly validUntil: number;
  readonly declined: boolean;
  /** The partner's signature under our offer, once it accepted. */
  readonly countersignature: string | null;
}

/** One event of the contract, as the relay tells it. */
export interface ChainEntry {
  readonly height: number;
  readonly txid: Txid | null;
  /** When the block was made; null when unknown. */
  readonly at: number | null;
  /** The core's event, by its type. */
  readonly event: Readonly<Record<string, unknown>>;
}

/** An update as it was signed: kept for resending and as evidence. */
export interface UpdateRecord {
  readonly channelId: ChannelId;
  readonly direction: Side;
  readonly nonce: number;
  /** The update, JSON. */
  readonly update: string;
  readonly transferred: string;
  /** What the other direction said at that time. */
  readonly otherTransferred: string;
  readonly otherNonce: number;
  readonly at: number;
}

/** A signed message on its way to the relay. */
export interface OutboxRecord {
  /** Sorts in the order of sending within a channel and replaces an older ack of the same direction. */
  readonly key: string;
  readonly type: "proof.submit" | "ack.submit" | "nack.submit";
  readonly channelId: ChannelId;
  /** The frame's data, JSON. */
  readonly data: string;
}

export interface TransactionRecord extends OwnTransaction {
  readonly hex: string;
  /** Outpoints `txid:vout` it spends: not to be selected again while it is pending. */
  readonly spends: readonly string[];
  readonly sentAtHeight: number;
  /** The call as the node can try it again, to learn why it was reverted; null for a plain payment. */
  readonly trial: { readonly data: string; readonly amountSat: string } | null;
  /** The change, to spend it before it is mined. */
  readonly change: Coin | null;
}

export interface AccountRecord {
  readonly name: string;
  readonly address: string;
  readonly accountHex: string;
  readonly publicKey: string;
  readonly ecRecoveryAddress: string;
  readonly network: string;
  /** The height at which this profile began to remember; older profiles do not know. */
  readonly since?: number;
  readonly key: KeyRecord;
}

export interface Meta {
  readonly account: AccountRecord | null;
  readonly settings: Settings | null;
  /** The newest event of the relay that is stored here. */
  readonly cursor: number;
  /** Which chain and contract the data belong to; another one starts anew. */
  readonly deployment: string | null;
  /** The newest backup at the relay that this profile knows of; 0 for none. */
  readonly backupRevision: number;
}

export interface Snapshot {
  readonly meta: Meta;
  readonly channels: readonly ChannelRecord[];
  readonly updates: readonly UpdateRecord[];
  readonly outbox: readonly OutboxRecord[];
  readonly activity: readonly Activity[];
  readonly transactions: readonly TransactionRecord[];
}

/** What one transaction writes. Records replace older ones of the same key. */
export interface Change {
  readonly meta?: Partial<Meta>;
  readonly channels?: readonly ChannelRecord[];
  readonly updates?: readonly UpdateRecord[];
  readonly outbox?: readonly OutboxRecord[];
  /** Outbox keys that the relay has. */
  readonly delivered?: readonly string[];
  readonly activity?: readonly Activity[];
  readonly transactions?: readonly TransactionRecord[];
  readonly forgetTransactions?: readonly Txid[];
  /** Empties everything but the account and the settings, before the rest is written. */
  readonly forgetData?: true;
}

export interface Storage {
  readonly load: () => Promise<Snapshot>;
  /** Resolves when the change is on the disk; rejects with `storage-unavailable`, then nothing changed. */
  readonly commit: (change: Change) => Promise<void>;
  readonly close: () => void;
}

export async function openStorage(profile: string, factory: IDBFactory | undefined = globalThis.indexedDB): Promise<Storage> {
  if (!factory) throw problem("storage-unavailable");
  const db = await openDatabase(factory, databaseName(profile));
  return { load: () => load(db), commit: (change) => commit(db, change), close: () => db.close() };
}

/** Removes all that the profile has in this browser. */
export async function destroyStorage(profile: string, factory: IDBFactory = globalThis.indexedDB): Promise<void> {
  await finished(factory.deleteDatabase(databaseName(profile)));
}

const databaseName = (profile: string): string => `sparky/${profile}`;

async function openDatabase(factory: IDBFactory, name: string): Promise<IDBDatabase> {
  let request: IDBOpenDBRequest;
  try {
    request = factory.open(name, VERSION);
  } catch {
    throw problem("storage-unavailable");
  }
  request.onupgradeneeded = () => {
    const db = request.result;
    db.createObjectStore("meta");
    db.createObjectStore("channel", { keyPath: "id" });
    db.createObjectStore("update", { keyPath: ["channelId", "direction", "nonce"] });
    db.createObjectStore("outbox", { keyPath: "key" });
    db.createObjectStore("activity", { keyPath: "id" });
    db.createObjectStore("transaction", { keyPath: "txid" });
  };
  const db = await finished(request);
  // Another page deletes the profile: make way instead of blocking it.
  db.onversionchange = () => db.close();
  return db;
}

async function load(db: IDBDatabase): Promise<Snapshot> {
  const transaction = db.transaction(STORES, "readonly");
  const all = <T>(name: StoreName): Promise<T[]> => finished(transaction.objectStore(name).getAll());
  const one = <T>(key: keyof Meta): Promise<T | undefined> => finished(transaction.objectStore("meta").get(key));
  const [account, settings, cursor, deployment, backupRevision, channels, updates, outbox, activity, transactions] = await Promise.all([
    one<AccountRecord>("account"),
    one<Settings>("settings"),
    one<number>("cursor"),
    one<string>("deployment"),
    one<number>("backupRevision"),
    all<ChannelRecord>("channel"),
    all<UpdateRecord>("update"),
    all<OutboxRecord>("outbox"),
    all<Activity>("activity"),
    all<TransactionRecord>("transaction"),
  ]);
  const meta: Meta = { account: account ?? null, settings: settings ?? null, cursor: cursor ?? 0, deployment: deployment ?? null, backupRevision: backupRevision ?? 0 };
  return { meta, channels, updates, outbox, activity, transactions };
}

async function commit(db: IDBDatabase, change: Change): Promise<void> {
  let transaction: IDBTransaction;
  try {
    transaction = db.transaction(STORES, "readwrite", { durability: "strict" });
  } catch {
    throw problem("storage-unavailable");
  }
  try {
    write(transaction, change);
  } catch {
    // Without this, what was put before the failure would still be committed.
    transaction.abort();
    throw problem("storage-unavailable");
  }
  await new Promise<void>((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(problem("storage-unavailable"));
  });
}

function write(transaction: IDBTransaction, change: Change): void {
  const store = (name: StoreName): IDBObjectStore => transaction.objectStore(name);
  if (change.forgetData) {
    for (const name of STORES) if (name !== "meta") store(name).clear();
    store("meta").delete("cursor");
    store("meta").delete("deployment");
  }
  for (const [key, value] of Object.entries(change.meta ?? {})) store("meta").put(value, key);
  for (const record of change.channels ?? []) store("channel").put(record);
  for (const record of change.updates ?? []) store("update").put(record);
  for (const key of change.delivered ?? []) store("outbox").delete(key);
  for (const record of change.outbox ?? []) store("outbox").put(record);
  for (const record of change.activity ?? []) store("activity").put(record);
  for (const txid of change.forgetTransactions ?? []) store("transaction").delete(txid);
  for (const record of change.transactions ?? []) store("transaction").put(record);
}

/** A request as a promise. */
function finished<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(problem("storage-unavailable"));
  });
}

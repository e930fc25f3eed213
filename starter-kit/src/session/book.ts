/** What the storage holds, in memory: read by everybody, changed only by a change that is on the disk. */
import type { Activity, ChannelId, Settings, Side, Txid } from "./state.ts";
import { DEFAULT_SETTINGS } from "./initial.ts";
import type { AccountRecord, Change, ChannelRecord, OutboxRecord, Snapshot, TransactionRecord, UpdateRecord } from "./storage.ts";

export interface Book {
  account: AccountRecord | null;
  settings: Settings;
  cursor: number;
  deployment: string | null;
  backupRevision: number;
  readonly channels: Map<ChannelId, ChannelRecord>;
  /** Updates by channel, direction and nonce. */
  readonly updates: Map<string, UpdateRecord>;
  readonly outbox: Map<string, OutboxRecord>;
  readonly activity: Map<string, Activity>;
  readonly transactions: Map<Txid, TransactionRecord>;
}

export const openBook = (snapshot: Snapshot): Book => ({
  account: snapshot.meta.account,
  settings: { ...DEFAULT_SETTINGS, ...snapshot.meta.settings },
  cursor: snapshot.meta.cursor,
  deployment: snapshot.meta.deployment,
  backupRevision: snapshot.meta.backupRevision,
  channels: byKey(snapshot.channels, (record) => record.id),
  updates: byKey(snapshot.updates, updateKey),
  outbox: byKey(snapshot.outbox, (record) => record.key),
  activity: byKey(snapshot.activity, (entry) => entry.id),
  transactions: byKey(snapshot.transactions, (record) => record.txid),
});

/** Makes the book say what the storage says after `change`. */
export function applyChange(book: Book, change: Change): void {
  if (change.forgetData) {
    for (const records of [book.channels, book.updates, book.outbox, book.activity, book.transactions]) records.clear();
    book.cursor = 0;
    book.deployment = null;
  }
  const { meta } = change;
  if (meta?.account !== undefined) book.account = meta.account;
  if (meta?.settings) book.settings = meta.settings;
  if (meta?.cursor !== undefined) book.cursor = meta.cursor;
  if (meta?.backupRevision !== undefined) book.backupRevision = meta.backupRevision;
  if (meta?.deployment !== undefined) book.deployment = meta.deployment;
  for (const record of change.channels ?? []) book.channels.set(record.id, record);
  for (const record of change.updates ?? []) book.updates.set(updateKey(record), record);
  for (const key of change.delivered ?? []) book.outbox.delete(key);
  for (const record of change.outbox ?? []) book.outbox.set(record.key, record);
  for (const entry of change.activity ?? []) book.activity.set(entry.id, entry);
  for (const txid of change.forgetTransactions ?? []) book.transactions.delete(txid);
  for (const record of change.transactions ?? []) book.transactions.set(record.txid, record);
}

/** Where an update is kept, and the id of its line in the activity. */
export const paymentKey = (channelId: ChannelId, direction: Side, nonce: number): string => `${channelId}/${direction}/${nonce}`;

/** The outbox key of a proof: sorts by nonce within its channel, and before the channel's acks. */
export const proofKey = (channelId: ChannelId, nonce: number): string => `${channelId}/1/${String(nonce).padStart(15, "0")}`;

/** The nonce in an outbox key of a proof. */
export const nonceOfKey = (key: string): number => Number(key.slice(key.lastIndexOf("/") + 1));

/** The outbox key of a channel's ack: a newer one replaces an older. */
export const ackKey = (channelId: ChannelId): string => `${channelId}/2`;

const updateKey = (record: UpdateRecord): string => paymentKey(record.channelId, record.direction, record.nonce);

const byKey = <T>(records: readonly T[], key: (record: T) => string): Map<string, T> => new Map(records.map((record) => [key(record), record]));

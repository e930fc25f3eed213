/** What the parts of a session share: the store, the book, the key, the relay, and the order of changes. */
import type { Key, TipRules } from "../core.ts";
import type { Api, Info } from "../relay/api.ts";
import type { Http } from "../relay/http.ts";
import type { Socket } from "../relay/socket.ts";
import { type Book, applyChange } from "./book.ts";
import { problem } from "./problem.ts";
import { present } from "./present.ts";
import { type Happening, reduce } from "./reduce.ts";
import type { ChannelId } from "./state.ts";
import type { Change, ChannelRecord, Storage } from "./storage.ts";
import type { Store } from "./store.ts";

export interface Context {
  readonly profile: string;
  /** The relay's origin. */
  readonly base: string;
  readonly store: Store;
  readonly http: Http;
  readonly api: Api;
  /** Replaces the browser's class in a program without one. */
  readonly WebSocket: typeof WebSocket | null;
  /** Null before the storage is open, or while it can not be. */
  storage: Storage | null;
  book: Book | null;
  /** Null while locked and before there is one. */
  key: Key | null;
  socket: Socket | null;
  info: Info | null;
  height: number;
  online: Set<string>;
  /** Runs one change at a time: who decides on the book's state finds it unchanged when it commits. */
  readonly change: <T>(action: () => Promise<T>) => Promise<T>;
  /** The round of the outbox that runs, and the one that waits for it. */
  readonly flushing: { now: Promise<void> | null; next: Promise<void> | null };
  /** Builds one transaction at a time: none may choose the coins of another. */
  readonly spend: <T>(action: () => Promise<T>) => Promise<T>;
  /** Messages whose refusal led to a comparison, and was told where there was something to tell. */
  readonly complained: Set<string>;
  /** Asks the relay for this channel soon. */
  dirty: (id: ChannelId) => void;
  /** Acks what was received, soon and together. */
  ackSoon: () => void;
  /** Renews the relay's backup, soon, if the user wants one. */
  backUpSoon: () => void;
  stopped: boolean;
}

export const tell = (context: Context, happening: Happening): void => context.store.set(reduce(context.store.get(), happening));

/** A queue of one: see `Context.change`. Never call it from within itself. */
export function inOrder(): <T>(action: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (action) => {
    const mine = last.then(action, action);
    last = mine.catch(() => undefined);
    return mine;
  };
}

/** Decide, write, adopt, act: the only way to change the book. */
export async function commit(context: Context, change: Change): Promise<void> {
  const { storage, store } = context;
  await writerKnown(store);
  const { book } = context;
  if (!storage || !book || store.get().writer !== "held") throw problem("second-tab");
  if (Object.values(change).every((part) => Array.isArray(part) && part.length === 0)) return;
  await storage.commit(change);
  applyChange(book, change);
  if (change.channels?.length || change.outbox?.length || change.delivered?.length || change.updates?.length) {
    const touched = new Set<ChannelId>([
      ...(change.channels ?? []).map((record) => record.id),
      ...(change.outbox ?? []).map((record) => record.channelId),
      ...(change.delivered ?? []).map((key) => key.slice(0, key.indexOf("/"))),
    ]);
    show(context, [...touched]);
    tell(context, { type: "connection", connection: { unsent: book.outbox.size } });
  }
  if (change.activity?.length) tell(context, { type: "activity", entries: change.activity });
  if (change.transactions?.length) tell(context, { type: "transactions", transactions: change.transactions });
  if (change.meta?.settings) tell(context, { type: "settings", settings: change.meta.settings });
  if (change.channels?.length || change.activity?.length || change.meta?.settings) context.backUpSoon();
  announce(context);
}

/** A page that was just opened does not know yet whether it is the only one: who is quicker waits. */
function writerKnown(store: Context["store"]): Promise<void> {
  if (store.get().writer !== "acquiring") return Promise.resolve();
  return new Promise((resolve) => {
    const leave = store.subscribe(() => {
      if (store.get().writer === "acquiring") return;
      leave();
      resolve();
    });
  });
}

/** Computes what screens show of these channels (of all without a list) at the present tip. */
export function show(context: Context, ids?: readonly ChannelId[]): void {
  const { book, info } = context;
  if (!book || !info) return;
  const records = ids ? ids.map((id) => book.channels.get(id)).filter((record) => record !== undefined) : [...book.channels.values()];
  const channels = records.map((record) => present(record, book, info, rules(context), context.online));
  if (channels.length > 0) tell(context, { type: "channels", channels });
}

/** 32 random bytes, as the core reads them. */
export const randomHash = (): string =>
  `0x${[...crypto.getRandomValues(new Uint8Array(32))].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;

/** The tip and the rules of this network, for the core. */
export function rules(context: Context): TipRules {
  const { info, height } = context;
  if (!info) throw problem("relay-unreachable", { s: 1 });
  return { height, confirmations: info.confirmations, reserve: info.reserve ?? { bps: 0, minimum: "0" } };
}

/** The channel's record: `unknown-channel` when there is none. */
export function recordOf(context: Context, id: ChannelId): ChannelRecord {
  const record = context.book?.channels.get(id);
  if (!record) throw problem("unknown-channel", { id });
  return record;
}

/** The key: `session-expired` ("Please unlock again") while there is none. */
export function keyOf(context: Context): Key {
  if (context.store.get().writer === "second-tab") throw problem("second-tab");
  if (!context.key) throw problem("session-expired");
  return context.key;
}

/** The book: `not-ready` before it is open. */
export function bookOf(context: Context): Book {
  if (!context.book) throw problem("not-ready", { reason: "opening its storage" });
  return context.book;
}

/** What the relay said of itself: `relay-unreachable` before it did. */
export function infoOf(context: Context): Info {
  if (!context.info) throw problem("relay-unreachable", { s: 1 });
  return context.info;
}

/** Tells read-only pages of this profile that the storage has news. */
function announce({ profile }: Context): void {
  if (typeof BroadcastChannel === "undefined") return;
  const channel = new BroadcastChannel(channelName(profile));
  channel.postMessage("changed");
  channel.close();
}

/** The broadcast channel on which a profile's pages talk. */
export const channelName = (profile: string): string => `sparky/${profile}`;

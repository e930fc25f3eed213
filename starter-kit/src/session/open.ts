/** Opens a profile and wires its parts together. */
import { loadCore } from "../core.ts";
import { createApi } from "../relay/api.ts";
import { createHttp } from "../relay/http.ts";
import type { Actions } from "./actions.ts";
import { acceptProposal, closeAlone, counterClaim, declineProposal, deposit, offer, openChannel, settle, withdrawCredit } from "./agreements.ts";
import { backUpNow, exportBackup, restoreBackup, restoreFromRelay } from "./backup.ts";
import { openBook } from "./book.ts";
import { type Connection, complain, createConnection, learnNow } from "./connection.ts";
import { type Context, bookOf, channelName, commit, inOrder, show, tell } from "./context.ts";
import { accountOfRecord, createKey, exportWif, forgetProfile, importWif, lock, startDemo, unlock } from "./identity.ts";
import { initialState } from "./initial.ts";
import { labOf } from "./lab.ts";
import { pay } from "./payments.ts";
import { asProblem } from "./problem.ts";
import { listSummaries } from "./profiles.ts";
import { giveWay, refreshChannel, resync } from "./resync.ts";
import type { Session, SessionOptions } from "./session.ts";
import { follow, quote, refreshCoins, sendOnChain } from "./spending.ts";
import { openStorage } from "./storage.ts";
import { createStore } from "./store.ts";
import { type WriterLock, acquireWriter } from "./writer.ts";

/** Opens a profile; returns at once, everything after that is told by the store. */
export function openSession(options: SessionOptions): Session {
  const context = createContext(options);
  const connection = createConnection(context);
  let writer: WriterLock | undefined;
  const idle = watchIdle(context);
  const forgetListener = listenToWriter(context);

  async function start(): Promise<void> {
    try {
      await loadCore(options.core);
      context.storage = await openStorage(context.profile);
      await reload(context);
      writer = acquireWriter(context.profile, { onHeld: () => void held(), onLost: () => lost() }, options.locks);
    } catch (thrown) {
      tell(context, { type: "stage", stage: { type: "failed", problem: asProblem(thrown).data() } });
    }
  }

  async function held(): Promise<void> {
    try {
      // Another page may have written since we looked.
      await reload(context);
      tell(context, { type: "connection", connection: { status: "connecting", retryAt: null } });
      tell(context, { type: "writer", writer: "held" });
      const { account } = bookOf(context);
      if (account && account.key.protection !== "passphrase" && !context.key) await unlock(context, undefined);
      connection.start();
    } catch (thrown) {
      tell(context, { type: "stage", stage: { type: "failed", problem: asProblem(thrown).data() } });
    }
  }

  function lost(): void {
    connection.stop();
    context.key?.wipe();
    context.key = null;
    tell(context, { type: "writer", writer: "second-tab" });
    connection.start();
  }

  void start();
  return {
    store: context.store,
    actions: actionsOf(context, connection, () => writer?.takeOver()),
    stop: async () => {
      context.stopped = true;
      idle();
      forgetListener();
      connection.stop();
      context.key?.wipe();
      context.key = null;
      await context.change(async () => undefined);
      writer?.release();
      context.storage?.close();
    },
  };
}

function createContext({ profile, relay, WebSocket }: SessionOptions): Context {
  const base = (relay ?? globalThis.location.origin).replace(/\/$/, "");
  const http = createHttp({ base });
  return {
    profile, base, http,
    api: createApi(http),
    store: createStore(initialState(profile)),
    WebSocket: WebSocket ?? null,
    storage: null, book: null, key: null, socket: null, info: null, height: 0, online: new Set(), stopped: false,
    change: inOrder(), spend: inOrder(),
    flushing: { now: null, next: null },
    complained: new Set(),
    dirty: () => undefined,
    ackSoon: () => undefined,
    backUpSoon: () => undefined,
  };
}

/** Takes the storage's word for everything. */
async function reload(context: Context): Promise<void> {
  const { storage } = context;
  if (!storage) return;
  const book = openBook(await storage.load());
  context.book = book;
  tell(context, { type: "profiles", profiles: listSummaries() });
  tell(context, { type: "settings", settings: book.settings });
  tell(context, { type: "account", account: book.account && accountOfRecord(book.account) });
  tell(context, { type: "backup", backup: { revision: book.backupRevision } });
  tell(context, { type: "activity", entries: [...book.activity.values()] });
  tell(context, { type: "transactions", transactions: [...book.transactions.values()] });
  tell(context, { type: "connection", connection: { unsent: book.outbox.size } });
  show(context);
  if (book.account === null) tell(context, { type: "stage", stage: { type: "welcome" } });
  else if (context.key === null && book.account.key.protection === "passphrase") tell(context, { type: "stage", stage: { type: "locked" } });
  else tell(context, { type: "stage", stage: { type: "ready" } });
}

function actionsOf(context: Context, connection: Connection, takeOver: () => void): Actions {
  /** A new key goes online at once. */
  const thenConnect = async (key: Promise<void>): Promise<void> => {
    await key;
    connection.start();
  };
  return {
    startDemo: async (name) => {
      await learnNow(context);
      await thenConnect(startDemo(context, name));
    },
    createKey: async (options) => {
      await learnNow(context);
      await thenConnect(createKey(context, options));
    },
    importWif: async (wif, options) => {
      await learnNow(context);
      await thenConnect(importWif(context, wif, options));
    },
    exportWif: (passphrase) => exportWif(context, passphrase),
    exportBackup: (passphrase) => exportBackup(context, passphrase),
    restoreBackup: async (file, passphrase) => {
      await learnNow(context);
      const restored = await restoreBackup(context, file, passphrase);
      if (context.socket?.online()) await resync(context);
      else connection.start();
      return restored;
    },
    restoreFromRelay: async () => {
      const restored = await restoreFromRelay(context);
      await resync(context);
      return restored;
    },
    backUpNow: () => backUpNow(context),
    giveWay: (channelId) => giveWay(context, channelId),
    unlock: async (passphrase) => {
      await thenConnect(unlock(context, passphrase));
      // What waited for the key: acks, and a partner's question.
      if (context.socket?.online()) resync(context).catch((thrown: unknown) => complain(context, thrown));
    },
    lock: async () => lock(context),
    forgetProfile: async () => {
      connection.stop();
      await forgetProfile(context);
      context.storage = await openStorage(context.profile);
      await reload(context);
      connection.start();
    },
    takeOver: async () => takeOver(),
    refresh: async () => {
      await resync(context);
      await follow(context);
      await refreshCoins(context);
    },
    reconnect: () => connection.wake(),
    changeSettings: async (settings) => {
      await context.change(() => commit(context, { meta: { settings: { ...bookOf(context).settings, ...settings } } }));
    },
    dismissNotice: (key) => tell(context, { type: "notice-dismissed", key }),
    dismissTransaction: async (txid) => {
      await context.change(() => commit(context, { forgetTransactions: [txid] }));
      tell(context, { type: "transaction-dismissed", txid });
    },
    quote: (request) => quote(context, request),
    openChannel: (request) => openChannel(context, request),
    joinByNumber: (number) => refreshChannel(context, number, "quiet"),
    deposit: (request) => deposit(context, request),
    pay: (request) => pay(context, request),
    sendOnChain: ({ to, amount }) => sendOnChain(context, to, amount),
    proposeClose: (channelId) => offer(context, channelId, "close"),
    proposeWithdraw: ({ channelId, amount }) => offer(context, channelId, amount),
    acceptProposal: (request) => acceptProposal(context, request),
    declineProposal: (request) => declineProposal(context, request),
    closeAlone: (channelId) => closeAlone(context, channelId, "close"),
    recover: (channelId) => closeAlone(context, channelId, "recover"),
    counterClaim: (channelId) => counterClaim(context, channelId),
    settle: (channelId) => settle(context, channelId),
    withdrawCredit: () => withdrawCredit(context),
    setWatch: async ({ channelId, enabled }) => {
      await context.api.setWatch(channelId, enabled);
      await refreshChannel(context, channelId, "quiet");
    },
    lab: labOf(context, connection),
  };
}

/** A read-only page shows what the writing page writes. */
function listenToWriter(context: Context): () => void {
  if (typeof BroadcastChannel === "undefined") return () => undefined;
  const channel = new BroadcastChannel(channelName(context.profile));
  channel.onmessage = () => {
    if (context.store.get().writer === "second-tab") reload(context).catch((thrown: unknown) => complain(context, thrown));
  };
  return () => channel.close();
}

/** Locks a passphrase-protected key after the minutes that the user chose. */
function watchIdle(context: Context): () => void {
  if (typeof window === "undefined") return () => undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const touched = (): void => {
    clearTimeout(timer);
    const { idleLockMinutes } = context.store.get().settings;
    if (idleLockMinutes === 0) return;
    timer = setTimeout(() => context.key && lock(context), idleLockMinutes * 60_000);
  };
  const events = ["pointerdown", "keydown"] as const;
  for (const event of events) window.addEventListener(event, touched, { passive: true });
  touched();
  return () => {
    clearTimeout(timer);
    for (const event of events) window.removeEventListener(event, touched);
  };
}

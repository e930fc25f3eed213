/** Being in touch: the relay's facts, the sign-in, the socket, and what its frames lead to. */
import { isObject } from "../relay/frames.ts";
import { type SocketStatus, openSocket } from "../relay/socket.ts";
import type { Block, Info } from "../relay/api.ts";
import { again, isPassing } from "./again.ts";
import { acceptProposal } from "./agreements.ts";
import { satoshi } from "./amount.ts";
import { backUpNow, findBackup } from "./backup.ts";
import { type Context, bookOf, commit, infoOf, keyOf, show, tell } from "./context.ts";
import { isPlayMoney } from "./identity.ts";
import { flush } from "./outbox.ts";
import { ackAll, receiveAck, receiveNack, receiveProof } from "./payments.ts";
import { asProblem, problem } from "./problem.ts";
import { refreshChannel, resync } from "./resync.ts";
import { follow, refreshCoins } from "./spending.ts";
import type { Network } from "./state.ts";

/** How long payments are collected before one ack answers them all. */
const ACK_DELAY_MS = 150;
/** How long news about a channel is collected before it is asked for. */
const REFRESH_DELAY_MS = 20;
/** How often a page without a socket asks where the chain stands. */
const POLL_MS = 10_000;
/** How long changes are collected before the relay's backup is renewed. */
const BACKUP_DELAY_MS = 2_000;
/** A sign-in is renewed this long before it ends. */
const RENEW_MS = 60_000;

/** Timers and the sign-in of a session's connection. */
export interface Connection {
  /** Connects when there is a key, else only asks for the relay's facts. */
  readonly start: () => void;
  readonly wake: () => void;
  /** The lab's switch: off until told otherwise. */
  readonly setOnline: (online: boolean) => void;
  readonly stop: () => void;
}

export function createConnection(context: Context): Connection {
  let session: { token: string; expires: number } | null = null;
  let signing: Promise<string> | null = null;
  let ackTimer: ReturnType<typeof setTimeout> | undefined;
  let pollTimer: ReturnType<typeof setTimeout> | undefined;
  let backupTimer: ReturnType<typeof setTimeout> | undefined;
  let allowed = true;
  const dirty = new Set<string>();
  const meeting = again(met, (cause) => complain(context, cause));
  const refreshing = again(refreshDirty, (cause) => complain(context, cause));

  context.dirty = (id) => {
    dirty.add(id);
    refreshing.start(REFRESH_DELAY_MS);
  };
  context.ackSoon = () => {
    ackTimer ??= setTimeout(() => {
      ackTimer = undefined;
      ackAll(context).catch((thrown: unknown) => complain(context, thrown));
    }, ACK_DELAY_MS);
  };

  context.backUpSoon = () => {
    if (!context.book?.settings.relayBackup || context.stopped) return;
    backupTimer ??= setTimeout(() => {
      backupTimer = undefined;
      // What fails is shown in the settings; the next change, and the next connection, try again.
      if (context.key && context.socket?.online()) backUpNow(context).catch(() => undefined);
    }, BACKUP_DELAY_MS);
  };

  /** Compares the channels of which there is news; those that can not be compared now wait for the next attempt. */
  async function refreshDirty(): Promise<void> {
    const failed = new Map<string, unknown>();
    for (const id of dirty) {
      // News that comes during the comparison is news again.
      dirty.delete(id);
      try {
        await refreshChannel(context, id, "loud");
      } catch (thrown) {
        if (isPassing(thrown)) failed.set(id, thrown);
        else complain(context, thrown);
      }
    }
    await acceptByPolicy(context).catch((thrown: unknown) => complain(context, thrown));
    const [first] = failed.values();
    for (const id of failed.keys()) dirty.add(id);
    if (failed.size > 0) throw first;
  }

  /** The next connection compares everything anyway. */
  function forgetNews(): void {
    meeting.stop();
    refreshing.stop();
    dirty.clear();
  }

  /** A page that was just opened may be asked to do something before it has signed in. */
  context.http.onUnauthorized(async (stale) => {
    if (stale) session = null;
    await signIn();
  });

  /** One at a time: the socket and a request may both want it. */
  function signIn(): Promise<string> {
    signing ??= signInAnew().finally(() => {
      signing = null;
    });
    return signing;
  }

  async function signInAnew(): Promise<string> {
    await learn(context);
    if (session && Date.now() + RENEW_MS < session.expires) return session.token;
    const { account } = bookOf(context);
    if (!account) throw problem("not-ready", { reason: "without a key" });
    context.http.authorize(null);
    const { challengeId, login } = await context.api.challenge(account.address);
    const expected = { relay: expectedRelay(context, login), origin: pageOrigin(context), now: Math.floor(Date.now() / 1000) };
    const { token, expiresAt } = await context.api.signIn(challengeId, keyOf(context).signLogin(login, expected));
    session = { token, expires: Date.parse(expiresAt) };
    context.http.authorize(token);
    return token;
  }

  function onStatus(status: SocketStatus): void {
    switch (status.type) {
      case "connecting":
        return tell(context, { type: "connection", connection: { status: "connecting", retryAt: null } });
      case "online":
        tell(context, { type: "connection", connection: { status: "online", retryAt: null, problem: null } });
        return meeting.start();
      case "offline": {
        forgetNews();
        const { code, params } = status.problem;
        if (["session-expired", "not-signed-in"].includes(code)) session = null;
        const told = code === "relay-unreachable" ? problem(code, { ...params, s: Math.ceil(status.retryInMs / 1000) }) : status.problem;
        return tell(context, { type: "connection", connection: { status: "offline", retryAt: Date.now() + status.retryInMs, problem: told.data() } });
      }
    }
  }

  /** Everything that has to be made up for after an absence. */
  async function met(): Promise<void> {
    await resync(context);
    await follow(context);
    await refreshCoins(context);
    await acceptByPolicy(context);
    await findBackup(context);
    context.backUpSoon();
  }

  function connect(): void {
    clearTimeout(pollTimer);
    const { writer } = context.store.get();
    if (context.stopped || !allowed || context.socket) return;
    if (writer !== "held" || !context.book?.account || (!context.key && !session)) {
      void poll();
      return;
    }
    context.socket = openSocket({
      url: `${context.base.replace(/^http/, "ws")}/api/v1/ws`,
      signIn,
      cursor: () => context.book?.cursor ?? 0,
      onRewind: (after) => context.change(() => commit(context, { meta: { cursor: after } })),
      onEvent: ({ seq, type, data }) => context.change(() => heard(context, seq, type, data)),
      onRemark: ({ type, data }) => (type === "resync.required" ? meeting.start() : remarked(context, type, data)),
      onStatus,
      ...(context.WebSocket ? { WebSocket: context.WebSocket } : {}),
    });
  }

  /** Without a key there is nobody to sign in; the chain's height is worth showing all the same. */
  async function poll(): Promise<void> {
    try {
      await learn(context);
      tell(context, { type: "connection", connection: { status: "online", retryAt: null, problem: null } });
    } catch (thrown) {
      const retryAt = Date.now() + POLL_MS;
      tell(context, { type: "connection", connection: { status: "offline", retryAt, problem: asProblem(thrown).data() } });
    }
    if (!context.stopped && !context.socket) pollTimer = setTimeout(() => void poll(), context.info ? POLL_MS : 1000);
  }

  function disconnect(): void {
    context.socket?.stop();
    context.socket = null;
    forgetNews();
    for (const timer of [ackTimer, pollTimer, backupTimer]) clearTimeout(timer);
    ackTimer = undefined;
    backupTimer = undefined;
  }

  return {
    start: () => {
      if (context.socket) context.socket.wake();
      else connect();
    },
    wake: () => {
      if (context.socket) context.socket.wake();
      else connect();
    },
    setOnline: (online) => {
      allowed = online;
      if (online) return connect();
      disconnect();
      const told = problem("relay-unreachable", { s: "—" }).data();
      tell(context, { type: "connection", connection: { status: "offline", retryAt: null, problem: told } });
    },
    stop: () => {
      disconnect();
      session = null;
      context.http.authorize(null);
    },
  };
}

/** Asks the relay who it is and where the chain stands. */
async function learn(context: Context): Promise<void> {
  const info = await context.api.info();
  await checkDeployment(context, info);
  context.info = info;
  tell(context, { type: "network", network: networkOf(info) });
  takeTip(context, info.tip);
}

/** Data of another chain or contract must not be mixed with these. A dev chain is thrown away often. */
async function checkDeployment(context: Context, info: Info): Promise<void> {
  const { book } = context;
  if (!book || context.store.get().writer !== "held") return;
  // A private chain that was started anew gives its contract, and channels in it, the same names again.
  const deployment = [info.chainId, info.contract, isPlayMoney(info) ? info.contractBlock : info.contractHeight].join("/");
  if (book.account && book.account.network !== info.network && !(isPlayMoney(info) && ["dev", "regtest"].includes(book.account.network))) {
    throw problem("wrong-key-network", { net: book.account.network, c: book.account.address[0] ?? "?", network: info.network });
  }
  if (book.deployment === deployment) return;
  if (book.deployment !== null && book.channels.size > 0 && !isPlayMoney(info)) {
    throw problem("other-deployment", { contract: info.contract });
  }
  if (book.deployment === null) {
    await context.change(() => commit(context, { meta: { deployment } }));
    return;
  }
  // Of this chain, too, the memory begins now: what it knew of it once is gone.
  const account = book.account && { ...book.account, since: info.tip.height };
  await context.change(() => commit(context, { forgetData: true, meta: { deployment, account } }));
  if (book.deployment !== null) tell(context, { type: "data-forgotten" });
}

const networkOf = (info: Info): Network => ({
  name: info.network,
  chainId: info.chainId,
  contract: info.contract,
  blockSeconds: info.blockSeconds,
  confirmations: info.confirmations,
  window: info.window,
  safeCapacity: info.dev || info.safeCapacitySat === undefined ? null : satoshi(BigInt(info.safeCapacitySat)),
  penaltyBps: info.penaltyBps,
  relayVersion: info.version,
  dev: info.dev,
  tower: info.tower ?? null,
});

function takeTip(context: Context, { height, hash, time }: Block): void {
  context.height = height;
  tell(context, { type: "tip", tip: { height, hash, time: Date.parse(time), seenAt: Date.now() } });
  show(context);
}

/** A durable event. Nothing of it counts as seen before it is written. */
async function heard(context: Context, seq: number, type: string, data: unknown): Promise<void> {
  if (seq <= bookOf(context).cursor) return;
  switch (type) {
    case "proof.received":
      return receiveProof(context, data, seq);
    case "proof.acked":
      return receiveAck(context, data, seq);
    case "proof.refused":
      return receiveNack(context, data, seq);
    case "tx.confirmed":
    case "tx.reorged":
      await commit(context, { meta: { cursor: seq } });
      followLater(context);
      return;
    default:
      // Everything else is about a channel: what is true now is asked for, not pieced together.
      await commit(context, { meta: { cursor: seq } });
      if (isObject(data) && typeof data["channelId"] === "string") context.dirty(data["channelId"]);
  }
}

function remarked(context: Context, type: string, data: unknown): void {
  if (type === "block" && isBlock(data)) {
    takeTip(context, data);
    followLater(context);
    flush(context).catch((thrown: unknown) => complain(context, thrown));
  }
  if (type === "presence" && isObject(data) && typeof data["address"] === "string") {
    const { address, online } = data;
    if (online === true) context.online.add(address);
    else context.online.delete(address);
    tell(context, { type: "presence", address, online: online === true });
  }
}

function followLater(context: Context): void {
  follow(context)
    .then(() => refreshCoins(context))
    .catch((thrown: unknown) => complain(context, thrown));
}

/** Signs cooperative closes without asking, if the user said so; the core still checks every figure. */
async function acceptByPolicy(context: Context): Promise<void> {
  const { settings, channels } = context.store.get();
  if (!settings.autoAcceptClose || !context.key) return;
  for (const { id, proposals } of channels) {
    const open = proposals.find(({ kind, mine, status }) => kind === "close" && !mine && status === "open");
    if (open) await acceptProposal(context, { channelId: id, proposalId: open.id });
  }
}

/** The relay must say that it is the one we talk to; on one machine its names mean the same. */
function expectedRelay({ base, info }: Context, login: Readonly<Record<string, unknown>>): string {
  const said = String(login["relay"]);
  const here = (url: string): boolean => /^http:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/.test(url);
  return info && isPlayMoney(info) && here(said) && here(base) ? said : base;
}

const pageOrigin = ({ base }: Context): string => globalThis.location?.origin ?? base;

const isBlock = (data: unknown): data is Block =>
  isObject(data) && typeof data["height"] === "number" && typeof data["hash"] === "string" && typeof data["time"] === "string";

/** A failure of something that nobody waits for becomes a notice, unless being offline explains it. */
export function complain(context: Context, thrown: unknown): void {
  const cause = asProblem(thrown);
  if (context.stopped || ["relay-unreachable", "second-tab", "session-expired"].includes(cause.code)) return;
  tell(context, { type: "notice", tone: "bad", at: Date.now(), event: { type: "problem", problem: cause.data() } });
}

/** Used by `infoOf` callers that can wait: asks once more. */
export async function learnNow(context: Context): Promise<Info> {
  if (!context.info) await learn(context);
  return infoOf(context);
}

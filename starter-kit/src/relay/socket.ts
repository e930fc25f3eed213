/**
 * The relay's WebSocket: connects, signs in, subscribes from where we were, and does it again for
 * as long as it was not stopped.
 *
 * Delivery is at least once: an event is reported to the handler before its sequence number counts
 * as seen, one event at a time and in order. A request whose answer is lost rejects with
 * `relay-unreachable`; whoever sent it keeps it in the outbox and sends it again.
 */
import { Problem, asProblem, problem } from "../session/problem.ts";
import { type Frame, isObject, parseFrame } from "./frames.ts";
import { problemFrom } from "./problem.ts";

const BACKOFF_MS = { first: 500, most: 30_000 };
const PING_MS = 20_000;
const REPLY_MS = 15_000;

export interface SocketOptions {
  /** `ws://…/api/v1/ws`. */
  readonly url: string;
  /** Signs in and returns a token for the `auth` frame; called before every connection. */
  readonly signIn: () => Promise<string>;
  /** The number of the newest event that is stored here. */
  readonly cursor: () => number;
  /** The relay has fewer events than we have seen (it lost some): count on from `after`. */
  readonly onRewind: (after: number) => Promise<void>;
  readonly onEvent: (event: Extract<Frame, { kind: "event" }>) => Promise<void>;
  readonly onRemark: (remark: Extract<Frame, { kind: "remark" }>) => void;
  readonly onStatus: (status: SocketStatus) => void;
  /** Replaces the browser's class and dice, for tests. */
  readonly WebSocket?: typeof WebSocket;
  readonly random?: () => number;
}

export type SocketStatus =
  | { readonly type: "connecting" }
  | { readonly type: "online" }
  | { readonly type: "offline"; readonly retryInMs: number; readonly problem: Problem };

export interface Socket {
  /** Sends a request and resolves with the data of the answer. */
  readonly request: (type: string, data: unknown) => Promise<unknown>;
  readonly online: () => boolean;
  /** Tries now instead of after the pause. */
  readonly wake: () => void;
  readonly stop: () => void;
}

interface Waiting {
  readonly resolve: (data: unknown) => void;
  readonly reject: (problem: Problem) => void;
  /** Called before any later frame is looked at. */
  readonly atOnce: ((data: unknown) => void) | undefined;
  readonly timer: ReturnType<typeof setTimeout>;
}

/** The pause before attempt `attempt` (0 = first): doubles up to 30 s; half of it is chance. */
export function backoff(attempt: number, random: () => number): number {
  const full = Math.min(BACKOFF_MS.most, BACKOFF_MS.first * 2 ** Math.min(attempt, 10));
  return Math.round(full / 2 + (full / 2) * random());
}

export function openSocket(options: SocketOptions): Socket {
  const Class = options.WebSocket ?? WebSocket;
  const random = options.random ?? Math.random;
  const waiting = new Map<number, Waiting>();
  let socket: WebSocket | null = null;
  let online = false;
  let stopped = false;
  let attempt = 0;
  let lastId = 0;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let heartbeat: ReturnType<typeof setInterval> | undefined;
  /** Events wait here for their turn; a connection that broke leaves no later event to be handled. */
  let turn: Promise<void> = Promise.resolve();

  async function connect(): Promise<void> {
    clearTimeout(retry);
    retry = undefined;
    options.onStatus({ type: "connecting" });
    try {
      const token = await options.signIn();
      if (stopped) return;
      await open(token);
    } catch (thrown) {
      if (!stopped) pause(asProblem(thrown));
    }
  }

  async function open(token: string): Promise<void> {
    const mine = new Class(options.url);
    socket = mine;
    mine.onmessage = (message: MessageEvent) => {
      if (mine === socket) hear(mine, String(message.data));
    };
    mine.onclose = () => drop(mine, problem("relay-unreachable", { s: 1 }));
    mine.onerror = () => drop(mine, problem("relay-unreachable", { s: 1 }));
    await new Promise<void>((resolve, reject) => {
      mine.onopen = () => resolve();
      mine.addEventListener("close", () => reject(problem("relay-unreachable", { s: 1 })));
    });
    heartbeat = setInterval(() => beat(mine), PING_MS);
    await ask(mine, "hello", { version: 1, features: [] });
    await ask(mine, "auth", { token });
    await ask(mine, "subscribe", { after: options.cursor() }, (data) => rewind(mine, data));
    if (mine !== socket) throw problem("relay-unreachable", { s: 1 });
    attempt = 0;
    online = true;
    options.onStatus({ type: "online" });
  }

  /**
   * Says that we live, and what the relay need not keep for us any more. A missing answer ends the
   * connection (see `ask`). No clock is compared: a page in the background has slow timers.
   */
  function beat(mine: WebSocket): void {
    ask(mine, "ack", { seq: options.cursor() }).catch(() => undefined);
  }

  /** Runs before the first event, because the answer comes before it. */
  function rewind(mine: WebSocket, data: unknown): void {
    const after = isObject(data) ? data["after"] : undefined;
    if (typeof after !== "number" || after >= options.cursor()) return;
    turn = turn.then(() => options.onRewind(after)).catch((thrown: unknown) => drop(mine, asProblem(thrown)));
  }

  function hear(mine: WebSocket, text: string): void {
    const frame = parseFrame(text);
    if (frame === null) return;
    if (frame.kind === "reply") answer(frame);
    else if (frame.kind === "remark") options.onRemark(frame);
    else {
      turn = turn.then(async () => {
        if (mine !== socket || frame.seq <= options.cursor()) return;
        try {
          await options.onEvent(frame);
        } catch (thrown) {
          // Not stored, so not seen: the next connection asks for it again.
          drop(mine, asProblem(thrown));
        }
      });
    }
  }

  function answer(frame: Extract<Frame, { kind: "reply" }>): void {
    const waiter = waiting.get(frame.replyTo);
    if (!waiter) return;
    waiting.delete(frame.replyTo);
    clearTimeout(waiter.timer);
    if (frame.ok) {
      waiter.atOnce?.(frame.data);
      waiter.resolve(frame.data);
    } else waiter.reject(problemFrom(frame.data));
  }

  function ask(mine: WebSocket, type: string, data: unknown, atOnce?: Waiting["atOnce"]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (mine.readyState !== Class.OPEN) {
        reject(problem("relay-unreachable", { s: 1 }));
        return;
      }
      const id = ++lastId;
      const timer = setTimeout(() => {
        waiting.delete(id);
        reject(problem("relay-unreachable", { s: 1 }));
        drop(mine, problem("relay-unreachable", { s: 1 }));
      }, REPLY_MS);
      waiting.set(id, { resolve, reject, timer, atOnce });
      mine.send(JSON.stringify({ id, type, data }));
    });
  }

  /** Gives up a connection, tells everybody who waits on it, and plans the next. */
  function drop(mine: WebSocket, cause: Problem): void {
    if (mine !== socket) return;
    socket = null;
    const wasOnline = online;
    online = false;
    clearInterval(heartbeat);
    for (const waiter of waiting.values()) {
      clearTimeout(waiter.timer);
      waiter.reject(cause);
    }
    waiting.clear();
    mine.close();
    // While `open` still waits, its own failure leads to the pause.
    if (wasOnline && !stopped) pause(cause);
  }

  function pause(cause: Problem): void {
    const wait = backoff(attempt, random);
    attempt += 1;
    if (socket) drop(socket, cause);
    clearTimeout(retry);
    retry = setTimeout(() => void connect(), wait);
    options.onStatus({ type: "offline", retryInMs: wait, problem: cause });
  }

  void connect();
  return {
    request: (type, data) =>
      socket && online ? ask(socket, type, data) : Promise.reject(problem("relay-unreachable", { s: 1 })),
    online: () => online,
    wake: () => {
      if (retry !== undefined) void connect();
    },
    stop: () => {
      stopped = true;
      clearTimeout(retry);
      if (socket) drop(socket, problem("relay-unreachable", { s: 1 }));
    },
  };
}

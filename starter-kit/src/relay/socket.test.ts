import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { WebSocket as NodeSocket, WebSocketServer } from "ws";
import { type Socket, type SocketStatus, backoff, openSocket } from "./socket.ts";

interface Asked { readonly id: number; readonly type: string; readonly data: Record<string, unknown> }
type Peer = import("ws").WebSocket;

let server: WebSocketServer | undefined;
let socket: Socket | undefined;
afterEach(() => {
  socket?.stop();
  for (const peer of server?.clients ?? []) peer.terminate();
  server?.close();
});

/** A relay that accepts everything and lets the test speak for it. */
async function relay(onAsked: (asked: Asked, peer: Peer) => void = () => undefined, last = 1_000) {
  const asked: Asked[] = [];
  server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  server.on("connection", (peer) => {
    peer.on("message", (text) => {
      const frame = JSON.parse(String(text)) as Asked;
      asked.push(frame);
      if (["hello", "auth", "ack"].includes(frame.type)) peer.send(JSON.stringify({ replyTo: frame.id, type: "ok", data: {} }));
      // Never says that it has more than it has.
      if (frame.type === "subscribe") peer.send(JSON.stringify({ replyTo: frame.id, type: "ok", data: { after: Math.min(Number(frame.data["after"]), last) } }));
      onAsked(frame, peer);
    });
  });
  await new Promise((resolve) => server?.once("listening", resolve));
  return { port: (server.address() as AddressInfo).port, asked };
}

function connect(port: number, cursor: { at: number }, onEvent: (seq: number) => Promise<void> = async () => undefined) {
  const statuses: SocketStatus["type"][] = [];
  const waiting: { type: string; resolve: () => void }[] = [];
  socket = openSocket({
    url: `ws://127.0.0.1:${port}`,
    signIn: async () => "token",
    cursor: () => cursor.at,
    onEvent: async (event) => {
      await onEvent(event.seq);
      cursor.at = event.seq;
    },
    onRewind: async (after) => {
      cursor.at = after;
    },
    onRemark: () => undefined,
    onStatus: ({ type }) => {
      statuses.push(type);
      for (const one of waiting.splice(0)) one.type === type ? one.resolve() : waiting.push(one);
    },
    WebSocket: NodeSocket as unknown as typeof WebSocket,
    random: () => 0,
  });
  const until = (type: SocketStatus["type"]): Promise<void> => new Promise((resolve) => waiting.push({ type, resolve }));
  return { socket, statuses, until };
}

const event = (seq: number): string => JSON.stringify({ seq, ts: "", type: "proof.received", data: {} });

describe("socket", () => {
  it("signs in and asks for all events after the newest it has", async () => {
    const { port, asked } = await relay();
    await connect(port, { at: 41 }).until("online");
    expect(asked.map(({ type, data }) => [type, data["token"] ?? data["after"]])).toEqual([["hello", undefined], ["auth", "token"], ["subscribe", 41]]);
  });

  it("hands over events in order, each once, also when they are sent twice", async () => {
    const seen: number[] = [];
    let last: (() => void) | undefined;
    const done = new Promise<void>((resolve) => (last = resolve));
    const { port } = await relay(({ type }, peer) => {
      if (type === "subscribe") for (const seq of [1, 2, 2, 1, 3]) peer.send(event(seq));
    });
    connect(port, { at: 0 }, async (seq) => {
      await Promise.resolve();
      seen.push(seq);
      if (seq === 3) last?.();
    });
    await done;
    expect(seen).toEqual([1, 2, 3]);
  });

  it("counts on from where the relay is when the relay has lost events", async () => {
    const seen: number[] = [];
    let heard: (() => void) | undefined;
    const done = new Promise<void>((resolve) => (heard = resolve));
    const { port } = await relay(({ type }, peer) => {
      if (type === "subscribe") peer.send(event(8));
    }, 7);
    connect(port, { at: 41 }, async (seq) => {
      seen.push(seq);
      heard?.();
    });
    await done;
    expect(seen).toEqual([8]);
  });

  it("asks again for an event that could not be stored", async () => {
    const subscribed: unknown[] = [];
    const { port } = await relay(({ type, data }, peer) => {
      if (type !== "subscribe") return;
      subscribed.push(data["after"]);
      peer.send(event(1));
      peer.send(event(2));
    });
    let full = true;
    let stored: (() => void) | undefined;
    const done = new Promise<void>((resolve) => (stored = resolve));
    connect(port, { at: 0 }, async (seq) => {
      if (seq === 2 && full) {
        full = false;
        throw new Error("disk full");
      }
      if (seq === 2) stored?.();
    });
    await done;
    expect(subscribed).toEqual([0, 1]);
  });

  it("answers requests, with the relay's problem when it refuses", async () => {
    const { port } = await relay(({ id, type }, peer) => {
      if (type === "proof.submit") peer.send(JSON.stringify({ replyTo: id, type: "ok", data: { nonce: 1 } }));
      if (type === "ack.submit") peer.send(JSON.stringify({ replyTo: id, type: "error", data: { code: "bad-signature", title: "No", detail: "No" } }));
    });
    const { socket, until } = connect(port, { at: 0 });
    await until("online");
    expect(await socket.request("proof.submit", {})).toEqual({ nonce: 1 });
    await expect(socket.request("ack.submit", {})).rejects.toMatchObject({ code: "bad-signature" });
  });

  it("rejects what was not answered when the connection breaks, and comes back by itself", async () => {
    let breaking = true;
    const { port } = await relay(({ type }, peer) => {
      if (type === "proof.submit" && breaking) {
        breaking = false;
        peer.terminate();
      }
    });
    const { socket, statuses, until } = connect(port, { at: 0 });
    await until("online");
    await expect(socket.request("proof.submit", {})).rejects.toMatchObject({ code: "relay-unreachable" });
    await until("online");
    expect(statuses).toEqual(["connecting", "online", "offline", "connecting", "online"]);
  });

  it("ignores garbage", async () => {
    const { port } = await relay(({ id, type }, peer) => {
      if (type === "proof.submit") {
        for (const text of ["", "{", "[]", "7", `{"seq":"x"}`, `{"replyTo":"x","type":"ok"}`]) peer.send(text);
        peer.send(JSON.stringify({ replyTo: id, type: "ok", data: null }));
      }
    });
    const { socket, until } = connect(port, { at: 0 });
    await until("online");
    expect(await socket.request("proof.submit", {})).toBeNull();
  });

  it("waits longer each time, never more than 30 s, never the same for all", () => {
    const never = (): number => 0;
    const always = (): number => 1;
    expect([0, 1, 2, 6, 50].map((attempt) => backoff(attempt, always))).toEqual([500, 1000, 2000, 30_000, 30_000]);
    expect([0, 1, 2, 6, 50].map((attempt) => backoff(attempt, never))).toEqual([250, 500, 1000, 15_000, 15_000]);
  });
});

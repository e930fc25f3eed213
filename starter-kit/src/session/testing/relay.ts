/** A relay that stores and forwards for one channel, and tells the test what it saw. */
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";
import fixture from "../../core.fixture.json" with { type: "json" };
import { type Wire, acceptAck, receive, viewChannel } from "../../core.ts";
import { DEMO } from "../names.ts";

/** The channel of the fixture: number 5, Alice put 100 QTUM in. */
export const CHANNEL = fixture.facts.channelId;
const TIP = { height: 110, hash: "ab".repeat(32), time: "2026-01-01T00:00:00Z" };
const RULES = { height: 110, confirmations: 1, reserve: { bps: 0, minimum: "0" } };

type Person = "alice" | "bob";
interface Proof {
  readonly from: Person;
  readonly nonce: number;
  readonly update: Wire;
}

export interface TestRelay {
  readonly url: string;
  network: string;
  /** Proofs in the order in which they were stored, each once. */
  readonly proofs: Proof[];
  /** What went wrong in `onProof`. */
  readonly failures: unknown[];
  onProof: () => Promise<void>;
  dropNextReply: boolean;
  deliverTwice: boolean;
  readonly stop: () => Promise<void>;
}

export async function startRelay(): Promise<TestRelay> {
  let channel = JSON.stringify(fixture);
  const events: Record<Person, { seq: number; type: string; data: unknown }[]> = { alice: [], bob: [] };
  const peers = new Map<WebSocket, Person | null>();
  const server = createServer((request, response) => void answer(request, response));
  const sockets = new WebSocketServer({ server });

  const relay = {
    network: "dev", proofs: [] as Proof[], failures: [] as unknown[], onProof: async () => undefined, dropNextReply: false, deliverTwice: false,
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = chunks.length > 0 ? (JSON.parse(Buffer.concat(chunks).toString()) as Record<string, string>) : {};
    const who = (request.headers.authorization ?? "").replace("Bearer ", "") as Person;
    const [status, value] = rest(`${request.method} ${request.url}`, body, who);
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
  }

  function rest(what: string, body: Record<string, string>, who: Person): [number, unknown] {
    const path = what.replace("/api/v1", "").split("?")[0] ?? "";
    const after = Number(new URL(what.split(" ")[1] ?? "", url()).searchParams.get("after") ?? 0);
    switch (path) {
      case "GET /info":
        return [200, info()];
      case "POST /auth/challenges":
        return [201, { challengeId: body["address"], login: login(body["address"] ?? "") }];
      case "POST /auth/sessions":
        return [201, { token: body["challengeId"] === DEMO.alice.address ? "alice" : "bob", expiresAt: "2999-01-01T00:00:00Z" }];
      case "GET /channels":
        return [200, { items: who in events ? [shown(who)] : [] }];
      case `GET /channels/${CHANNEL}`:
        return [200, shown(who)];
      case `GET /channels/${CHANNEL}/updates`: {
        const from = what.includes("direction=A") ? "alice" : "bob";
        return [200, { items: relay.proofs.filter((one) => one.from === from && one.nonce > after).map(({ update }) => update) }];
      }
      default:
        return path.startsWith("GET ") ? [200, { items: [] }] : [404, { code: "not-found", title: "No", detail: "No" }];
    }
  }

  const info = () => ({
    network: relay.network, chainId: 8890, contract: fixture.domain.contract, contractHeight: 1, contractBlock: "cd".repeat(32), blockSeconds: 32, confirmations: 1,
    window: { default: 50, min: 10, max: 100_000 }, penaltyBps: 10_000, reserve: RULES.reserve, tip: TIP, version: "test", dev: true, tower: true,
  });

  function login(address: string): unknown {
    const account = address === DEMO.alice.address ? fixture.facts.params.accountA : fixture.facts.params.accountB;
    const now = Math.floor(Date.now() / 1000);
    return { account, relay: url(), origin: url(), nonce: `0x${"11".repeat(32)}`, issuedAt: now, expiresAt: now + 300 };
  }

  const shown = (who: Person) => ({
    channelId: CHANNEL, number: 5, accountA: DEMO.alice.address, accountB: DEMO.bob.address, side: who === "alice" ? "A" : "B",
    channel: JSON.parse(channel) as unknown, partnerOnline: false, watch: { armed: true, armedNonce: 0, lastCheckedHeight: 110, lastAction: null },
  });

  sockets.on("connection", (peer) => {
    peers.set(peer, null);
    peer.on("close", () => peers.delete(peer));
    peer.on("message", (text) => void hear(peer, JSON.parse(String(text)) as { id: number; type: string; data: Record<string, unknown> }));
  });

  async function hear(peer: WebSocket, { id, type, data }: { id: number; type: string; data: Record<string, unknown> }): Promise<void> {
    const who = peers.get(peer);
    const reply = (value: unknown): void => peer.send(JSON.stringify({ replyTo: id, type: "ok", data: value }));
    if (type === "auth") peers.set(peer, data["token"] as Person);
    if (type === "subscribe" && who) {
      const after = Math.min(Number(data["after"]), events[who].length);
      reply({ after, last: events[who].length });
      for (const event of events[who].slice(after)) peer.send(JSON.stringify({ ...event, ts: "" }));
      return;
    }
    if (type === "proof.submit" && who) await proof(who, data["update"] as Wire);
    if (type === "ack.submit" && who) ack(who, data["ack"]);
    if (type === "proof.submit" && relay.dropNextReply) {
      relay.dropNextReply = false;
      peer.terminate();
      return;
    }
    reply({});
  }

  async function proof(from: Person, update: Wire): Promise<void> {
    await relay.onProof().catch((thrown: unknown) => relay.failures.push(thrown));
    const received = receive(channel, update, RULES);
    if (received.type !== "accepted") return;
    channel = received.channel;
    const { nonces } = viewChannel(channel, from === "alice" ? "A" : "B", RULES);
    relay.proofs.push({ from, nonce: nonces.sent, update });
    tell(from === "alice" ? "bob" : "alice", "proof.received", { channelId: CHANNEL, update });
  }

  function ack(from: Person, value: unknown): void {
    const received = acceptAck(channel, value);
    if (received.type !== "accepted") return;
    channel = received.channel;
    tell(from === "alice" ? "bob" : "alice", "proof.acked", { channelId: CHANNEL, ack: value });
  }

  function tell(to: Person, type: string, data: unknown): void {
    for (let times = relay.deliverTwice ? 2 : 1; times > 0; times--) events[to].push({ seq: events[to].length + 1, type, data });
    const fresh = events[to].slice(relay.deliverTwice ? -2 : -1);
    for (const [peer, who] of peers) if (who === to) for (const event of fresh) peer.send(JSON.stringify({ ...event, ts: "" }));
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return Object.assign(relay, {
    url: url(),
    stop: async () => {
      for (const peer of peers.keys()) peer.terminate();
      sockets.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

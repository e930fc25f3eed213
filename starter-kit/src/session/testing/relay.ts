/** A relay that stores and forwards for one channel, and tells the test what it saw. */
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";
import fixture from "../../core.fixture.json" with { type: "json" };
import { type Wire, acceptAck, receive, viewChannel } from "../../core.ts";
import { DEMO } from "../names.ts";
import { BadWire, LATE_MS, Line, pause } from "./wire.ts";

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
/** A frame of a page. */
interface Asked {
  readonly id: number;
  readonly type: string;
  readonly data: Record<string, unknown>;
}
interface Peer {
  readonly line: Line;
  who: Person | null;
  /** What a page says is handled in its order. */
  turn: Promise<void>;
}

export interface TestRelay {
  readonly url: string;
  network: string;
  /** Proofs in the order in which they were stored, each once. */
  readonly proofs: Proof[];
  /** What went wrong in `onProof`. */
  readonly failures: unknown[];
  readonly wire: BadWire;
  onProof: () => Promise<void>;
  /** Hears the code of every proof that is refused. */
  onRefused: (code: string) => void;
  dropNextReply: boolean;
  deliverTwice: boolean;
  /** Shows other facts of the channel from now on. Nobody is told, and payments are taken as before. */
  readonly amend: (facts: object) => void;
  readonly remark: (type: string, data: unknown) => void;
  /** Ends all connections. */
  readonly cut: () => void;
  readonly stop: () => Promise<void>;
}

export async function startRelay(): Promise<TestRelay> {
  let channel = JSON.stringify(fixture);
  let acked: Record<Person, number> = { alice: 0, bob: 0 };
  const offers: object[] = [];
  let amended: object = {};
  const events: Record<Person, { seq: number; type: string; data: unknown }[]> = { alice: [], bob: [] };
  const peers = new Map<WebSocket, Peer>();
  const wire = new BadWire();
  const server = createServer((request, response) => void answer(request, response));
  const sockets = new WebSocketServer({ server });

  const relay = {
    network: "dev", proofs: [] as Proof[], failures: [] as unknown[], onProof: async () => undefined,
    onRefused: (_: string) => undefined as void, dropNextReply: false, deliverTwice: false,
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = chunks.length > 0 ? (JSON.parse(Buffer.concat(chunks).toString()) as Record<string, string>) : {};
    const who = (request.headers.authorization ?? "").replace("Bearer ", "") as Person;
    const what = `${request.method} ${request.url}`.replace("/api/v1", "");
    const fault = wire.take(what.split("?")[0] ?? "");
    if (fault === "lost") return void request.socket.destroy();
    if (fault === "late") await pause(LATE_MS);
    if (typeof fault === "number") return void response.writeHead(fault).end();
    if (fault === "doubled") rest(what, body, who);
    const [status, value] = rest(what, body, who);
    if (fault === "cut") return void request.socket.destroy();
    const text = Buffer.from(JSON.stringify(value));
    response.writeHead(status, { "content-type": "application/json", "content-length": text.length });
    if (fault !== "halved") return void response.end(text);
    response.write(text.subarray(0, text.length / 2), () => request.socket.destroy());
  }

  function rest(what: string, body: Record<string, string>, who: Person): [number, unknown] {
    const [path = "", query] = what.split("?");
    const after = Number(new URLSearchParams(query).get("after") ?? 0);
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
        return [200, { items: relay.proofs.filter((one) => one.from === from && one.nonce > after && kept(one)).map(({ update }) => update) }];
      }
      case `GET /channels/${CHANNEL}/proposals`:
        return [200, { items: offers }];
      case `POST /channels/${CHANNEL}/proposals`:
        offers.push({ ...body, id: String(offers.length + 1), proposer: sideOf(who), countersignature: null, endedAt: null });
        return [201, offers.at(-1)];
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

  const sideOf = (who: Person) => (who === "alice" ? "A" : "B");
  const shown = (who: Person) => ({
    channelId: CHANNEL, number: 5, accountA: DEMO.alice.address, accountB: DEMO.bob.address, side: sideOf(who),
    channel: short(), partnerOnline: false, watch: { armed: true, armedNonce: 0, lastCheckedHeight: 110, lastAction: null },
  });

  /** Of each street the acked proof and the newest: there are no locks here, so a later one covers those between. */
  function short(): unknown {
    const all = JSON.parse(channel) as { facts: object; streets: { standing: { signed: { proof: { nonce: number } } }[]; ack: { nonce: number } | null }[] };
    const streets = all.streets.map((street) => ({
      ...street, standing: street.standing.filter((one, at) => at === street.standing.length - 1 || one.signed.proof.nonce === street.ack?.nonce),
    }));
    return { ...all, facts: { ...all.facts, ...amended }, streets };
  }

  /** A mailbox keeps a proof until its recipient has acked a newer one (and heard of it: here that is the same). */
  const kept = ({ from, nonce }: Proof): boolean => acked[from] <= nonce;

  sockets.on("connection", (peer, request) => {
    const known: Peer = { line: new Line(peer, request.socket), who: null, turn: Promise.resolve() };
    peers.set(peer, known);
    peer.on("close", () => peers.delete(peer));
    peer.on("error", () => undefined);
    peer.on("message", (text) => {
      const asked = JSON.parse(String(text)) as Asked;
      known.turn = known.turn.then(() => hear(peer, known, asked)).catch((thrown: unknown) => void relay.failures.push(thrown));
    });
  });

  async function hear(peer: WebSocket, known: Peer, asked: Asked): Promise<void> {
    const fault = wire.take(asked.type);
    if (fault === "lost") return peer.terminate();
    if (fault === "late") await pause(LATE_MS);
    if (fault === "doubled") known.line.say(await handle(known, asked));
    const reply = await handle(known, asked);
    if (asked.type === "proof.submit" && relay.dropNextReply) {
      relay.dropNextReply = false;
      return peer.terminate();
    }
    known.line.say(reply, fault === "doubled" || fault === "late" ? undefined : fault);
    if (asked.type === "subscribe" && known.who) for (const event of events[known.who].slice(afterOf(asked, known.who))) known.line.say({ ...event, ts: "" });
  }

  const afterOf = ({ data }: Asked, who: Person): number => Math.min(Number(data["after"]), events[who].length);

  /** Does what a page asks for, and gives the answer. */
  async function handle(known: Peer, asked: Asked): Promise<object> {
    const { id: replyTo, type, data } = asked;
    const { who } = known;
    if (type === "auth") known.who = data["token"] as Person;
    if (type === "subscribe" && who) return { replyTo, type: "ok", data: { after: afterOf(asked, who), last: events[who].length } };
    const refused = type === "proof.submit" && who ? await proof(who, data["update"] as Wire) : null;
    if (type === "ack.submit" && who) ack(who, data["ack"]);
    if (refused) relay.onRefused(refused);
    return refused ? { replyTo, type: "error", data: { code: refused, title: "No", detail: "No" } } : { replyTo, type: "ok", data: {} };
  }

  /** Stores and forwards; the code of a refusal otherwise. What it has already, it takes again. */
  async function proof(from: Person, update: Wire): Promise<string | null> {
    await relay.onProof().catch((thrown: unknown) => relay.failures.push(thrown));
    const received = receive(channel, update, RULES);
    if (received.type === "held") return null;
    if (received.type === "refused") {
      if (received.code !== "stale-nonce") return received.code;
      const nonce = nonceOf(update);
      const known = relay.proofs.find((one) => one.from === from && one.nonce === nonce);
      if (!known || !kept(known)) return "stale-nonce";
      return JSON.stringify(known.update) === JSON.stringify(update) ? null : "nonce-conflict";
    }
    channel = received.channel;
    const { nonces } = viewChannel(channel, sideOf(from), RULES);
    relay.proofs.push({ from, nonce: nonces.sent, update });
    tell(from === "alice" ? "bob" : "alice", "proof.received", { channelId: CHANNEL, update });
    return null;
  }

  function ack(from: Person, value: unknown): void {
    const received = acceptAck(channel, value);
    if (received.type !== "accepted") return;
    channel = received.channel;
    const sender = from === "alice" ? "bob" : "alice";
    acked = { ...acked, [sender]: viewChannel(channel, sideOf(sender), RULES).nonces.sentAcked };
    tell(sender, "proof.acked", { channelId: CHANNEL, ack: value });
  }

  function tell(to: Person, type: string, data: unknown): void {
    const fault = wire.take(type);
    for (let times = relay.deliverTwice ? 2 : 1; times > 0; times--) events[to].push({ seq: events[to].length + 1, type, data });
    const fresh = events[to].slice(relay.deliverTwice ? -2 : -1);
    for (const { line, who } of peers.values()) if (who === to) for (const event of fresh) line.say({ ...event, ts: "" }, fault);
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const cut = (): void => {
    for (const peer of peers.keys()) peer.terminate();
  };
  return Object.assign(relay, {
    url: url(),
    wire,
    cut,
    amend: (facts: object) => void (amended = facts),
    remark: (type: string, data: unknown) => {
      for (const { line } of peers.values()) line.say({ type, data });
    },
    stop: async () => {
      cut();
      sockets.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

const nonceOf = (update: Wire): number => (update["proof"] as { proof: { nonce: number } }).proof.nonce;

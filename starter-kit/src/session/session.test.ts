/**
 * Two whole sessions, Alice's and Bob's, with real storage, core and sockets, around a relay that
 * only stores and forwards. The relay itself is tested elsewhere; here it is asked what it saw.
 */
import { IDBFactory } from "fake-indexeddb";
import { readFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket as NodeSocket } from "ws";
import { satoshi } from "./amount.ts";
import { openSession } from "./open.ts";
import type { Session } from "./session.ts";
import type { Channel, State } from "./state.ts";
import { openStorage } from "./storage.ts";
import { Locks } from "./testing/locks.ts";
import { CHANNEL, type TestRelay, startRelay } from "./testing/relay.ts";

const qtum = (value: number) => satoshi(value * 100_000_000);
const core = await readFile(new URL("../core/pkg/sparky_wasm_bg.wasm", import.meta.url));

let relay: TestRelay;
let locks: LockManager;
let sessions: Session[];
beforeEach(async () => {
  relay = await startRelay();
  globalThis.indexedDB = new IDBFactory();
  locks = new Locks() as unknown as LockManager;
  sessions = [];
});
afterEach(async () => {
  await Promise.all(sessions.map((session) => session.stop()));
  await relay.stop();
});

function open(profile: string): Session {
  const session = openSession({ profile, relay: relay.url, core, locks, WebSocket: NodeSocket as unknown as typeof WebSocket });
  sessions.push(session);
  return session;
}

/** Waits until the state has what is looked for, and returns it. */
function until<T>({ store }: Session, find: (state: State) => T | undefined | null | false): Promise<T> {
  return new Promise((resolve) => {
    const look = (): boolean => {
      const found = find(store.get());
      if (!found) return false;
      stop();
      resolve(found);
      return true;
    };
    const stop = store.subscribe(look);
    look();
  });
}

const channelOf = (state: State): Channel | undefined => state.channels.find(({ id }) => id === CHANNEL);
const mine = (session: Session, value: number): Promise<Channel | undefined> =>
  until(session, (state) => channelOf(state)?.balances.mine === qtum(value) && channelOf(state));

async function start(profile: "alice" | "bob"): Promise<Session> {
  const session = open(profile);
  await until(session, ({ writer, stage }) => writer === "held" && stage.type === "welcome");
  await session.actions.startDemo(profile);
  await until(session, (state) => state.connection.status === "online" && channelOf(state));
  return session;
}

describe("a session", () => {
  it("pays: the partner sees it, acks it, and both have the same balance", async () => {
    const [alice, bob] = [await start("alice"), await start("bob")];
    const receipt = await alice.actions.pay({ channelId: CHANNEL, amount: qtum(20), note: "coffee" });
    expect(receipt).toMatchObject({ nonce: 1, status: "delivered" });
    await mine(bob, 20);
    await until(alice, (state) => state.activity.some(({ kind, status, note }) => kind === "sent" && status === "acked" && note === "coffee"));
    expect(bob.store.get().notices.map(({ event }) => event.type)).toContain("received");
  });

  it("writes before it sends: what the relay gets is on the disk already", async () => {
    const alice = await start("alice");
    const storage = await openStorage("alice");
    relay.onProof = async () => {
      const { outbox, updates, channels } = await storage.load();
      expect(outbox.map(({ type }) => type)).toEqual(["proof.submit"]);
      expect(updates.map(({ nonce }) => nonce)).toEqual([1]);
      expect(channels[0]?.channel).toContain(String(qtum(20)));
    };
    await alice.actions.pay({ channelId: CHANNEL, amount: qtum(20) });
    expect(relay.failures).toEqual([]);
    expect((await storage.load()).outbox).toEqual([]);
    storage.close();
  });

  it("keeps a payment that could not leave, and sends the same bytes later", async () => {
    const alice = await start("alice");
    alice.actions.lab.setOnline(false);
    const receipt = await alice.actions.pay({ channelId: CHANNEL, amount: qtum(20) });
    expect([receipt.status, alice.store.get().connection.unsent, relay.proofs.length]).toEqual(["stored", 1, 0]);
    await alice.stop();
    const again = open("alice");
    await until(again, (state) => state.connection.status === "online" && state.connection.unsent === 0);
    expect(relay.proofs.map(({ nonce }) => nonce)).toEqual([1]);
    expect(channelOf(again.store.get())?.balances.mine).toBe(qtum(80));
  });

  it("sends again what was not answered, and the relay has it once", async () => {
    const alice = await start("alice");
    relay.dropNextReply = true;
    const receipt = await alice.actions.pay({ channelId: CHANNEL, amount: qtum(20) });
    expect(receipt.status).toBe("stored");
    await until(alice, ({ connection }) => connection.status === "online" && connection.unsent === 0);
    expect(relay.proofs.map(({ nonce }) => nonce)).toEqual([1]);
    expect(channelOf(alice.store.get())?.balances.mine).toBe(qtum(80));
  });

  it("counts a payment once although it is delivered twice", async () => {
    const [alice, bob] = [await start("alice"), await start("bob")];
    relay.deliverTwice = true;
    await alice.actions.pay({ channelId: CHANNEL, amount: qtum(20) });
    await alice.actions.pay({ channelId: CHANNEL, amount: qtum(1) });
    await mine(bob, 21);
    expect(bob.store.get().activity.filter(({ kind }) => kind === "received").map(({ amount }) => amount)).toEqual([qtum(1), qtum(20)]);
  });

  it("after a loss of data it goes on from its own signatures and uses no nonce twice", async () => {
    const alice = await start("alice");
    await alice.actions.pay({ channelId: CHANNEL, amount: qtum(20) });
    await alice.actions.lab.forgetData();
    await mine(alice, 80);
    expect(await alice.actions.pay({ channelId: CHANNEL, amount: qtum(1) })).toMatchObject({ nonce: 2, status: "delivered" });
    expect(relay.proofs.map(({ nonce }) => nonce)).toEqual([1, 2]);
  });

  it("comes back from an old file in a new browser, with its history, and uses no nonce twice", async () => {
    const alice = await start("alice");
    await alice.actions.pay({ channelId: CHANNEL, amount: qtum(20), note: "coffee" });
    const file = await (await alice.actions.exportBackup("correct horse")).text();
    await alice.actions.pay({ channelId: CHANNEL, amount: qtum(1) });
    await expect(alice.actions.restoreBackup(file, "correct horse")).rejects.toMatchObject({ code: "backup-older" });
    await alice.stop();
    globalThis.indexedDB = new IDBFactory();
    const again = open("alice");
    await until(again, ({ writer, stage }) => writer === "held" && stage.type === "welcome");
    await expect(again.actions.restoreBackup(file, "correct house")).rejects.toMatchObject({ code: "wrong-passphrase" });
    expect(again.store.get().account).toBeNull();
    expect(await again.actions.restoreBackup(file, "correct horse")).toMatchObject({ channels: 1, known: 0, elsewhere: 0 });
    await mine(again, 79);
    expect(again.store.get().activity.map(({ note }) => note)).toContain("coffee");
    expect(await again.actions.pay({ channelId: CHANNEL, amount: qtum(1) })).toMatchObject({ nonce: 3, status: "delivered" });
    expect(relay.proofs.map(({ nonce }) => nonce)).toEqual([1, 2, 3]);
  }, 120_000);

  it("lets one page write; the other shows, and can take over", async () => {
    const first = await start("alice");
    const second = open("alice");
    await until(second, (state) => state.writer === "second-tab" && channelOf(state));
    await expect(second.actions.pay({ channelId: CHANNEL, amount: qtum(1) })).rejects.toMatchObject({ code: "second-tab" });
    await second.actions.takeOver();
    await until(first, ({ writer }) => writer === "second-tab");
    await until(second, ({ writer, connection }) => writer === "held" && connection.status === "online");
    await expect(first.actions.pay({ channelId: CHANNEL, amount: qtum(1) })).rejects.toMatchObject({ code: "second-tab" });
    expect(await second.actions.pay({ channelId: CHANNEL, amount: qtum(1) })).toMatchObject({ nonce: 1, status: "delivered" });
    await mine(first, 99);
  });

  it("locks a key with a passphrase and signs nothing until it is opened", async () => {
    const session = open("me");
    await until(session, ({ writer }) => writer === "held");
    await session.actions.createKey({ passphrase: "correct horse" });
    const wif = await session.actions.exportWif("correct horse");
    await session.actions.lock();
    expect(session.store.get().stage.type).toBe("locked");
    await expect(session.actions.unlock("wrong")).rejects.toMatchObject({ code: "wrong-passphrase" });
    await expect(session.actions.exportWif("wrong")).rejects.toMatchObject({ code: "wrong-passphrase" });
    await session.actions.unlock("correct horse");
    expect(session.store.get().stage.type).toBe("ready");
    expect(await session.actions.exportWif("correct horse")).toBe(wif);
  });

  it("refuses demo keys where money is real", async () => {
    relay.network = "mainnet";
    const session = open("me");
    await until(session, ({ writer, network }) => writer === "held" && network);
    await expect(session.actions.startDemo("alice")).rejects.toMatchObject({ code: "demo-key-refused" });
    expect(session.store.get().account).toBeNull();
  });
});

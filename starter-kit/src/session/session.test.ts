/**
 * Two whole sessions, Alice's and Bob's, with real storage, core and sockets, around a relay that
 * only stores and forwards. The relay itself is tested elsewhere; here it is asked what it saw.
 */
import { IDBFactory } from "fake-indexeddb";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import fixture from "../core.fixture.json" with { type: "json" };
import { addressOf } from "../core.ts";
import type { Session } from "./session.ts";
import type { Channel } from "./state.ts";
import { openStorage } from "./storage.ts";
import { CHANNEL, type TestRelay } from "./testing/relay.ts";
import { type Stage, channelOf, openStage, qtum, until } from "./testing/stage.ts";

let stage: Stage;
let relay: TestRelay;
beforeEach(async () => {
  globalThis.indexedDB = new IDBFactory();
  stage = await openStage();
  relay = stage.relay;
});
afterEach(() => stage.stop());

const open = (profile: string): Session => stage.open(profile);
const start = (person: "alice" | "bob", profile?: string): Promise<Session> => stage.start(person, profile);
const mine = (session: Session, value: number): Promise<Channel | undefined> =>
  until(session, (state) => channelOf(state)?.balances.mine === qtum(value) && channelOf(state));
/** Codes of the problems that were announced. */
const complaints = ({ store }: Session): string[] =>
  store.get().notices.flatMap(({ event }) => (event.type === "problem" ? [event.problem.code] : []));
const linesOf = ({ store }: Session, kind: string) => store.get().activity.filter((line) => line.kind === kind);

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

  it("takes the partner's ack for the confirmation that was lost", async () => {
    const [alice, bob] = [await start("alice"), await start("bob")];
    relay.wire.next("proof.submit", "silent");
    void alice.actions.pay({ channelId: CHANNEL, amount: qtum(20) });
    await mine(bob, 20);
    await until(alice, ({ connection, activity }) => connection.unsent === 0 && activity[0]?.status === "acked");
    expect(channelOf(alice.store.get())?.nonces).toMatchObject({ sent: 1, delivered: 1, sentAcked: 1 });
    expect(complaints(alice)).toEqual([]);
  });

  it("finds out silently what became of a payment that the relay no longer keeps, however often that fails", async () => {
    const laptop = await start("alice");
    relay.wire.next("proof.submit", "silent");
    void laptop.actions.pay({ channelId: CHANNEL, amount: qtum(20) });
    await vi.waitFor(() => expect(relay.proofs).toHaveLength(1));
    laptop.actions.lab.setOnline(false);
    // A second device goes on, and the partner acks it: the first payment is gone from the mailbox.
    const [phone, bob] = [await start("alice", "phone"), await start("bob")];
    await phone.actions.pay({ channelId: CHANNEL, amount: qtum(1) });
    await until(bob, (state) => channelOf(state)?.nonces.receivedAcked === 2);
    relay.wire.next("GET /channels", 429);
    relay.wire.next(`GET /channels/${CHANNEL}`, 500, "cut", "halved");
    const refused = new Promise<void>((resolve) => (relay.onRefused = (code) => code === "stale-nonce" && resolve()));
    laptop.actions.lab.setOnline(true);
    await until(laptop, ({ connection }) => connection.status === "online");
    relay.remark("block", { height: 111, hash: "ef".repeat(32), time: "2026-01-01T00:00:32Z" });
    await refused;
    await until(laptop, ({ connection, activity }) => connection.unsent === 0 && activity.every(({ status }) => status === "acked"));
    // The ack may have said it already; the comparison goes on until it has succeeded.
    await vi.waitFor(() => expect(relay.wire.done).toBe(true), { timeout: 20_000 });
    expect(channelOf(laptop.store.get())?.balances.mine).toBe(qtum(79));
    expect(await laptop.actions.pay({ channelId: CHANNEL, amount: qtum(2) })).toMatchObject({ nonce: 3, status: "delivered" });
    await mine(bob, 23);
    expect(relay.proofs.map(({ nonce }) => nonce)).toEqual([1, 2, 3]);
    expect(complaints(laptop)).toEqual([]);
  });

  it("tells a payment whose number another device used as not sent, even when the sums fit", async () => {
    const [laptop, bob] = [await start("alice"), await start("bob")];
    laptop.actions.lab.setOnline(false);
    await laptop.actions.pay({ channelId: CHANNEL, amount: qtum(3), note: "never arrives" });
    const phone = await start("alice", "phone");
    relay.wire.next("ack.submit", "lost", "lost", "lost");
    await phone.actions.pay({ channelId: CHANNEL, amount: qtum(5) });
    await phone.actions.pay({ channelId: CHANNEL, amount: qtum(1) });
    laptop.actions.lab.setOnline(true);
    await until(laptop, ({ connection, notices }) => connection.status === "online" && connection.unsent === 0 && notices.length > 0);
    await mine(laptop, 94);
    expect(linesOf(laptop, "sent").map(({ nonce, amount, status }) => [nonce, amount, status])).toEqual(
      expect.arrayContaining([[1, qtum(3), "failed"], [2, qtum(1), expect.stringMatching(/delivered|acked/)]]),
    );
    expect(complaints(laptop)).toEqual(["stale-nonce"]);
    expect(await laptop.actions.pay({ channelId: CHANNEL, amount: qtum(2) })).toMatchObject({ nonce: 3, status: "delivered" });
    await mine(bob, 8);
  });

  it.each<[string, (alice: Session) => Promise<unknown> | void]>([
    ["frozen by an offer to close", (alice) => alice.actions.proposeClose(CHANNEL)],
    ["closing", () => relay.amend({ closed: { by: "A", height: 109, declared: "0", deadline: 159, counteredAt: null } })],
    ["settled", () => relay.amend({ settled: { height: 110, payA: String(qtum(100)), payB: "0", penalty: "0", cooperative: true } })],
  ])("tells no income in a channel that is %s", async (_, end) => {
    const [alice, bob] = [await start("alice"), await start("bob")];
    await alice.actions.pay({ channelId: CHANNEL, amount: qtum(20) });
    await mine(bob, 20);
    await end(alice);
    await alice.actions.refresh();
    // The relay takes Bob's payment all the same: it is not to be trusted, or has not heard.
    await bob.actions.pay({ channelId: CHANNEL, amount: qtum(5) });
    await alice.actions.refresh();
    expect(linesOf(alice, "received")).toEqual([]);
    expect(alice.store.get().notices.map(({ event }) => event.type)).not.toContain("received");
  });

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

  it("opens no channel with a window that is too short where money is real", async () => {
    relay.network = "mainnet";
    const session = open("me");
    await until(session, ({ writer, network }) => writer === "held" && network);
    await session.actions.createKey({});
    const request = { partner: addressOf(fixture.facts.params.accountB, "mainnet"), amount: qtum(1) };
    // The relay names 50 blocks.
    await expect(session.actions.openChannel(request)).rejects.toMatchObject({ code: "window-too-short", params: { n: 50, least: 2_700 } });
    await expect(session.actions.openChannel({ ...request, window: 2_699 })).rejects.toMatchObject({ code: "window-too-short" });
  });
});

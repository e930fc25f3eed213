/** Alice pays Bob, in the core that the browser runs: pay, receive, ack, and every way to end it. */
import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, it } from "vitest";
import fixture from "./core.fixture.json" with { type: "json" };
import * as core from "./core.ts";
import { satoshi } from "./session/amount.ts";
import { DEMO } from "./session/names.ts";

const QTUM = 100_000_000n;
const qtum = (value: number) => satoshi(BigInt(value) * QTUM);
const tip: core.TipRules = { height: 110, confirmations: 1, reserve: { bps: 0, minimum: "0" } };
const opened = JSON.stringify(fixture);

let alice: core.Key;
let bob: core.Key;
beforeAll(async () => {
  await core.loadCore(await readFile(new URL("./core/pkg/sparky_wasm_bg.wasm", import.meta.url)));
  alice = core.keyFromWif(DEMO.alice.wif, "dev");
  bob = core.keyFromWif(DEMO.bob.wif, "dev");
});

/** Both pages: Alice's and Bob's copy of the channel. */
class Pair {
  a = opened;
  b = opened;

  pay(from: "A" | "B", value: number): core.Wire {
    const sent = from === "A" ? alice.pay(this.a, qtum(value), tip) : bob.pay(this.b, qtum(value), tip);
    const got = core.receive(from === "A" ? this.b : this.a, sent.update, tip);
    if (got.type !== "accepted") throw new Error(JSON.stringify(got));
    [this.a, this.b] = from === "A" ? [sent.channel, got.channel] : [got.channel, sent.channel];
    return sent.update;
  }

  balances(): [bigint, bigint, bigint, bigint] {
    const [a, b] = [core.viewChannel(this.a, "A", tip).balances, core.viewChannel(this.b, "B", tip).balances];
    return [a.mine / QTUM, a.partner / QTUM, b.mine / QTUM, b.partner / QTUM];
  }
}

describe("Alice pays Bob", () => {
  it("moves the balance on both sides, in both directions", () => {
    const pair = new Pair();
    expect(pair.balances()).toEqual([100n, 0n, 0n, 100n]);
    pair.pay("A", 20);
    expect(pair.balances()).toEqual([80n, 20n, 20n, 80n]);
    pair.pay("B", 5);
    expect(pair.balances()).toEqual([85n, 15n, 15n, 85n]);
  });

  it("takes both payments when both pay at once", () => {
    const pair = new Pair();
    pair.pay("A", 20);
    const [fromA, fromB] = [alice.pay(pair.a, qtum(7), tip), bob.pay(pair.b, qtum(3), tip)];
    const [gotA, gotB] = [core.receive(fromA.channel, fromB.update, tip), core.receive(fromB.channel, fromA.update, tip)];
    if (gotA.type !== "accepted" || gotB.type !== "accepted") throw new Error("refused");
    [pair.a, pair.b] = [gotA.channel, gotB.channel];
    expect(pair.balances()).toEqual([76n, 24n, 24n, 76n]);
  });

  it("refuses more than there is, with both figures", () => {
    expect(() => alice.pay(opened, qtum(101), tip)).toThrow(
      expect.objectContaining({ code: "insufficient-channel-balance", params: expect.objectContaining({ max: qtum(100), amount: qtum(101) }) }),
    );
    expect(() => bob.pay(opened, qtum(1), tip)).toThrow(expect.objectContaining({ code: "insufficient-channel-balance" }));
  });

  it("accepts an update once, and no forged one", () => {
    const pair = new Pair();
    const update = pair.pay("A", 20);
    expect(core.receive(pair.b, update, tip)).toEqual({ type: "held" });
    const forged = JSON.parse(JSON.stringify(update).replace('"2000000000"', '"2100000000"')) as core.Wire;
    expect(core.receive(opened, forged, tip)).toMatchObject({ type: "refused" });
    const next = alice.pay(pair.a, qtum(1), tip).update;
    expect(core.receive(opened, next, tip)).toMatchObject({ type: "refused", code: "nonce-gap", temporary: true, nack: { newest: 0, refused: 2 } });
  });

  it("acks what was received, once, and the sender sees it", () => {
    const pair = new Pair();
    pair.pay("A", 20);
    const acked = bob.ack(pair.b);
    if (!acked) throw new Error("nothing to ack");
    expect(bob.ack(acked.channel)).toBeNull();
    const got = core.acceptAck(pair.a, acked.ack);
    if (got.type !== "accepted") throw new Error(got.type);
    expect(core.viewChannel(got.channel, "A", tip).nonces).toMatchObject({ sent: 1, sentAcked: 1 });
    expect(core.acceptAck(got.channel, acked.ack)).toEqual({ type: "held" });
  });

  it("closes together: offered, accepted, sent by Bob; nothing contradicts it meanwhile", () => {
    const pair = new Pair();
    pair.pay("A", 20);
    const offered = alice.offerClose(pair.a, 120, tip);
    expect(offered.offer).toMatchObject({ kind: "close", netToA: "-2000000000", sequence: 0, validUntil: 120 });
    expect(() => alice.pay(offered.channel, qtum(1), tip)).toThrow(expect.objectContaining({ code: "channel-frozen" }));
    const agreed = bob.acceptOffer(pair.b, offered.offer, tip);
    expect(JSON.parse(agreed.call)).toMatchObject({ type: "cooperativeClose", netToA: "-2000000000", signatureB: null });
    expect(alice.completeOffer(offered.channel, offered.offer, agreed.signature)).toContain("cooperativeClose");
    const greedy = { ...offered.offer, netToA: "0" };
    expect(() => bob.acceptOffer(pair.b, greedy, tip)).toThrow(expect.objectContaining({ code: "wrong-split" }));
  });

  it("closes alone with what was really sent, and signs nothing after it", () => {
    const pair = new Pair();
    pair.pay("A", 20);
    pair.pay("B", 5);
    const closing = alice.closeAlone(pair.a, 120, tip);
    expect(JSON.parse(closing.call)).toMatchObject({ type: "close", declared: "2000000000", incoming: { proof: { nonce: 1, transferred: "500000000" } } });
    expect(() => alice.pay(closing.channel, qtum(1), tip)).toThrow(expect.objectContaining({ code: "channel-frozen" }));
  });

  it("makes a signed transaction of a call, and knows what it is for the node", () => {
    const { accountHex } = alice.identity("dev");
    const coin: core.Coin = {
      txid: "11".repeat(32), vout: 3, amountSat: String(200n * QTUM), script: `76a914${accountHex.slice(2)}88ac`, height: 1, confirmations: 10, coinbase: false, spendable: true,
    };
    const purse = { contract: fixture.domain.contract, coins: [coin], feeRate: 400_000, confirmedOnly: false };
    const call = core.openCall(bob.identity("dev").accountHex, qtum(100), 50, 10_000);
    const signed = alice.signCall(call, purse);
    expect(signed.spends).toEqual([`${"11".repeat(32)}:3`]);
    expect(signed.hex).toContain(core.callData(call).data);
    expect(signed.amount + signed.fee + BigInt(signed.change?.amountSat ?? 0)).toBe(200n * QTUM);
    expect(() => bob.signCall(call, purse)).toThrow(expect.objectContaining({ code: "insufficient-onchain-balance" }));
  });
});

describe("when Alice closes with an old state", () => {
  const stale = (pair: Pair): string => {
    const channel = JSON.parse(pair.b) as typeof fixture;
    // She declares 200 of the 500 that she has sent, as the chain would tell it.
    const closed = { by: "A", height: 111, declared: String(qtum(20)), deadline: 161, counteredAt: null };
    const posted = channel.facts.posted.map((one, index) => (index === 0 ? { ...one, floor: String(qtum(20)) } : one));
    return JSON.stringify({ ...channel, facts: { ...channel.facts, closed, posted } });
  };

  it("Bob's page sees the lie, names the deadline, and has the proof that answers it", () => {
    const pair = new Pair();
    pair.pay("A", 20);
    pair.pay("A", 30);
    const closed = stale(pair);
    const view = core.viewChannel(closed, "B", { ...tip, height: 111 });
    expect(view.phase).toBe("finalizing");
    expect(view.closing).toMatchObject({
      byMe: false, stale: true, deadline: 161, settleableAt: 162, blocksLeft: 50, blocksTotal: 50,
      payMine: qtum(20), payPartner: qtum(80), expectMine: qtum(80), expectPartner: qtum(20),
    });
    expect(view.can).toMatchObject({ counterClaim: true, pay: false, settle: false });
    const action = core.watchChannel(closed, "B", 111);
    expect(action).toMatchObject({ reason: "stale-proof", deadline: 161 });
    expect(JSON.parse(action?.call ?? "{}")).toMatchObject({ type: "counterClaim", proof: { proof: { nonce: 2, transferred: String(qtum(50)) } } });
  });

  it("when it is too late there is nothing to post, and it can be settled", () => {
    const pair = new Pair();
    pair.pay("A", 20);
    pair.pay("A", 30);
    const closed = stale(pair);
    expect(core.viewChannel(closed, "B", { ...tip, height: 161 }).can).toMatchObject({ counterClaim: false, settle: true });
    expect(core.watchChannel(closed, "B", 161)).toMatchObject({ reason: "settleable" });
  });

  it("her own page knows what she did", () => {
    const pair = new Pair();
    pair.pay("A", 20);
    pair.pay("A", 30);
    expect(core.viewChannel(stale({ ...pair, b: pair.a } as Pair), "A", { ...tip, height: 111 }).closing).toMatchObject({ byMe: true, stale: true });
  });
});

describe("after a loss of data", () => {
  const here = { domain: fixture.domain, account: fixture.facts.params.accountA, tip, question: `0x${"07".repeat(32)}`, restoredAt: null, unsent: 0, since: null };

  it("Alice adopts her own signatures from the relay and never uses a nonce twice", () => {
    const pair = new Pair();
    pair.pay("A", 20);
    pair.pay("A", 30);
    const merged = core.merge(null, JSON.parse(pair.b), here);
    expect(merged).toMatchObject({ side: "A", number: 5, adoptedOwn: true, refused: null });
    const next = alice.pay(merged.channel, qtum(1), tip).update as { proof: { proof: { nonce: number; transferred: string } } };
    expect(next.proof.proof).toMatchObject({ nonce: 3, transferred: String(qtum(51)) });
  });

  it("takes nothing that nobody signed, and no channel of another contract", () => {
    const pair = new Pair();
    pair.pay("A", 20);
    const forged = JSON.parse(pair.b.replaceAll(String(qtum(20)), String(qtum(10)))) as unknown;
    expect(core.merge(null, forged, here)).toMatchObject({ adoptedOwn: false, refused: "bad-signature" });
    const elsewhere = { ...here, domain: { ...here.domain, contract: `0x${"dd".repeat(20)}` } };
    expect(() => core.merge(null, JSON.parse(pair.b), elsewhere)).toThrow(expect.objectContaining({ code: "wrong-channel" }));
  });
});

describe("a backup", () => {
  const here = { domain: fixture.domain, account: fixture.facts.params.accountA, tip, question: `0x${"07".repeat(32)}`, restoredAt: null, unsent: 0, since: null };
  const content = (channel: string): core.BackupContent => ({
    version: 1, account: here.account, network: "dev", domain: fixture.domain, revision: 3, madeAt: 1, channels: [{ channel: JSON.parse(channel) as core.Wire, outbox: [] }],
    app: { name: "Alice" },
  });

  it("goes into a file that the right passphrase opens, and no other", () => {
    const pair = new Pair();
    pair.pay("A", 20);
    const file = alice.sealFile(content(pair.a), "correct horse");
    expect(core.readBackup(file, "dev")).toMatchObject({ network: "dev" });
    const opened = core.openBackup(file, "dev", "correct horse");
    expect(opened.content).toEqual(content(pair.a));
    expect(opened.key.identity("dev").accountHex).toBe(here.account);
    opened.key.wipe();
    expect(() => core.openBackup(file, "dev", "correct house")).toThrow(expect.objectContaining({ code: "wrong-passphrase" }));
    expect(() => core.readBackup(file, "mainnet")).toThrow(expect.objectContaining({ code: "backup-other-network" }));
    expect(() => core.readBackup(`${file.slice(0, -90)}00`, "dev")).toThrow(expect.objectContaining({ code: "backup-damaged" }));
    expect(() => core.readBackup("{}", "dev")).toThrow(expect.objectContaining({ code: "backup-not-one" }));
  }, 60_000);

  it("opens what the command line and the specification wrote", async () => {
    const { readFile } = await import("node:fs/promises");
    const vector = JSON.parse(await readFile(new URL("../../docs/spec/vectors/backup.json", import.meta.url), "utf8")) as Record<string, unknown>;
    const opened = core.openBackup(JSON.stringify(vector["file"]), "dev", String(vector["passphrase"]));
    expect(opened.content).toEqual(vector["content"]);
    expect(opened.key.openBlob(String(vector["blob"]), Number(vector["revision"]))).toEqual(vector["content"]);
    opened.key.wipe();
  }, 60_000);

  it("signs nothing before the relay was heard, and then with a nonce that is free", () => {
    const pair = new Pair();
    pair.pay("A", 20);
    const old = JSON.parse(pair.a) as core.Wire;
    pair.pay("A", 1);
    const taken = core.restoredChannel(null, { channel: old, outbox: [] }, "A", here.question, tip);
    const restored = JSON.stringify(taken?.channel);
    expect(() => alice.pay(restored, qtum(1), tip)).toThrow(expect.objectContaining({ code: "recovering" }));
    expect(core.viewChannel(restored, "A", tip)).toMatchObject({ doubt: { partner: false }, can: { pay: false } });
    const merged = core.merge(restored, JSON.parse(pair.b), here);
    const next = alice.pay(merged.channel, qtum(1), tip).update as { proof: { proof: { nonce: number } } };
    expect(next.proof.proof.nonce).toBe(3);
    expect(core.restoredChannel({ channel: JSON.parse(merged.channel) as core.Wire, outbox: [] }, { channel: old, outbox: [] }, "A", here.question, tip)).toBeNull();
  });

  it("waits for the partner's word where the relay knows less than the backup", () => {
    const pair = new Pair();
    const before = JSON.parse(pair.b) as core.Wire;
    pair.pay("A", 20);
    const taken = core.restoredChannel(null, { channel: JSON.parse(pair.a) as core.Wire, outbox: [] }, "A", here.question, tip);
    const merged = core.merge(JSON.stringify(taken?.channel), before, here);
    expect(merged.relayBehind).toBe(true);
    expect(core.viewChannel(merged.channel, "A", tip).doubt).toEqual({ question: here.question, partner: true });
    const word = bob.wordFor(pair.b, here.question);
    const heard = core.hearPartner(merged.channel, "A", word);
    expect(core.viewChannel(heard, "A", tip).doubt).toBeNull();
  });
});

import { describe, expect, it } from "vitest";
import { ZERO, satoshi } from "./amount.ts";
import { initialState } from "./initial.ts";
import { problem } from "./problem.ts";
import { type Happening, reduce } from "./reduce.ts";
import type { Activity, Channel, Closing, State } from "./state.ts";

const qtum = (value: number) => satoshi(value * 100_000_000);

const channel = (change: Partial<Channel> = {}): Channel => ({
  id: "0xc5", number: 5, side: "B", partner: { address: "qAlice", name: "Alice", online: false }, phase: "open",
  balances: {
    mine: qtum(20), partner: qtum(80), capacity: qtum(100), available: qtum(20), receivable: qtum(80), locked: ZERO,
    pendingMine: ZERO, pendingPartner: ZERO, sent: ZERO, received: qtum(20),
  },
  window: 50, penaltyBps: 10_000, openedAt: 100, nonces: { sent: 0, delivered: 0, sentAcked: 0, received: 1, receivedAcked: 1 },
  watch: { armed: true, armedNonce: 1, lastCheckedHeight: 110, lastAction: null }, proposals: [], closing: null, payout: null,
  timeline: [], can: { pay: true, deposit: true, close: true, counterClaim: false, settle: false, withdraw: true }, history: [], evidence: "{}",
  doubt: null, hearsay: false, blocked: null, ...change,
});

const closing: Closing = {
  kind: "alone", byMe: false, closedAt: 111, deadline: 161, settleableAt: 162, blocksLeft: 50, secondsLeft: 1600, blocksTotal: 50,
  stale: false, corrected: false, payMine: qtum(20), payPartner: qtum(80), penalty: ZERO, expectMine: qtum(20), expectPartner: qtum(80),
};

const line = (id: string, at: number, status: Activity["status"] = "stored"): Activity => ({
  id, at, kind: "sent", channelId: "0xc5", channelNumber: 5, partner: null, amount: qtum(1), note: "", nonce: at, txid: null, status, tookMs: null,
});

const after = (...happenings: Happening[]): State => happenings.reduce(reduce, initialState("test"));
const shown = (change: Partial<Channel>): State => after({ type: "channels", channels: [channel(change)] });

describe("reduce", () => {
  it("changes nothing that it was given", () => {
    const before = Object.freeze(initialState("test"));
    reduce(before, { type: "channels", channels: [channel()] });
    expect(before.channels).toEqual([]);
  });

  it("replaces a channel by its id and shows the newest number first", () => {
    const state = after(
      { type: "channels", channels: [channel(), channel({ id: "0xc9", number: 9 })] },
      { type: "channels", channels: [channel({ window: 99 })] },
    );
    expect(state.channels.map(({ number, window }) => [number, window])).toEqual([[9, 50], [5, 99]]);
  });

  it("tells a line of the activity once, however often it arrives", () => {
    const state = after(
      { type: "activity", entries: [line("a", 1), line("b", 2)] },
      { type: "activity", entries: [line("a", 1, "acked")] },
    );
    expect(state.activity.map(({ id, status }) => [id, status])).toEqual([["b", "stored"], ["a", "acked"]]);
  });

  it("adds up what open channels can pay and what closing ones hold back", () => {
    const state = after({
      type: "channels",
      channels: [channel(), channel({ id: "0xc6", number: 6 }), channel({ id: "0xc7", number: 7, phase: "finalizing", closing })],
    });
    expect(state.totals).toEqual({ available: qtum(40), receivable: qtum(160), locked: qtum(20), lockedUntil: 162 });
  });

  it("knows who is online", () => {
    const state = after({ type: "channels", channels: [channel()] }, { type: "presence", address: "qAlice", online: true });
    expect(state.channels[0]?.partner.online).toBe(true);
    expect(reduce(state, { type: "presence", address: "qCarol", online: true }).channels).toBe(state.channels);
  });

  it("numbers notices so that each can be dismissed", () => {
    const event = { type: "problem", problem: problem("second-tab").data() } as const;
    const notice = { type: "notice", tone: "bad", at: 1, event } as const;
    expect(after(notice, notice, { type: "notice-dismissed", key: 1 }).notices.map(({ key }) => key)).toEqual([2]);
  });

  it("forgets the data but not who we are", () => {
    const state = after(
      { type: "account", account: { name: "Bob", address: "qBob", accountHex: "0x", publicKey: "0x", ecRecoveryAddress: "0x", protection: "public" } },
      { type: "channels", channels: [channel()] },
      { type: "activity", entries: [line("a", 1)] },
      { type: "data-forgotten" },
    );
    expect([state.channels, state.activity, state.totals.available, state.account?.name]).toEqual([[], [], 0n, "Bob"]);
  });
});

describe("alerts", () => {
  const codes = (state: State): string[] => state.alerts.map((alert) => `${alert.severity} ${alert.problem.code} ${alert.action}`);

  it("are silent while all is well", () => {
    expect(codes(shown({}))).toEqual([]);
  });

  it("cry when the partner closes with an old balance, with the last block for an answer", () => {
    const state = shown({ phase: "finalizing", closing: { ...closing, stale: true }, can: { ...channel().can, counterClaim: true } });
    expect(codes(state)).toEqual(["danger stale-close-detected counter-claim"]);
    expect(state.alerts[0]).toMatchObject({ deadline: 161, blocksLeft: 50 });
    expect(state.alerts[0]?.problem.title).toBe("Alice tried to close with an old balance.");
  });

  it("stay calm when the partner closes with the newest balance", () => {
    expect(codes(shown({ phase: "finalizing", closing }))).toEqual(["info partner-closed null"]);
  });

  it("tell the closer that its own lie will cost, until somebody corrected it", () => {
    expect(codes(shown({ phase: "finalizing", closing: { ...closing, byMe: true, stale: true } }))).toEqual(["warning stale-close-by-me null"]);
    expect(codes(shown({ phase: "finalizing", closing: { ...closing, byMe: true, stale: true, corrected: true } }))).toEqual([]);
  });

  it("say when nobody watches, but only when there is something to lose", () => {
    const watch = { ...channel().watch, armed: false };
    expect(codes(shown({ watch }))).toEqual(["info watch-not-armed enable-watch"]);
    expect(codes(shown({ watch, balances: { ...channel().balances, received: ZERO } }))).toEqual([]);
  });

  it("put danger first and show the other page's right to write", () => {
    const state = after(
      { type: "writer", writer: "second-tab" },
      { type: "channels", channels: [channel({ phase: "finalizing", closing: { ...closing, stale: true } })] },
    );
    expect(codes(state)).toEqual(["danger stale-close-detected null", "warning second-tab take-over"]);
  });

  it("warns of an answer window that is too short where money is real, whatever comes first", () => {
    const network = (name: "mainnet" | "testnet"): Happening => ({
      type: "network",
      network: {
        name, chainId: 81, contract: "0x", blockSeconds: 32, confirmations: 10, window: { default: 50, min: 50, max: 100 }, safeCapacity: null,
        penaltyBps: 10_000, relayVersion: "", dev: false, tower: true,
      },
    });
    const codes = (...happenings: Happening[]) => after(...happenings).alerts.map(({ problem }) => problem.code);
    const channels = (window: number): Happening => ({ type: "channels", channels: [channel({ window })] });
    expect(codes(channels(2_699), network("mainnet"))).toEqual(["window-short"]);
    expect(codes(network("mainnet"), channels(2_699))).toEqual(["window-short"]);
    expect(codes(network("mainnet"), channels(2_700))).toEqual([]);
    expect(codes(network("testnet"), channels(50))).toEqual([]);
  });
});

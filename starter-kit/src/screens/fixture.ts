/** A state with everything in it, for the tests of the screens. No rule is computed here: it is data. */
import { satoshi } from "../session/amount.ts";
import { initialState } from "../session/initial.ts";
import { problem } from "../session/problem.ts";
import type { Activity, Channel, Partner, State } from "../session/state.ts";

const NOW = Date.UTC(2026, 0, 15, 12, 4, 0);
const qtum = (text: string) => {
  const [whole = "", fraction = ""] = text.split(".");
  return satoshi(whole + fraction.padEnd(8, "0"));
};
const txid = (digit: string) => digit.repeat(64);

export const ALICE = "qLn9vqbr2Gx3TsVR9QyTVB5mrMoh4x43Uf";
export const BOB = "qUbxboqjBRp96j3La8D1RYkyqx5uQbJPoW";

export const bob: Partner = { address: BOB, name: "Bob", online: true };
const carol: Partner = { address: "qWwbyHadbwKtCTZtTBjwRmv1hW27Bi11bc", name: "qWwbyH…Bi11bc", online: false };

/** An open channel of Alice's with Bob; every field can be replaced. */
export function channel(changed: Partial<Channel> = {}): Channel {
  return {
    id: `0x${"5a".repeat(32)}`,
    number: 5,
    side: "A",
    partner: bob,
    phase: "open",
    balances: {
      mine: qtum("80"),
      partner: qtum("20"),
      capacity: qtum("100"),
      available: qtum("80"),
      receivable: qtum("20"),
      locked: satoshi(0),
      pendingMine: satoshi(0),
      pendingPartner: satoshi(0),
      sent: qtum("25"),
      received: qtum("5"),
    },
    window: 50,
    penaltyBps: 10_000,
    openedAt: 1_301,
    nonces: { sent: 2, delivered: 2, sentAcked: 1, received: 1, receivedAcked: 1 },
    watch: { armed: true, armedNonce: 1, lastCheckedHeight: 1_307, lastAction: null },
    proposals: [],
    closing: null,
    payout: null,
    timeline: [
      { key: "opened", height: 1_301, at: NOW - 600_000, txid: txid("0"), state: "done", event: { type: "opened", byMe: true, amount: qtum("100") } },
      { key: "payments", height: null, at: NOW - 60_000, txid: null, state: "done", event: { type: "payments", sent: 2, received: 1 } },
    ],
    can: { pay: true, deposit: true, close: true, counterClaim: false, settle: false, withdraw: true },
    history: [
      { nonce: 1, transferred: qtum("20"), received: satoshi(0), receivedNonce: 0, mine: qtum("80"), partner: qtum("20"), at: NOW - 90_000 },
      { nonce: 2, transferred: qtum("25"), received: qtum("5"), receivedNonce: 1, mine: qtum("80"), partner: qtum("20"), at: NOW - 60_000 },
    ],
    evidence: "{}",
    doubt: null,
    hearsay: false,
    blocked: null,
    ...changed,
  };
}

/** Bob closed with an old balance and 38 of 50 blocks are left. */
export const disputed = channel({
  id: `0x${"07".repeat(32)}`,
  number: 7,
  phase: "finalizing",
  watch: { armed: false, armedNonce: null, lastCheckedHeight: null, lastAction: null },
  closing: {
    kind: "alone",
    byMe: false,
    closedAt: 1_295,
    deadline: 1_345,
    settleableAt: 1_346,
    blocksLeft: 38,
    secondsLeft: 38 * 32,
    blocksTotal: 50,
    stale: true,
    corrected: false,
    payMine: qtum("60"),
    payPartner: qtum("40"),
    penalty: satoshi(0),
    expectMine: qtum("100"),
    expectPartner: satoshi(0),
  },
  timeline: [
    { key: "opened", height: 1_201, at: NOW - 6_000_000, txid: txid("0"), state: "done", event: { type: "opened", byMe: true, amount: qtum("100") } },
    { key: "payments", height: null, at: NOW - 600_000, txid: null, state: "done", event: { type: "payments", sent: 6, received: 3 } },
    { key: "closed", height: 1_295, at: NOW - 400_000, txid: txid("5"), state: "done", event: { type: "closed", byMe: false, declared: qtum("40"), stale: true } },
    { key: "window", height: 1_345, at: null, txid: null, state: "expected", event: { type: "window-ends", blocksLeft: 38 } },
    { key: "payout", height: 1_346, at: null, txid: null, state: "expected", event: { type: "paid-out", mine: qtum("60"), partner: qtum("40"), penalty: satoshi(0), together: false } },
  ],
  can: { pay: false, deposit: false, close: false, counterClaim: true, settle: false, withdraw: false },
});

/** The answer window is over. */
export const final = channel({
  ...disputed,
  id: `0x${"06".repeat(32)}`,
  number: 6,
  phase: "final",
  closing: disputed.closing && { ...disputed.closing, stale: false, corrected: true, blocksLeft: 0, secondsLeft: 0, penalty: qtum("30"), expectMine: qtum("60"), expectPartner: qtum("40") },
  can: { pay: false, deposit: false, close: false, counterClaim: false, settle: true, withdraw: false },
});

export const settled = channel({
  id: `0x${"03".repeat(32)}`,
  number: 3,
  phase: "settled",
  partner: carol,
  payout: { mine: qtum("80"), partner: qtum("20"), penalty: qtum("10"), together: false, txid: txid("e"), height: 1_290 },
  can: { pay: false, deposit: false, close: false, counterClaim: false, settle: false, withdraw: false },
});

/** Bob offers to close, Alice offered to withdraw. */
export const offered = channel({
  proposals: [
    { id: "p1", kind: "close", mine: false, payMine: qtum("80"), payPartner: qtum("20"), amount: satoshi(0), fromMe: false, validUntil: 1_357, status: "open" },
    { id: "p2", kind: "withdraw", mine: true, payMine: satoshi(0), payPartner: satoshi(0), amount: qtum("5"), fromMe: true, validUntil: 1_357, status: "open" },
  ],
});

const activity: readonly Activity[] = [
  { id: "1", at: NOW - 10_000, kind: "received", channelId: channel().id, channelNumber: 5, partner: bob, amount: qtum("5"), note: "", nonce: 1, txid: null, status: "acked", tookMs: null },
  { id: "2", at: NOW - 20_000, kind: "sent", channelId: channel().id, channelNumber: 5, partner: bob, amount: qtum("20"), note: "Lunch", nonce: 1, txid: null, status: "delivered", tookMs: 41 },
  { id: "3", at: NOW - 86_400_000, kind: "opened", channelId: channel().id, channelNumber: 5, partner: bob, amount: qtum("100"), note: "", nonce: null, txid: txid("0"), status: "done", tookMs: null },
  { id: "4", at: NOW - 96_400_000, kind: "faucet", channelId: null, channelNumber: null, partner: null, amount: qtum("1000"), note: "", nonce: null, txid: txid("f"), status: "done", tookMs: null },
];

/** Alice on the dev chain, with a channel in every phase. */
export const alice: State = {
  ...initialState("main"),
  stage: { type: "ready" },
  writer: "held",
  profiles: [
    { profile: "main", name: "Alice", address: ALICE, demo: true },
    { profile: "bob", name: "Bob", address: BOB, demo: true },
  ],
  account: {
    name: "Alice",
    address: ALICE,
    accountHex: "0x22cb3e9a3cd8ea9bd9b8bd6a8a9ad7a5a9b0d4a1",
    publicKey: "0299d391f528b9edd07284c7e23df8415232a8ce41531cf460a390ce32b4efd112",
    ecRecoveryAddress: "0x0CF28703ECc9C7dB28F3d496e41666445b0A4EAF",
    protection: "public",
  },
  connection: { status: "online", retryAt: null, problem: null, unsent: 0 },
  network: {
    name: "dev",
    chainId: 8890,
    contract: "0xf4e1b0a3c6d2f1e0b9a8c7d6e5f4a3b2c1d0e9f8",
    blockSeconds: 32,
    confirmations: 1,
    window: { default: 50, min: 10, max: 100_000 },
    safeCapacity: null,
    penaltyBps: 10_000,
    relayVersion: "0.1.0",
    dev: true,
    tower: true,
  },
  tip: { height: 1_307, hash: txid("b"), time: NOW - 4_000, seenAt: NOW - 4_000 },
  onChain: { spendable: qtum("999889.81"), unconfirmed: satoshi(0), immature: qtum("0.36"), updatedAt: NOW },
  channels: [disputed, final, channel(), settled],
  totals: { available: qtum("80"), receivable: qtum("20"), locked: qtum("60"), lockedUntil: 1_346 },
  activity,
  transactions: [
    { txid: txid("7"), purpose: "deposit", channelId: channel().id, amount: qtum("10"), fee: qtum("0.1"), at: NOW, stage: "sent", confirmations: 0, height: null, waitedBlocks: 0, problem: null },
    {
      txid: txid("8"),
      purpose: "settle",
      channelId: channel().id,
      amount: satoshi(0),
      fee: qtum("0.1"),
      at: NOW,
      stage: "reverted",
      confirmations: 1,
      height: 1_306,
      waitedBlocks: 0,
      problem: problem("contract-reverted", { reason: "the answer window is not over", height: 1_306, fee: qtum("0.08") }).data(),
    },
  ],
  alerts: [
    {
      key: "stale",
      severity: "danger",
      channelId: disputed.id,
      problem: problem("stale-close-detected", { partner: "Bob", n: 1_345 }).data(),
      deadline: 1_345,
      blocksLeft: 38,
      action: "counter-claim",
    },
  ],
};

import { describe, expect, it } from "vitest";
import { PROBLEM_CODES, problem } from "../session/problem.ts";
import { moneyLine, REMEDIES, remediesOf } from "./problems.ts";

/** The codes of the copy deck that this DApp can meet; they must never lose their text. */
const PROMISED = [
  "insufficient-channel-balance", "partner-offline", "stale-nonce", "bad-signature", "not-participant", "unknown-channel",
  "wrong-key-network", "invalid-wif", "uncompressed-key", "demo-key-refused", "invalid-address", "amount-invalid",
  "amount-negative", "amount-too-precise", "amount-zero", "insufficient-onchain-balance", "tx-rejected", "contract-reverted",
  "tx-not-confirming", "tx-reorged", "channel-closing", "stale-close-detected", "watch-not-armed", "relay-unreachable",
  "chain-behind", "clock-skew", "session-expired", "second-tab", "rate-limited", "storage-unavailable",
];

describe("problems", () => {
  it("covers the copy deck", () => {
    expect(PROMISED.filter((code) => !PROBLEM_CODES.includes(code))).toEqual([]);
  });

  it.each(PROBLEM_CODES)("%s says what happened, what it means for the money, and what to do", (code) => {
    const data = problem(code).data();
    expect(data.title).not.toBe("");
    expect(moneyLine(data)).toMatch(/\.$/);
    expect(REMEDIES[code], "a row of its own").toBeDefined();
    expect(remediesOf(data).remedies.length).toBeGreaterThan(0);
  });

  it("has no row for a code that nobody reports", () => {
    expect(Object.keys(REMEDIES).filter((code) => !PROBLEM_CODES.includes(code))).toEqual([]);
  });

  it("leads out of a problem it has never heard of", () => {
    expect(remediesOf(problem("brand-new").data()).remedies).not.toEqual([]);
  });
});

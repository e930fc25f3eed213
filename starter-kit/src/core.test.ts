import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, it } from "vitest";
import * as core from "./core.ts";
import { satoshi } from "./session/amount.ts";

const ALICE = "cRcG1jizfBzHxfwu68aMjhy78CpnzD9gJYZ5ggDbzfYD3EQfGUDZ";
const BOB = "cMbgxCJrTYUqgcmiC1berh5DFrtY1KeU4PXZ6NZxgenniF1mXCRk";

beforeAll(async () => core.loadCore(await readFile(new URL("./core/pkg/sparky_wasm_bg.wasm", import.meta.url))));

describe("core", () => {
  it("reads amounts exactly or says what is wrong with them", () => {
    const row = (text: string, value: bigint): void => expect(core.parseQtum(text)).toBe(value);
    row("20", 2_000_000_000n);
    row("0.29", 29_000_000n);
    row("0.00000001", 1n);
    const refused = (text: string, code: string): void => expect(() => core.parseQtum(text)).toThrow(expect.objectContaining({ code }));
    refused("0.123456789", "amount-too-precise");
    refused("-5", "amount-negative");
    refused("1e-8", "amount-invalid");
    refused("", "amount-missing");
    expect(() => core.parseQtum("0.123456789")).toThrow("QTUM has 8 decimals. 0.123456789 has 9.");
  });

  it("knows who the demo keys are", () => {
    expect(core.keyFromWif(ALICE, "dev").identity("dev")).toMatchObject({
      address: "qLn9vqbr2Gx3TsVR9QyTVB5mrMoh4x43Uf",
      ecRecoveryAddress: "0x0CF28703ECc9C7dB28F3d496e41666445b0A4EAF".toLowerCase(),
    });
    expect(core.keyFromWif(BOB, "dev").identity("dev").address).toBe("qUbxboqjBRp96j3La8D1RYkyqx5uQbJPoW");
  });

  it("refuses keys with a mistake or of another network", () => {
    const refused = (wif: string, network: string, code: string): void =>
      expect(() => core.keyFromWif(wif, network)).toThrow(expect.objectContaining({ code }));
    refused(`${ALICE.slice(0, -1)}z`, "dev", "invalid-wif");
    refused("", "dev", "invalid-wif");
    refused(ALICE, "mainnet", "wrong-key-network");
  });

  it("gives a key out as text and as bytes, and wipes the bytes that it takes", () => {
    const key = core.keyFromWif(ALICE, "dev");
    const bytes = key.toBytes();
    expect(core.keyFromBytes(bytes).toWif("dev")).toBe(ALICE);
    expect([...bytes]).toEqual(Array.from({ length: 32 }, () => 0));
  });

  it("signs a login for this account, relay and page, and no other", () => {
    const key = core.keyFromWif(ALICE, "dev");
    const account = key.identity("dev").accountHex;
    const login = { account, relay: "http://r", origin: "http://p", nonce: `0x${"11".repeat(32)}`, issuedAt: 1000, expiresAt: 1300 };
    const expected = { relay: "http://r", origin: "http://p", now: 1001 };
    expect(key.signLogin(login, expected)).toMatch(/^0x[0-9a-f]{256}$/);
    const refused = (change: object, code: string): void =>
      expect(() => key.signLogin({ ...login, ...change }, expected)).toThrow(expect.objectContaining({ code }));
    refused({ account: `0x${"22".repeat(20)}` }, "login-refused");
    refused({ relay: "http://elsewhere" }, "login-refused");
    refused({ origin: "http://elsewhere" }, "login-refused");
    refused({ issuedAt: 9000, expiresAt: 9300 }, "clock-skew");
  });

  it("tells what an opening would cost, or what is missing", () => {
    const key = core.keyFromWif(ALICE, "dev");
    const { accountHex } = key.identity("dev");
    const coin = (amountSat: string): core.Coin => ({
      txid: "11".repeat(32), vout: 0, amountSat, script: `76a914${accountHex.slice(2)}88ac`, height: 1, confirmations: 10, coinbase: false, spendable: true,
    });
    const purse = (coins: core.Coin[]): core.Purse => ({ contract: `0x${"33".repeat(20)}`, coins, feeRate: 0, confirmedOnly: false });
    const amount = satoshi(10_000_000_000);
    const { fee, gas, total } = core.quote("open", amount, accountHex, purse([coin("20000000000")]));
    expect(total).toBe(amount + fee + gas);
    expect(() => core.quote("open", amount, accountHex, purse([coin("1000000")]))).toThrow(expect.objectContaining({ code: "insufficient-onchain-balance" }));
    expect(core.balance([coin("7")], accountHex)).toEqual({ spendable: 7n, immature: 0n });
  });
});

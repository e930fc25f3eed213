/** The demo from its first click to its end: open, pay, be away, come back, close together. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ALICE, BOB, launch, Person } from "./support/people.ts";
import { QTUMD_URL, Server } from "./support/server.ts";

let server: Server;
let browser: Browser;
let alice: Person;
let bob: Person;
let number: number;

beforeAll(async () => {
  [server, browser] = await Promise.all([Server.start(), launch()]);
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

describe("Alice pays Bob", () => {
  it("each starts with one click and sees address, money on chain and ECRecovery address", async () => {
    alice = await Person.demo(browser, server.url, "alice");
    bob = await Person.demo(browser, server.url, "bob");
    for (const [person, address, recovery] of [
      [alice, ALICE, "0x0CF28703ECc9C7dB28F3d496e41666445b0A4EAF"],
      [bob, BOB, "0x6Fd56E72373a34bA39Bf4167aF82e7A411BFED47"],
    ] as const) {
      expect(await person.at("my-address").textContent()).toBe(address);
      // On a node that is not ours, earlier stories have cost their fees.
      await person.sees("on-chain", QTUMD_URL ? /\d,\d/ : "1,000,000.00");
      await person.go("Account");
      expect((await person.text("ec-recovery-address")).toLowerCase()).toBe(recovery.toLowerCase());
    }
  });

  it("opens a channel with 100 in one transaction, and it appears at Bob's by itself", async () => {
    await bob.go("Channels");
    number = await alice.openChannel(BOB, "100");
    await alice.hasBalances(number, "100.00", "0.00");
    await bob.at(`channel-row-${number}`).click();
    await bob.hasBalances(number, "0.00", "100.00");
  });

  it("can be joined by its number", async () => {
    await bob.go("Channels");
    await bob.at("join-number").fill(String(number));
    await bob.page.keyboard.press("Enter");
    await bob.sees("channel-number", String(number));
  });

  it("pays 20 without a transaction, and Bob's balance moves", async () => {
    await alice.go("Home");
    const onChain = await alice.amount("on-chain");
    await alice.go("Pay");
    await alice.at("pay-to").fill(BOB);
    await alice.at("pay-amount").fill("20");
    await alice.page.keyboard.press("Enter");
    await alice.sees("receipt", /Paid 20\.00 QTUM to Bob, delivered in \d+ ms/);
    await bob.hasBalances(number, "20.00", "80.00");
    await alice.go("Home");
    await alice.sees("spendable", "80.00 QTUM");
    await alice.sees("receivable", "20.00 QTUM");
    expect(await alice.amount("on-chain")).toBe(onChain);
  });

  it("Bob pays some back, exactly, then both pay at once", async () => {
    await bob.pay(number, "0.29");
    await alice.hasBalances(number, "80.29", "19.71");
    await bob.pay(number, "0.00000001");
    await alice.hasBalances(number, "80.29000001", "19.70999999");
    await Promise.all([alice.pay(number, "3"), bob.pay(number, "1")]);
    await alice.hasBalances(number, "78.29000001", "21.70999999");
    await bob.hasBalances(number, "21.70999999", "78.29000001");
  });

  it("pays Bob while he is away; he finds it when he returns", async () => {
    await bob.leave();
    await alice.page.locator('[data-testid="presence"][data-online="false"]').waitFor();
    const receipt = await alice.pay(number, "2");
    expect(receipt).toContain("Bob is offline");
    await bob.comeBack(`/channels/${number}`);
    await bob.hasBalances(number, "23.70999999", "76.29000001");
  });

  it("loses and doubles nothing by a reload", async () => {
    await Promise.all([alice.page.reload(), bob.page.reload()]);
    await alice.hasBalances(number, "76.29000001", "23.70999999");
    await bob.hasBalances(number, "23.70999999", "76.29000001");
    await bob.online();
    await bob.pay(number, "0.70999999");
    await alice.hasBalances(number, "77.00", "23.00");
  });

  it("survives a power cut of the relay; what was signed meanwhile arrives once", async () => {
    await server.end("SIGKILL");
    await alice.at("banner-offline").waitFor();
    await alice.at("pay-amount").fill("7");
    await alice.at("pay-submit").click();
    await alice.page.locator('[data-testid="receipt"][data-status="stored"]').waitFor();
    await alice.hasBalances(number, "70.00", "30.00");
    await server.run();
    await Promise.all([alice.online(), bob.online()]);
    await bob.hasBalances(number, "30.00", "70.00");
    await bob.pay(number, "10");
    await alice.hasBalances(number, "80.00", "20.00");
  });

  it("takes deposits from both sides at any time", async () => {
    await alice.deposit(number, "50");
    await bob.deposit(number, "5");
    await alice.hasBalances(number, "130.00", "25.00");
    await bob.hasBalances(number, "25.00", "130.00");
  });

  it("gives back a part while it stays open", async () => {
    await alice.at("withdraw-part").click();
    await alice.at("withdraw-more-amount").fill("30");
    await alice.at("withdraw-more-submit").click();
    await bob.page.locator('[data-testid="proposal"][data-kind="withdraw"]').waitFor();
    await bob.at("accept-proposal").click();
    await alice.hasBalances(number, "100.00", "25.00");
    await bob.hasBalances(number, "25.00", "100.00");
    await alice.pay(number, "20");
    await bob.hasBalances(number, "45.00", "80.00");
  });

  it("closes together: both are paid at once in one transaction", async () => {
    await alice.go("Home");
    const before = await alice.amount("on-chain");
    await alice.close(number, "together");
    await bob.page.locator('[data-testid="proposal"][data-kind="close"]').waitFor();
    await bob.at("accept-proposal").click();
    for (const [person, mine, partner] of [
      [alice, "80.00 QTUM", "45.00 QTUM"],
      [bob, "45.00 QTUM", "80.00 QTUM"],
    ] as const) {
      await person.sees("payout-mine", mine);
      await person.sees("payout-partner", partner);
    }
    await alice.go("Home");
    await alice.page.waitForFunction(
      (least) => Number(document.querySelector('[data-testid="on-chain"]')?.textContent?.replace(/[^\d.]/g, "")) >= least,
      Number((before + 79_00000000n) / 100_000_000n),
    );
  });

  it("was told under the strict content security policy, and broke no rule of it", async () => {
    // What a page does later is bound by the header of the document that the browser itself loaded.
    const served = await alice.page.reload();
    const policy = (await served?.headerValue("content-security-policy"))?.split(/;\s*/) ?? [];
    expect(policy).toEqual(
      expect.arrayContaining(["default-src 'none'", "script-src 'self' 'wasm-unsafe-eval'", "connect-src 'self'", "frame-ancestors 'none'", "trusted-types 'none'"]),
    );
    expect([...alice.complaints, ...bob.complaints]).toEqual([]);
  });

  it("would have said so, had a rule been broken", async () => {
    await alice.page.evaluate(() => {
      const image = document.createElement("img");
      image.src = "http://127.0.0.1:9/elsewhere.png";
      document.body.append(image);
    });
    await expect.poll(() => alice.complaints).toContain("img-src forbids http://127.0.0.1:9/elsewhere.png");
  });
});

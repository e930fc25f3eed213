/** What can be typed wrong, and what the page says to it. Nothing is lost, nothing is signed. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ALICE, ALICE_WIF, BOB, launch, Person } from "./support/people.ts";
import { Server } from "./support/server.ts";

/** A valid key of the main network, and one whose public key is uncompressed. */
const MAINNET_WIF = "KwDiBf89QgGbjEhKnhXJuH7LrciVrZi3qYjgd9M7rFU73sVHnoWn";
const UNCOMPRESSED_WIF = "91avARGdfge8E4tZfYLoxeJ5sGBdNJQH4kvjJoQFacbgwmaKkrx";

let server: Server;
let browser: Browser;
let alice: Person;
let number: number;

beforeAll(async () => {
  [server, browser] = await Promise.all([Server.start(), launch()]);
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

describe("a key", () => {
  it.each([
    ["with a wrong checksum", `${ALICE_WIF.slice(0, -1)}z`, "invalid-wif", "Nothing was stored."],
    ["of nothing at all", "", "invalid-wif", "Nothing was stored."],
    ["of another network", MAINNET_WIF, "wrong-key-network", "Nothing was stored."],
    ["in uncompressed form", UNCOMPRESSED_WIF, "uncompressed-key", "Nothing was stored."],
  ])("%s is refused", async (_, wif, code, money) => {
    const person = await Person.arrive(browser, server.url);
    await person.visit("/");
    await person.at("import-wif").fill(wif);
    await person.at("import-wif-submit").click();
    const text = await person.problem(code);
    expect(text).toContain(money);
    const input = person.at("import-wif");
    expect(await input.getAttribute("aria-invalid")).toBe("true");
    const described = (await input.getAttribute("aria-describedby"))?.split(" ") ?? [];
    const note = await person.page.locator(`[data-code="${code}"]`).getAttribute("id");
    expect(described).toContain(note);
    await person.context.close();
  });

  it("that is right is imported, and forgotten when asked to", async () => {
    const person = await Person.arrive(browser, server.url);
    await person.visit("/");
    await person.at("import-wif").fill(ALICE_WIF);
    await person.page.keyboard.press("Enter");
    await person.online();
    expect(await person.at("my-address").textContent()).toBe(ALICE);
    await person.go("Account");
    await person.at("export-wif").click();
    await person.at("export-wif-confirm").click();
    expect(await person.text("wif")).toBe(ALICE_WIF);
    await person.page.keyboard.press("Escape");
    await person.at("forget-profile").click();
    await person.at("forget-profile-confirm").click();
    await person.at("start-demo-alice").waitFor();
    await person.context.close();
  });
});

describe("a form", () => {
  beforeAll(async () => {
    alice = await Person.demo(browser, server.url, "alice");
  });

  it.each([
    ["an address with a mistake", `${BOB.slice(0, -1)}x`, "10", "invalid-address"],
    ["no address", "", "10", "invalid-address"],
    ["one's own address", ALICE, "10", "own-address"],
    ["9 decimals", BOB, "1.123456789", "amount-too-precise"],
    ["a negative amount", BOB, "-5", "amount-negative"],
    ["an exponent", BOB, "1e-8", "amount-invalid"],
    ["words", BOB, "ten", "amount-invalid"],
    ["more than there is", BOB, "5000000", "insufficient-onchain-balance"],
  ])("for a channel refuses %s", async (_, partner, amount, code) => {
    await alice.visit("/channels/new");
    await alice.online();
    await alice.at("partner-address").fill(partner);
    await alice.at("deposit-amount").fill(amount);
    await alice.at("open-submit").click();
    await alice.problem(code);
    await alice.go("Home");
    await alice.sees("on-chain", "1,000,000.00");
  });

  it.each([
    ["9 decimals", "0.123456789", "amount-too-precise"],
    ["a negative amount", "-1", "amount-negative"],
    ["an exponent", "1e-8", "amount-invalid"],
    ["nothing", "", "amount-missing"],
    ["zero", "0", "amount-zero"],
    ["more than is there", "10.00000001", "insufficient-channel-balance"],
  ])("for a payment refuses %s, and nothing moves", async (_, amount, code) => {
    number ??= await alice.openChannel(BOB, "10");
    await alice.toChannel(number);
    await alice.at("pay-amount").fill(amount);
    await alice.at("pay-submit").click();
    expect(await alice.problem(code)).toContain("Nothing was sent.");
    await alice.hasBalances(number, "10.00", "0.00");
  });

  it("takes the smallest amount and 0.29 exactly", async () => {
    await alice.pay(number, "0.29");
    await alice.hasBalances(number, "9.71", "0.29");
    await alice.pay(number, "0.00000001");
    await alice.hasBalances(number, "9.70999999", "0.29000001");
  });

  it("for joining names an unknown channel", async () => {
    await alice.visit("/channels");
    await alice.online();
    await alice.at("join-number").fill("4711");
    await alice.at("join-submit").click();
    await alice.problem("unknown-channel");
  });

  it("for joining names a channel of others, with both addresses", async () => {
    const stranger = await Person.arrive(browser, server.url);
    await stranger.visit("/");
    await stranger.at("create-key").click();
    await stranger.at("create-key-submit").click();
    await stranger.online();
    await stranger.go("Channels");
    await stranger.at("join-number").fill(String(number));
    await stranger.at("join-submit").click();
    const text = await stranger.problem("not-participant");
    expect(text).toContain(ALICE);
    expect(text).toContain(BOB);
    await stranger.context.close();
  });
});

describe("a second tab", () => {
  it("is read-only until it is asked to take over", async () => {
    const second = await alice.context.newPage();
    await second.goto(`${server.url}/channels/${number}`);
    await second.locator('[data-code="second-tab"]').first().waitFor();
    await second.getByTestId("take-over").click();
    await second.locator('[data-testid="connection"][data-status="online"]').waitFor();
    await second.getByTestId("pay-amount").fill("1");
    await second.getByTestId("pay-submit").click();
    await second.getByTestId("receipt").waitFor();
    await alice.page.locator('[data-code="second-tab"]').first().waitFor();
    await second.close();
    await alice.page.locator('[data-code="second-tab"]').first().waitFor({ state: "detached" });
    await alice.hasBalances(number, "8.70999999", "1.29000001");
  });
});

describe("without a relay", () => {
  it("says so, says what it means for the money, and recovers by itself", async () => {
    await server.end();
    await alice.at("banner-offline").waitFor();
    expect(await alice.text("banner-offline")).toContain("Your funds are in the contract");
    await server.run();
    await alice.at("banner-offline").waitFor({ state: "detached" });
    await alice.hasBalances(number, "8.70999999", "1.29000001");
    expect(alice.complaints).toEqual([]);
  });
});

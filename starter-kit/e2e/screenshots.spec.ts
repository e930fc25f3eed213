/** The pictures of the README, taken from the product itself so that they cannot grow old. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { BOB, launch, Person } from "./support/people.ts";
import { Server } from "./support/server.ts";

/** Pictures are rewritten only when asked for: a test run must not change the repository. */
const FOLDER = process.env["SPARKY_SCREENSHOTS"];
const VIEW = { viewport: { width: 1120, height: 720 }, deviceScaleFactor: 1, colorScheme: "light", reducedMotion: "reduce" } as const;

let server: Server;
let browser: Browser;

beforeAll(async () => {
  if (FOLDER) await mkdir(FOLDER, { recursive: true });
  [server, browser] = await Promise.all([Server.start(), launch()]);
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

let taken = 0;
async function picture(person: Person, name: string): Promise<void> {
  await person.page.mouse.move(0, 0);
  const shot = await person.page.screenshot({ ...(FOLDER ? { path: join(FOLDER, `${name}.png`) } : {}), animations: "disabled" });
  expect(shot.length).toBeGreaterThan(5_000);
  taken += 1;
}

it("the story in pictures", async () => {
  const visitor = await Person.arrive(browser, server.url, VIEW);
  await visitor.visit("/");
  await visitor.at("start-demo-alice").waitFor();
  await picture(visitor, "01-welcome");

  const alice = await Person.demo(browser, server.url, "alice", VIEW);
  const bob = await Person.demo(browser, server.url, "bob", { ...VIEW, colorScheme: "dark" });
  await alice.visit("/channels/new");
  await alice.online();
  await alice.at("partner-address").fill(BOB);
  await alice.at("deposit-amount").fill("400");
  await picture(alice, "02-open");
  await alice.at("open-submit").click();
  await alice.page.getByRole("heading", { name: "The channel is ready" }).waitFor();
  await picture(alice, "03-ready");
  await alice.at("see-channel").click();
  const number = Number(await alice.text("channel-number"));

  await alice.pay(number, "200");
  await picture(alice, "04-paid");
  await bob.hasBalances(number, "200.00", "200.00");
  await bob.pay(number, "100");
  await picture(bob, "05-bob");
  await alice.hasBalances(number, "300.00", "100.00");
  await alice.pay(number, "300");
  await bob.hasBalances(number, "400.00", "0.00");
  await bob.go("Home");
  await bob.sees("spendable", "400.00 QTUM");
  await picture(bob, "06-home");

  await server.dev("tower", { enabled: false });
  await alice.visit("/lab");
  await alice.online();
  await picture(alice, "07-lab");
  const oldest = await alice.at("old-state").locator("option", { hasText: `#${number}, payment 1:` }).getAttribute("value");
  await alice.at("old-state").selectOption(oldest);
  await alice.at("publish-old-state").click();
  await bob.toChannel(number);
  await bob.at("post-newer-proof").waitFor();
  await picture(bob, "08-alarm");
  await bob.at("post-newer-proof").click();
  await bob.sees("closing", "A newer proof was posted");
  await picture(bob, "09-answered");
  await server.dev("mine", { blocks: 100 });
  await bob.at("settle").click();
  await bob.sees("payout-mine", "400.00 QTUM");
  await picture(bob, "10-paid-out");

  await alice.page.setViewportSize({ width: 390, height: 780 });
  await alice.visit("/");
  await alice.online();
  await picture(alice, "11-phone");
  expect(taken).toBe(11);
});

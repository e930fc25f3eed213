/** The pictures of the README, taken from the product itself so that they cannot grow old. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { BOB, launch, Person } from "./support/people.ts";
import { Server } from "./support/server.ts";

/** Pictures are rewritten only when asked for: a test run must not change the repository. */
const FOLDER = process.env["SPARKY_SCREENSHOTS"];
const VIEW = { viewport: { width: 1120, height: 800 }, deviceScaleFactor: 1, colorScheme: "light", reducedMotion: "reduce" } as const;

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
  for (const toast of await person.page.getByRole("button", { name: "Dismiss" }).all()) await toast.click({ timeout: 1_000 }).catch(() => undefined);
  const shot = await person.page.screenshot({ ...(FOLDER ? { path: join(FOLDER, `${name}.png`) } : {}), animations: "disabled" });
  expect(shot.length).toBeGreaterThan(5_000);
  taken += 1;
}

it("the story in pictures", async () => {
  const visitor = await Person.arrive(browser, server.url, VIEW);
  await visitor.visit("/");
  await visitor.at("network").waitFor();
  await picture(visitor, "01-welcome");
  await visitor.context.close();

  const alice = await Person.demo(browser, server.url, "alice", VIEW);
  const bob = await Person.demo(browser, server.url, "bob", { ...VIEW, colorScheme: "dark" });
  await alice.visit("/channels/new");
  await alice.online();
  await alice.at("partner-address").fill(BOB);
  await alice.at("deposit-amount").fill("100");
  await picture(alice, "02-open");
  await alice.at("open-submit").click();
  await alice.page.getByRole("heading", { name: "The channel is ready" }).waitFor();
  await alice.at("see-channel").click();
  const number = Number(await alice.text("channel-number"));

  await alice.pay(number, "20");
  await picture(alice, "03-paid");
  await bob.go("Home");
  await bob.sees("spendable", "20.00 QTUM");
  await bob.at(`channel-row-${number}`).waitFor();
  await picture(bob, "04-received");

  await alice.at("close-channel").click();
  await alice.page.getByText(/Fee ≈/).waitFor();
  await picture(alice, "05-close");
  await alice.page.keyboard.press("Escape");

  // Alice pays more, hides it, and nobody watches: Bob has to answer himself.
  await alice.pay(number, "30");
  await bob.hasBalances(number, "50.00", "50.00");
  await server.dev("tower", { enabled: false });
  await alice.visit("/lab");
  await alice.online();
  const oldest = await alice.at("old-state").locator("option", { hasText: `#${number}, payment 1:` }).getAttribute("value");
  await alice.at("old-state").selectOption(oldest);
  await alice.at("publish-old-state").click();
  await bob.at("post-newer-proof").waitFor();
  await picture(bob, "06-alarm");
  await bob.at("post-newer-proof").click();
  await bob.sees("closing", "A newer proof was posted");
  await server.dev("mine", { blocks: 100 });
  await bob.at("settle").click();
  await bob.sees("payout-mine", "80.00 QTUM");
  await picture(bob, "07-paid-out");

  await alice.at("scene-story-start").click();
  await alice.at("scene-story-all").click();
  await alice.at("scene-story-over").waitFor({ timeout: 100_000 });
  await alice.page.setViewportSize({ width: 1120, height: 1360 });
  await alice.page.evaluate(() => window.scrollTo(0, 0));
  await picture(alice, "08-lab");

  await alice.page.setViewportSize({ width: 390, height: 780 });
  await alice.visit("/");
  await alice.online();
  await picture(alice, "09-phone");
  expect(taken).toBe(9);
});

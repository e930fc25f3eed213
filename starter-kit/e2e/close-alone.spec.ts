/** One closes alone: countdown, a hundred blocks, settle; and a partner who answers for himself. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BOB, launch, Person } from "./support/people.ts";
import { Server } from "./support/server.ts";

let server: Server;
let browser: Browser;
let alice: Person;
let bob: Person;

beforeAll(async () => {
  [server, browser] = await Promise.all([Server.start(), launch()]);
  [alice, bob] = await Promise.all([Person.demo(browser, server.url, "alice"), Person.demo(browser, server.url, "bob")]);
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

describe("closing alone", () => {
  it("counts down in blocks and minutes, and pays 80 and 20 after a hundred blocks", async () => {
    const number = await alice.openChannel(BOB, "100");
    await alice.pay(number, "20");
    await bob.hasBalances(number, "20.00", "80.00");
    await alice.close(number, "alone");
    await alice.at("blocks-left").waitFor();
    expect(Number(await alice.text("blocks-left"))).toBeGreaterThan(40);
    await alice.sees("closing", /blocks left ≈ \d+ (min|s)/);
    await bob.sees("closing", "Alice closed without you");
    expect(await alice.at("settle").count()).toBe(0);

    await mineInTheLab(alice, 100);
    await alice.toChannel(number);
    await alice.at("settle").click();
    await alice.sees("payout-mine", "80.00 QTUM");
    await alice.sees("payout-partner", "20.00 QTUM");
    await bob.sees("payout-mine", "20.00 QTUM");
    expect(await alice.at("payout-penalty").count()).toBe(0);
  });

  it("with lost data takes three times as long and has no penalty", async () => {
    const number = await alice.openChannel(BOB, "10");
    await alice.pay(number, "4");
    await alice.close(number, "recover");
    await alice.at("blocks-left").waitFor();
    expect(Number(await alice.text("blocks-left"))).toBeGreaterThan(140);
    await bob.toChannel(number);
    await bob.sees("closing", "Alice lost data and closed");
    // The watchtower shows what Alice's last proof says, so that Bob gets his 4.
    await bob.page.locator('[data-testid="timeline"] [data-event="floor-raised"], [data-testid="timeline"] [data-event="newer-proof"]').first().waitFor();
    await server.dev("mine", { blocks: 260 });
    await bob.at("settle").click();
    await bob.sees("payout-mine", "4.00 QTUM");
    await bob.sees("payout-partner", "6.00 QTUM");
  });
});

describe("a lie while the watchtower is off", () => {
  it("alarms Bob's own page, and one click saves him", async () => {
    const number = await alice.openChannel(BOB, "400");
    await alice.pay(number, "200");
    await bob.pay(number, "100");
    await alice.pay(number, "300");
    await bob.hasBalances(number, "400.00", "0.00");

    await alice.go("Lab");
    await alice.sees("tower-state", "on");
    await alice.at("tower-toggle").click();
    await alice.sees("tower-state", "off");
    const oldest = await alice.at("old-state").locator("option", { hasText: `#${number}, payment 1:` }).getAttribute("value");
    await alice.at("old-state").selectOption(oldest);
    await alice.at("publish-old-state").click();

    const alarm = bob.page.locator('[data-testid="closing"][data-code="stale-close-detected"]');
    await alarm.waitFor();
    expect(await alarm.getAttribute("role")).toBe("alert");
    await bob.sees("closing", "Alice tried to close with an old balance");
    await bob.page.getByTestId("live-assertive").filter({ hasText: "old balance" }).waitFor({ state: "attached" });
    await bob.at("post-newer-proof").click();
    await bob.sees("closing", "A newer proof was posted");

    await server.dev("mine", { blocks: 100 });
    await bob.at("settle").click();
    await bob.sees("payout-mine", "400.00 QTUM");
    await bob.sees("payout-partner", "0.00 QTUM");
    await server.dev("tower", { enabled: true });
  });
});

/** The lab's own button, as a person mines. */
async function mineInTheLab(person: Person, blocks: number): Promise<void> {
  await person.go("Lab");
  const height = Number((await person.text("height")).replace(/\D/g, ""));
  await person.at("mine-blocks").fill(String(blocks));
  await person.at("mine-n").click();
  await person.page.waitForFunction(
    (least) => Number(document.querySelector('[data-testid="height"]')?.textContent?.replace(/\D/g, "")) >= least,
    height + blocks,
    // A node that is not ours, or a busy machine, takes its time for so many.
    { timeout: 100_000 },
  );
}

/** The two guided scenes of the lab, each played by one person on one page. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launch, Person } from "./support/people.ts";
import { Server } from "./support/server.ts";

let server: Server;
let browser: Browser;
let person: Person;

beforeAll(async () => {
  [server, browser] = await Promise.all([Server.start(), launch()]);
  person = await Person.demo(browser, server.url, "alice");
  await person.go("Lab");
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

async function play(scene: string): Promise<void> {
  await person.at(`scene-${scene}-start`).click();
  await orProblem(`scene-${scene}-all`);
  await person.at(`scene-${scene}-all`).click();
  await orProblem(`scene-${scene}-over`);
}

/** Waits for a part of the page; a problem that appears instead is the better message. */
async function orProblem(testId: string): Promise<void> {
  await person.at(testId).or(person.page.locator("main [data-testid='error']")).first().waitFor({ timeout: 100_000 });
  if ((await person.at(testId).count()) === 0) throw new Error(await person.text("error"));
}

describe("the lab", () => {
  it("tells the story of 400: Bob sleeps, the watchtower answers, Bob gets 400", async () => {
    await play("story");
    await person.sees("person-alice-payout", /^0\.00 QTUM$/);
    await person.sees("person-bob-payout", /^400\.00 QTUM$/);
    const tape = await person.at("tape").innerText();
    expect(tape).toContain("Alice: signed nonce 2, transferred 500.00");
    expect(tape).toContain("Bob: offline");
    expect(tape).toMatch(/Newer proof of you posted/);
  });

  it("shows the penalty: Alice hid 30 of her payments and pays 30 for it", async () => {
    await play("penalty");
    await person.sees("person-alice-payout", /^20\.00 QTUM$/);
    await person.sees("person-bob-payout", /^80\.00 QTUM$/);
    await person.sees("person-alice", "penalty 30.00 QTUM");
  });

  it("leaves nothing of its actors behind", async () => {
    await person.go("Home");
    await person.at("account-menu").click();
    await person.page.waitForFunction(async () => (await indexedDB.databases()).every(({ name }) => !name?.includes("lab-")));
    expect(person.complaints).toEqual([]);
  });
});

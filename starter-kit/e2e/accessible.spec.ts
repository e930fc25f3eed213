/** The page for everybody: with the keyboard alone, with a screen reader, on a small screen, in the dark. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BOB, launch, Person } from "./support/people.ts";
import { Server } from "./support/server.ts";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

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

/** Presses Tab until the wanted element has the focus, as a person without a mouse does. */
async function tabTo(person: Person, testId: string): Promise<void> {
  for (let presses = 0; presses < 60; presses += 1) {
    const here = await person.page.evaluate(() => document.activeElement?.getAttribute("data-testid"));
    if (here === testId) return;
    await person.page.keyboard.press("Tab");
  }
  throw new Error(`Tab does not reach ${testId}`);
}

describe("with the keyboard alone", () => {
  it("a person starts, opens a channel and makes the first payment", async () => {
    alice = await Person.arrive(browser, server.url);
    const { keyboard } = alice.page;
    await alice.visit("/");
    await tabTo(alice, "start-demo-alice");
    await keyboard.press("Enter");
    await alice.online();
    await alice.sees("on-chain", "1,000,000.00");

    await tabTo(alice, "open-channel");
    await keyboard.press("Enter");
    await tabTo(alice, "partner-address");
    await keyboard.type(BOB);
    await tabTo(alice, "deposit-amount");
    await keyboard.type("100");
    await keyboard.press("Enter");
    await alice.page.getByRole("heading", { name: "The channel is ready" }).waitFor();
    await tabTo(alice, "see-channel");
    await keyboard.press("Enter");
    number = Number(await alice.text("channel-number"));

    await tabTo(alice, "pay-amount");
    await keyboard.type("20");
    await keyboard.press("Enter");
    await alice.at("receipt").waitFor();
    await alice.hasBalances(number, "80.00", "20.00");
  });

  it("skips the navigation, and dialogs give the focus back", async () => {
    await alice.visit(`/channels/${number}`);
    await alice.at("balance-mine").waitFor();
    const { keyboard } = alice.page;
    await keyboard.press("Tab");
    expect(await alice.page.evaluate(() => document.activeElement?.textContent)).toBe("Skip to the page");
    await keyboard.press("Enter");
    await alice.page.waitForFunction(() => document.activeElement?.id === "page");

    await tabTo(alice, "close-channel");
    await keyboard.press("Enter");
    await alice.at("close-together").waitFor();
    const inside = () => alice.page.evaluate(() => document.activeElement?.closest("dialog") !== null || document.activeElement === document.body);
    for (let presses = 0; presses < 8; presses += 1) {
      await keyboard.press("Tab");
      expect(await inside()).toBe(true);
    }
    await keyboard.press("Escape");
    await alice.at("close-together").waitFor({ state: "detached" });
    expect(await alice.page.evaluate(() => document.activeElement?.getAttribute("data-testid"))).toBe("close-channel");
  });

  it("moves the focus to the heading of a new page", async () => {
    await alice.go("Activity");
    await alice.page.getByRole("heading", { name: "Activity", level: 1 }).waitFor();
    await alice.page.waitForFunction(() => document.activeElement?.tagName === "H1");
  });
});

const PAGES = ["/", "/pay", "/receive", "/channels", "/channels/new", "/activity", "/account", "/settings", "/lab", "/more"];

describe.each(["light", "dark"] as const)("in the %s", (colorScheme) => {
  it("every page passes axe (WCAG 2.2 AA)", async () => {
    await alice.page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    const found: string[] = [];
    for (const path of [...PAGES, `/channels/${number}`]) {
      await alice.visit(path);
      await alice.online();
      found.push(...(await violations(alice, path)));
    }
    await alice.at("close-channel").click();
    found.push(...(await violations(alice, "the close dialog")));
    expect(found).toEqual([]);
  });

  it("the first page passes axe, also with an error on it", async () => {
    const person = await Person.arrive(browser, server.url, { colorScheme, reducedMotion: "reduce" });
    await person.visit("/");
    await person.at("import-wif-submit").click();
    await person.problem("invalid-wif");
    expect(await violations(person, "welcome")).toEqual([]);
    await person.context.close();
  });
});

async function violations(person: Person, where: string): Promise<readonly string[]> {
  await person.page.evaluate(AXE);
  return person.page.evaluate(async (place) => {
    const { axe } = window as unknown as { axe: { run: (root: Document, options: object) => Promise<{ violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }> } };
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    const result = await axe.run(document, { runOnly: { type: "tag", values: tags } });
    return result.violations.flatMap(({ id, nodes }) => nodes.map((node) => `${place}: ${id}: ${node.html.slice(0, 160)} ${node.failureSummary.replace(/\s+/g, " ")}`));
  }, where);
}

describe("on a screen 320 pixels wide", () => {
  it("no page scrolls sideways", async () => {
    await alice.page.setViewportSize({ width: 320, height: 640 });
    const wide: string[] = [];
    for (const path of [...PAGES, `/channels/${number}`]) {
      await alice.visit(path);
      const over = await alice.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      if (over > 0) wide.push(`${path} is ${over} px too wide`);
    }
    expect(wide).toEqual([]);
    await alice.page.setViewportSize({ width: 1280, height: 800 });
  });
});

describe("in forced colours", () => {
  it("the balance bar keeps its two sides", async () => {
    await alice.page.emulateMedia({ forcedColors: "active" });
    await alice.visit(`/channels/${number}`);
    await alice.at("balance-mine").waitFor();
    const colours = await alice.page.locator(".balance.large .bar i").evaluateAll((sides) => sides.map((side) => getComputedStyle(side).backgroundColor));
    expect(new Set(colours).size).toBe(2);
    await alice.page.emulateMedia({ forcedColors: "none" });
  });
});

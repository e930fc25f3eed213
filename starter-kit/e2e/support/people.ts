/** People who use the page: each has a browser of its own, as on two machines. */
import { existsSync } from "node:fs";
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Locator, type Page } from "playwright-core";

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** How long the page may take for anything that a person waits for. */
const PATIENCE_MS = 30_000;

export const ALICE = "qLn9vqbr2Gx3TsVR9QyTVB5mrMoh4x43Uf";
export const BOB = "qUbxboqjBRp96j3La8D1RYkyqx5uQbJPoW";
export const ALICE_WIF = "cRcG1jizfBzHxfwu68aMjhy78CpnzD9gJYZ5ggDbzfYD3EQfGUDZ";

/** Debian's Chromium; nothing is ever downloaded. */
export function launch(): Promise<Browser> {
  const executablePath = process.env["SPARKY_CHROMIUM"] ?? PLACES.find((place) => existsSync(place));
  if (!executablePath) throw new Error("No Chromium. Install Debian's chromium or name one in SPARKY_CHROMIUM.");
  return chromium.launch({ executablePath, args: FLAGS });
}

export class Person {
  readonly context: BrowserContext;
  /** The page in use; another one after `comeBack`. */
  page: Page;
  /** Exceptions that no code of the page caught, and rules of the content security policy that it broke. */
  readonly complaints: readonly string[];
  readonly #origin: string;

  private constructor(context: BrowserContext, page: Page, origin: string, complaints: readonly string[]) {
    this.context = context;
    this.page = page;
    this.complaints = complaints;
    this.#origin = origin;
  }

  static async arrive(browser: Browser, origin: string, options: BrowserContextOptions = {}): Promise<Person> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "en-GB", timezoneId: "UTC", ...options });
    context.setDefaultTimeout(PATIENCE_MS);
    const complaints: string[] = [];
    // The console's words may change; this event is the policy's own report.
    await context.exposeBinding("reportBreach", (_, breach: string) => void complaints.push(breach));
    await context.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI }) => {
        (window as unknown as { reportBreach: (breach: string) => void }).reportBreach(`${effectiveDirective} forbids ${blockedURI}`);
      });
    });
    context.on("page", (page) => {
      page.on("pageerror", (error) => complaints.push(String(error)));
      page.on("console", (message) => {
        if (/content security policy|trusted ?type/i.test(message.text())) complaints.push(message.text());
      });
    });
    return new Person(context, await context.newPage(), origin, complaints);
  }

  /** A person who has started as one of the demo accounts and is online. */
  static async demo(browser: Browser, origin: string, name: "alice" | "bob", options: BrowserContextOptions = {}): Promise<Person> {
    const person = await Person.arrive(browser, origin, options);
    await person.visit("/");
    await person.at(`start-demo-${name}`).click();
    await person.online();
    return person;
  }

  at(testId: string): Locator {
    return this.page.getByTestId(testId);
  }

  /** Opens a page by its address, as a bookmark does. */
  async visit(path: string): Promise<void> {
    await this.page.goto(this.#origin + path);
    await this.page.locator("h1").waitFor();
  }

  /** Follows a link of the navigation. */
  async go(label: string): Promise<void> {
    await this.page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: label, exact: true }).click();
  }

  async online(): Promise<void> {
    await this.page.locator('[data-testid="connection"][data-status="online"]').waitFor();
  }

  /** Waits until the place shows the text. */
  async sees(testId: string, text: string | RegExp): Promise<void> {
    await this.at(testId).filter({ hasText: text }).first().waitFor();
  }

  /** Waits for the problem, and gives the whole of its text. */
  async problem(code: string): Promise<string> {
    const note = this.page.locator(`[data-testid="error"][data-code="${code}"]`).first();
    await note.waitFor();
    if ((await note.getAttribute("role")) !== "alert") throw new Error(`${code} is not announced`);
    return note.innerText();
  }

  async text(testId: string): Promise<string> {
    return (await this.at(testId).first().innerText()).trim();
  }

  /** An amount on the page in satoshi. */
  async amount(testId: string): Promise<bigint> {
    const text = (await this.text(testId)).replace(/[^\d.]/g, "");
    const [whole = "", fraction = ""] = text.split(".");
    return BigInt(whole + fraction.padEnd(8, "0"));
  }

  /** The page is closed; the browser and what it stored stay. */
  async leave(): Promise<void> {
    await this.page.close();
  }

  async comeBack(path = "/"): Promise<void> {
    this.page = await this.context.newPage();
    await this.visit(path);
  }

  // What people do with channels.

  /** Opens a channel and waits until it is ready; gives its number. */
  async openChannel(partner: string, amount: string): Promise<number> {
    await this.visit("/channels/new");
    await this.online();
    await this.at("partner-address").fill(partner);
    await this.at("deposit-amount").fill(amount);
    await this.at("open-submit").click();
    await this.page.getByRole("heading", { name: "The channel is ready" }).waitFor();
    await this.at("see-channel").click();
    return Number(await this.text("channel-number"));
  }

  /** Pays on the channel's page, and waits for the receipt. */
  async pay(number: number, amount: string): Promise<string> {
    await this.toChannel(number);
    await this.at("pay-amount").fill(amount);
    await this.at("pay-submit").click();
    await this.at("receipt").waitFor();
    return this.text("receipt");
  }

  async toChannel(number: number): Promise<void> {
    if (new URL(this.page.url()).pathname !== `/channels/${number}`) await this.visit(`/channels/${number}`);
    await this.at("channel-number").waitFor();
  }

  /** Waits until the channel's page shows both balances. */
  async hasBalances(number: number, mine: string, partner: string): Promise<void> {
    await this.toChannel(number);
    await this.sees("balance-mine", new RegExp(`^${mine.replace(".", "\\.")}$`));
    await this.sees("balance-partner", new RegExp(`^${partner.replace(".", "\\.")}$`));
  }

  async deposit(number: number, amount: string): Promise<void> {
    await this.toChannel(number);
    await this.at("deposit-more").click();
    await this.at("deposit-more-amount").fill(amount);
    await this.at("deposit-more-submit").click();
    await this.at("deposit-more-submit").waitFor({ state: "detached" });
  }

  async close(number: number, how: "together" | "alone" | "recover"): Promise<void> {
    await this.toChannel(number);
    await this.at("close-channel").click();
    await this.at(`close-${how}`).check();
    await this.at("close-submit").click();
    await this.at("close-submit").waitFor({ state: "detached" });
  }
}

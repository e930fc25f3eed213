/** Losses: a browser that was wiped, a relay that went back in time, an old backup, two devices with one key. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launch, Person } from "./support/people.ts";
import { Server } from "./support/server.ts";

const PASSPHRASE = "correct horse battery";

let server: Server;
let browser: Browser;
let alice: Person;
/** The one who loses everything again and again, each time in a browser of its own. */
let me: Person;
let address: string;
let wif: string;
let number: number;
let firstBackup: string;

beforeAll(async () => {
  [server, browser] = await Promise.all([Server.start(), launch()]);
  alice = await Person.demo(browser, server.url, "alice");
  me = await Person.arrive(browser, server.url);
  await me.visit("/");
  await me.at("create-key").click();
  await me.at("create-key-submit").click();
  await me.online();
  await me.visit("/account");
  address = await me.text("account-address");
  wif = await showKey(me);
  number = await alice.openChannel(address, "100");
  await alice.pay(number, "20");
  await me.hasBalances(number, "20.00", "80.00");
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

async function showKey(person: Person): Promise<string> {
  await person.at("export-wif").click();
  await person.at("export-wif-confirm").click();
  const text = await person.text("wif");
  await person.page.getByRole("button", { name: "Done" }).click();
  return text;
}

async function openChannelPage(person: Person): Promise<void> {
  await person.go("Channels");
  await person.page.getByTestId(`channel-row-${number}`).click();
  await person.at("channel-number").waitFor();
}

/** Pays without leaving the page: a reload would ask for the passphrase. */
async function payHere(person: Person, amount: string): Promise<string> {
  await person.at("pay-amount").fill(amount);
  await person.at("pay-submit").click();
  await person.at("receipt").waitFor();
  return person.text("receipt");
}

async function balances(person: Person, mine: string, partner: string): Promise<void> {
  await person.sees("balance-mine", new RegExp(`^${mine.replace(".", "\\.")}$`));
  await person.sees("balance-partner", new RegExp(`^${partner.replace(".", "\\.")}$`));
}

/** Saves a backup file in the settings, and gives its text. */
async function saveBackup(person: Person): Promise<string> {
  await person.go("Settings");
  await person.at("back-up-now").click();
  await person.at("backup-passphrase").fill(PASSPHRASE);
  const [download] = await Promise.all([person.page.waitForEvent("download"), person.at("backup-save").click()]);
  const chunks: Buffer[] = [];
  for await (const chunk of await download.createReadStream()) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

const chosen = (text: string) => ({ name: "sparky.backup", mimeType: "application/json", buffer: Buffer.from(text) });

/** A new browser that restores a file. */
async function restored(text: string): Promise<Person> {
  const person = await Person.arrive(browser, server.url);
  await person.visit("/welcome");
  await person.at("restore-backup").click();
  await person.at("backup-file").setInputFiles(chosen(text));
  await person.at("restore-passphrase").fill(PASSPHRASE);
  await person.at("restore-submit").click();
  await person.online();
  return person;
}

describe("losing a browser", () => {
  it("says what is wrong with a file, and changes nothing", async () => {
    await openChannelPage(me);
    await payHere(me, "1");
    firstBackup = await saveBackup(me);
    expect(firstBackup).not.toContain(wif);
    const person = await Person.arrive(browser, server.url);
    await person.visit("/welcome");
    await person.at("restore-backup").click();
    const attempt = async (text: string, passphrase: string): Promise<void> => {
      await person.at("backup-file").setInputFiles(chosen(text));
      await person.at("restore-passphrase").fill(passphrase);
      await person.at("restore-submit").click();
    };
    await attempt("a holiday photo", PASSPHRASE);
    await person.problem("backup-not-one");
    await attempt(firstBackup.slice(0, firstBackup.length / 2), PASSPHRASE);
    await person.problem("backup-damaged");
    await attempt(firstBackup, "wrong horse battery");
    expect(await person.problem("wrong-passphrase")).toContain("Nothing was changed");
    await attempt(firstBackup.replace('"network":"dev"', '"network":"mainnet"'), PASSPHRASE);
    await person.problem("backup-damaged");
    await person.context.close();
  });

  it("comes back from the file, with its history, and goes on paying", async () => {
    await me.context.close();
    me = await restored(firstBackup);
    await openChannelPage(me);
    await balances(me, "19.00", "81.00");
    await payHere(me, "2");
    await balances(me, "17.00", "83.00");
    await alice.hasBalances(number, "83.00", "17.00");
    await me.go("Activity");
    await me.page.getByText("20.00").first().waitFor();
  });

  it("does not take up what is older than what is here", async () => {
    await me.go("Settings");
    await me.at("restore-here").click();
    await me.at("backup-file").setInputFiles(chosen(firstBackup));
    await me.at("restore-passphrase").fill(PASSPHRASE);
    await me.at("restore-submit").click();
    await me.problem("backup-older");
    await me.page.getByRole("button", { name: "Cancel" }).click();
  });

  it("comes back from the relay with the key alone", async () => {
    // It is checked once that is written down, not when it is clicked.
    await me.at("relay-backup").click();
    await me.page.locator('[data-testid="relay-backup"]:checked').waitFor();
    await me.page.locator('[data-testid="relay-backup-state"]:not([data-revision="0"])').waitFor();
    const before = Number(await me.at("relay-backup-state").getAttribute("data-revision"));
    await openChannelPage(me);
    await payHere(me, "1");
    // Renewed by itself after the change.
    await me.go("Settings");
    await me.page.waitForFunction(
      (known) => Number(document.querySelector('[data-testid="relay-backup-state"]')?.getAttribute("data-revision")) > known,
      before,
    );
    await me.context.close();
    me = await Person.arrive(browser, server.url);
    await me.visit("/welcome");
    await me.at("import-wif").fill(wif);
    await me.at("import-wif-submit").click();
    await me.online();
    await me.go("Settings");
    await me.page.locator('[data-testid="relay-backup"]:checked').waitFor();
    await openChannelPage(me);
    await balances(me, "16.00", "84.00");
    await payHere(me, "1");
    await alice.hasBalances(number, "85.00", "15.00");
  });
});

describe("losing more than a browser", () => {
  let copy: Buffer;

  it("an old backup signs nothing while the relay has forgotten, and the partner brings what is newest", async () => {
    // The relay's database is copied now, and will be all that is left of it.
    await server.end();
    copy = await server.copyDatabase();
    await server.run();
    await me.online();
    await payHere(me, "1");
    const old = await saveBackup(me);
    await openChannelPage(me);
    await payHere(me, "1");
    await payHere(me, "1");
    await alice.hasBalances(number, "88.00", "12.00");
    // Alice leaves with the newest state; the relay goes back; this browser is lost.
    await alice.leave();
    await me.context.close();
    await server.end();
    await server.goBackTo(copy);
    await server.run();

    me = await restored(old);
    await openChannelPage(me);
    await me.problem("recovering-partner");
    expect(await me.problem("recovering-partner")).toContain("Your money is safe, and you can be paid.");
    expect(await me.at("pay-submit").isDisabled()).toBe(true);

    await alice.comeBack();
    await alice.online();
    await balances(me, "12.00", "88.00");
    await me.page.locator('[data-code="recovering-partner"]').first().waitFor({ state: "detached" });
    await payHere(me, "2");
    await balances(me, "10.00", "90.00");
    await alice.hasBalances(number, "90.00", "10.00");
    // And back: nothing is stuck in either direction.
    await alice.pay(number, "5");
    await balances(me, "15.00", "85.00");
  });

  it("two devices with one key: the one that lost is told, takes the relay's word, and goes on", async () => {
    const other = await Person.arrive(browser, server.url);
    await other.visit("/welcome");
    await other.at("import-wif").fill(wif);
    await other.at("import-wif-submit").click();
    await other.online();
    await openChannelPage(other);
    await balances(other, "15.00", "85.00");

    // This one pays without a relay and is closed; the other one pays meanwhile.
    await server.end();
    await me.at("banner-offline").waitFor();
    await me.at("pay-amount").fill("3");
    await me.at("pay-submit").click();
    await me.page.locator('[data-testid="receipt"][data-status="stored"]').waitFor();
    await me.leave();
    await server.run();
    await other.online();
    await payHere(other, "1");
    await alice.hasBalances(number, "86.00", "14.00");
    await me.comeBack(`/channels/${number}`);
    await me.at("unlock-passphrase").fill(PASSPHRASE);
    await me.at("unlock-submit").click();
    await me.at("give-way").waitFor();
    await me.page.locator('[data-code="nonce-conflict"]').first().waitFor();
    await me.at("give-way").click();
    await balances(me, "14.00", "86.00");
    await me.at("give-way").waitFor({ state: "detached" });
    await payHere(me, "4");
    await balances(me, "10.00", "90.00");
    await alice.hasBalances(number, "90.00", "10.00");
    await other.context.close();
  });

  it("ends well: both close together with the right balances", async () => {
    // Whoever agrees sends the transaction, and only Alice has something on chain.
    await me.close(number, "together");
    await alice.toChannel(number);
    await alice.at("accept-proposal").click();
    await me.sees("payout-mine", /^10\.00/);
    await alice.sees("payout-mine", /^90\.00/);
    expect([...me.complaints, ...alice.complaints]).toEqual([]);
  });
});

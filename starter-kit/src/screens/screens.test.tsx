import { renderToStaticMarkup } from "react-dom/server";
import { describe, expect, it } from "vitest";
import type { Actions } from "../session/actions.ts";
import { satoshi } from "../session/amount.ts";
import { initialState } from "../session/initial.ts";
import { problem } from "../session/problem.ts";
import type { Network, State } from "../session/state.ts";
import { createStore } from "../session/store.ts";
import { DoorContext } from "../ui/context.tsx";
import { Frame } from "../ui/Frame.tsx";
import { TooMuch } from "../ui/TooMuch.tsx";
import { AccountPage } from "./AccountPage.tsx";
import { ActivityPage, toCsv } from "./ActivityPage.tsx";
import { App, screenFor } from "./App.tsx";
import { DepositForm } from "./ChannelFunds.tsx";
import { ChannelPage } from "./ChannelPage.tsx";
import { ChannelsPage } from "./ChannelsPage.tsx";
import * as fixture from "./fixture.ts";
import { checklist, Home } from "./Home.tsx";
import { Lab } from "./Lab.tsx";
import { OpenChannel } from "./OpenChannel.tsx";
import { addressOf, findChannel, Pay } from "./Pay.tsx";
import { paymentUri, Receive } from "./Receive.tsx";
import { SettingsPage } from "./SettingsPage.tsx";

/** Nothing is clicked here (the browser tests do that), so no verb is ever called. */
const actions = { lab: {} } as Actions;
const openSession = () => {
  throw new Error("no second profile here");
};

/** The page as text, once as markup and once as a reader sees it. */
function show(screen: React.ReactNode, state: State = fixture.alice) {
  const html = renderToStaticMarkup(<DoorContext value={{ store: createStore(state), actions, openSession }}>{screen}</DoorContext>);
  const text = html.replace(/<[^>]+>/g, " ").replace(/&#x27;/g, "'").replace(/\s+/g, " ");
  const byTestId = (id: string) => html.split(`data-testid="${id}"`).length - 1;
  return { html, text, byTestId };
}

describe("every screen", () => {
  const screens = {
    home: <Home />,
    pay: <Pay />,
    receive: <Receive />,
    channels: <ChannelsPage />,
    open: <OpenChannel />,
    channel: <ChannelPage number={5} />,
    activity: <ActivityPage />,
    account: <AccountPage />,
    settings: <SettingsPage />,
    lab: <Lab />,
  };

  it.each(Object.entries(screens))("%s has one h1, and a label for each input", (_, screen) => {
    const { html } = show(<Frame>{screen}</Frame>);
    expect(html.match(/<h1/g)).toHaveLength(1);
    for (const [input] of html.matchAll(/<input[^>]*>/g)) {
      if (/type="(radio|checkbox|search)"/.test(input)) continue;
      const id = /\bid="([^"]+)"/.exec(input)?.[1];
      expect(html, input).toContain(`for="${id}"`);
    }
  });
});

describe("home", () => {
  it("shows the four figures and the way to a channel", () => {
    const { byTestId, text } = show(<Home />);
    for (const id of ["spendable", "receivable", "on-chain", "locked", "open-channel", "channel-row-5"]) expect(byTestId(id), id).toBe(1);
    expect(text).toContain("999,889.81 QTUM");
    expect(text).toContain("back in 39 blocks ≈ 21 min");
  });

  it("puts the alarm first, with the button that answers it", () => {
    const { html, byTestId } = show(<Home />);
    expect(byTestId("post-newer-proof")).toBe(1);
    expect(html.indexOf("stale-close-detected")).toBeLessThan(html.indexOf("Spendable now"));
  });

  it("ticks off the way to the first payment", () => {
    const done = (state: State) => checklist(state, true).map((step) => step.done);
    expect(done(fixture.alice)).toEqual([true, true, true, true, true]);
    expect(done({ ...fixture.alice, channels: [], activity: [], onChain: initialState("x").onChain })).toEqual([true, true, false, false, false]);
  });
});

describe("a channel", () => {
  const page = (channel: State["channels"][number]) => show(<ChannelPage number={channel.number} />, { ...fixture.alice, channels: [channel] });

  it("shows who owns what as figures and as a sentence", () => {
    const { html, text } = page(fixture.channel());
    expect(html).toContain('aria-label="You 80.00, Bob 20.00, of 100.00 QTUM"');
    expect(text).toContain("Channel 5 with Bob");
    for (const id of ["balance-mine", "balance-partner", "pay-amount", "pay-submit", "deposit-more", "close-channel"]) expect(html, id).toContain(`data-testid="${id}"`);
  });

  it("alarms when the partner closed with an old balance", () => {
    const { html, text } = page(fixture.disputed);
    expect(html).toContain('data-code="stale-close-detected"');
    expect(html).toMatch(/data-testid="blocks-left">38</);
    expect(text).toContain("blocks left ≈ 20 min");
    expect(html).toContain('data-testid="post-newer-proof"');
    expect(html).not.toContain('data-testid="pay-amount"');
  });

  it("offers to settle when the window is over, and says what it pays", () => {
    const { html, text } = page(fixture.final);
    expect(html).toContain('data-testid="settle"');
    expect(html).not.toContain('data-testid="blocks-left"');
    expect(text).toContain("of which penalty from Bob");
  });

  it("ends with both pay-outs", () => {
    const { html, text } = page(fixture.settled);
    expect(html).toMatch(/data-testid="payout-mine">80.00/);
    expect(html).toMatch(/data-testid="payout-partner">20.00/);
    expect(text).toContain("penalty of 10.00 QTUM");
  });

  it("asks about the partner's offer and lets one take back one's own", () => {
    const { html, text } = page(fixture.offered);
    expect(html.match(/data-testid="accept-proposal"/g)).toHaveLength(1);
    expect(text).toContain("Bob wants to close this channel together");
    expect(text).toContain("Take the offer back");
  });

  it("that is not ours is named by its code", () => {
    expect(show(<ChannelPage number={99} />).html).toContain('data-code="unknown-channel"');
  });
});

describe("a page", () => {
  it("of each stage is shown", () => {
    const stage = (type: State["stage"]) => show(<App />, { ...fixture.alice, stage: type }).html;
    expect(stage({ type: "welcome" })).toContain('data-testid="start-demo-alice"');
    expect(stage({ type: "welcome" })).toContain('data-testid="import-wif"');
    expect(stage({ type: "locked" })).toContain("Passphrase");
    expect(stage({ type: "failed", problem: problem("storage-unavailable").data() })).toContain('data-code="storage-unavailable"');
    expect(stage({ type: "ready" })).toContain('data-testid="my-address"');
  });

  it("keeps the whole address in its text", () => {
    expect(show(<Frame>{null}</Frame>).text.replaceAll(" ", "")).toContain(fixture.ALICE);
  });

  it("tells that it is offline and that another tab writes", () => {
    const offline = problem("relay-unreachable", { s: 3 }).data();
    const { html, byTestId } = show(<Frame>{null}</Frame>, { ...fixture.alice, writer: "second-tab", connection: { status: "offline", retryAt: null, problem: offline, unsent: 2 } });
    expect(byTestId("banner-offline")).toBe(1);
    expect(html).toContain('data-code="second-tab"');
    expect(html).toContain("2 signed messages wait");
  });

  it("warns above what the answer window protects, where there is something to lose", () => {
    const { network } = fixture.alice;
    if (!network) throw new Error("the fixture has a network");
    const mainnet = { ...network, dev: false, window: { default: 2_700, min: 2_700, max: 100_000 }, safeCapacity: satoshi("13500000000") };
    const warns = (capacity: string, window: number, where: Network = mainnet) =>
      show(<TooMuch capacity={satoshi(capacity)} network={where} window={window} />).byTestId("too-much") === 1;
    expect(warns("13500000001", 2_700)).toBe(true);
    expect(warns("13500000000", 2_700)).toBe(false);
    expect(warns("13500000001", 5_400)).toBe(false);
    expect(warns("13500000001", 2_700, network)).toBe(false);
    // A deposit counts with what is there already.
    const funded = (mine: string) => fixture.channel({ window: 2_700, balances: { ...fixture.channel().balances, capacity: satoshi("6750000000"), pendingMine: satoshi(mine) } });
    const deposit = (mine: string) => show(<DepositForm channel={funded(mine)} onDone={() => undefined} />, { ...fixture.alice, network: mainnet }).byTestId("too-much");
    expect([deposit("6750000000"), deposit("6750000001")]).toEqual([0, 1]);
  });

  it("offers demo accounts and the lab on the dev chain only", () => {
    const mainnet: State = { ...fixture.alice, network: fixture.alice.network && { ...fixture.alice.network, name: "mainnet", dev: false } };
    expect(show(<App />, { ...mainnet, stage: { type: "welcome" } }).html).not.toContain("start-demo-alice");
    expect(show(<Frame>{null}</Frame>, mainnet).html).not.toContain('href="/lab"');
  });

  it("has no lab for who types its address where money is real", () => {
    const lab = (dev: boolean) => show(screenFor("/lab", dev));
    expect(lab(true).byTestId("mine-1")).toBe(1);
    expect(lab(false).byTestId("mine-1")).toBe(0);
    expect(lab(false).text).toContain("There is no such page");
  });
});

describe("paying", () => {
  const open = [fixture.channel(), fixture.channel({ id: "0x2", number: 12, balances: { ...fixture.channel().balances, available: fixture.channel().balances.mine } })];

  it("finds the channel that is meant", () => {
    const row = (text: string, number: number | undefined) => expect(findChannel(open, text)?.number, text).toBe(number);
    row("#12", 12);
    row("5", 5);
    row("bob", 5);
    row(fixture.BOB, 5);
    row(`qtum:${fixture.BOB}?amount=1`, 5);
    row("99", undefined);
    row("", undefined);
  });

  it("reads and writes links as other wallets do", () => {
    expect(addressOf(` qtum:${fixture.BOB}?amount=2 `)).toBe(fixture.BOB);
    expect(paymentUri(fixture.BOB, "", "Coffee & cake")).toBe(`qtum:${fixture.BOB}?message=Coffee%20%26%20cake`);
  });
});

describe("the export", () => {
  it("is exact, signed and safe to open in a spreadsheet", () => {
    const [received, sent] = fixture.alice.activity;
    if (!received || !sent) throw new Error("the fixture has both");
    const lines = toCsv([{ ...sent, note: '=SUM("x")' }, received]).split("\r\n");
    expect(lines[0]).toBe("utcDate,type,currency,amount,address,channel,nonce,txid,description");
    expect(lines[1]).toContain(",sent,QTUM,-20,");
    expect(lines[1]).toContain(`"'=SUM(""x"")"`);
    expect(lines[2]).toContain(",received,QTUM,5,");
  });
});

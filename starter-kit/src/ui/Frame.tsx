import { type ReactNode, useEffect, useRef, useState } from "react";
import type { State } from "../session/state.ts";
import { ShortAddress } from "./Address.tsx";
import { useActions, useSelect } from "./context.tsx";
import { Icon, type IconName, Mark } from "./icons.tsx";
import { ProblemBody } from "./ProblemNote.tsx";
import { Link, usePlace } from "./router.tsx";
import { isDark } from "./theme.ts";
import { heightText, spanOfSeconds } from "./time.ts";

interface Item {
  readonly to: string;
  readonly label: string;
  readonly icon: IconName;
  /** Where it is shown; small screens gather the rest under "More". */
  readonly where?: "only-wide" | "only-small";
}

/** The pages of a profile. The lab exists on the dev chain and regtest only. */
export function pages(dev: boolean): readonly Item[] {
  return [
    { to: "/", label: "Home", icon: "home" },
    { to: "/pay", label: "Pay", icon: "pay" },
    { to: "/receive", label: "Receive", icon: "receive" },
    { to: "/channels", label: "Channels", icon: "channels" },
    { to: "/more", label: "More", icon: "more", where: "only-small" },
    { to: "/activity", label: "Activity", icon: "activity", where: "only-wide" },
    { to: "/account", label: "Account", icon: "account", where: "only-wide" },
    ...(dev ? [{ to: "/lab", label: "Lab", icon: "lab", where: "only-wide" } as const] : []),
    { to: "/settings", label: "Settings", icon: "settings", where: "only-wide" },
  ];
}

/** Everything around a page: navigation, network, connection, account. */
export function Frame({ children }: { readonly children: ReactNode }) {
  const { path } = usePlace();
  const dev = useSelect((state) => state.network?.dev ?? false);
  return (
    <div className="frame">
      <a className="skip" href="#page">
        Skip to the page
      </a>
      <header className="top">
        <Link to="/" className="brand" aria-label="Sparky, home">
          <Mark />
        </Link>
        <NetworkChip />
        <ConnectionState />
        <div className="top-end">
          <Bell />
          <ThemeButton />
          <AccountMenu />
        </div>
      </header>
      <nav className="sider nav" aria-label="Main">
        <div className="sider-inner">
          <Link to="/" className="brand">
            <Mark />
            <span>Sparky</span>
          </Link>
          <ul>
            {pages(dev).map(({ to, label, icon, where }) => (
              <li key={to} className={where}>
                <Link to={to} aria-current={isHere(path, to) ? "page" : undefined}>
                  <Icon name={icon} />
                  {label}
                </Link>
              </li>
            ))}
          </ul>
        </div>
      </nav>
      <main className="page" id="page" tabIndex={-1}>
        <Banners />
        {children}
      </main>
    </div>
  );
}

const isHere = (path: string, to: string): boolean => path === to || (to !== "/" && path.startsWith(`${to}/`));

/** What holds for every page: offline, read-only. */
export function Banners() {
  const connection = useSelect((state) => state.connection);
  const writer = useSelect((state) => state.writer);
  const secondTab = writer === "second-tab";
  if (connection.status !== "offline" && !secondTab) return null;
  return (
    <div className="page-inner banners">
      {secondTab && <SecondTab />}
      {connection.status === "offline" && (
        <div className="note warn" role="status" data-testid="banner-offline">
          <Icon name="alert" />
          <div className="stack tight">
            {connection.problem ? <ProblemBody problem={connection.problem} /> : <p>Not connected.</p>}
            {connection.unsent > 0 && <p className="small">{unsentText(connection.unsent)}</p>}
          </div>
        </div>
      )}
    </div>
  );
}

const unsentText = (count: number): string =>
  `${count === 1 ? "1 signed message waits" : `${count} signed messages wait`} on this device and will be sent by itself.`;

function SecondTab() {
  const { takeOver } = useActions();
  return (
    <div className="note warn" role="alert" data-testid="error" data-code="second-tab">
      <Icon name="alert" />
      <div className="note-body">
        <p>
          <span className="title">Open in another tab.</span> This one is read-only, so that no two pages sign at once.
        </p>
        <p className="small">
          <em className="money">Your money has not moved.</em>
        </p>
        <div className="row">
          <button type="button" className="button small" onClick={() => void takeOver()} data-testid="take-over">
            Use here
          </button>
        </div>
        <p className="code">Code: second-tab</p>
      </div>
    </div>
  );
}

/** Which network, in a word and a colour: keys and addresses of test and regtest look alike. */
export function NetworkChip() {
  const name = useSelect((state) => state.network?.name ?? null);
  if (!name) return null;
  const tone = name === "mainnet" ? "good" : name === "testnet" ? "warn" : "info";
  return (
    <span className={`chip ${tone}`} data-testid="network">
      {name.toUpperCase()}
    </span>
  );
}

/** Whether the relay hears us, and the newest block with its age. */
function ConnectionState() {
  const { status } = useSelect((state) => state.connection);
  const tip = useSelect((state) => state.tip);
  const age = useAge(tip);
  const word = status === "online" ? "Online" : status === "offline" ? "Offline" : "Connecting";
  return (
    <span className="connection" data-testid="connection" data-status={status}>
      <span className={status === "online" ? "dot on" : status === "offline" ? "dot" : "dot wait"} aria-hidden="true" />
      <span className={status === "online" ? "unseen" : ""}>{word}</span>
      {tip && (
        <span>
          <span className="unseen">Block </span>
          <span data-testid="height">{heightText(tip.height)}</span>
          <span className="age"> {age}</span>
        </span>
      )}
    </span>
  );
}

/** How long ago the newest block was heard of. Ticks slowly, and never speaks. */
function useAge(tip: State["tip"]): string {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 5_000);
    return () => clearInterval(timer);
  }, []);
  if (!tip) return "";
  const seconds = Math.max(0, Math.floor((now - tip.seenAt) / 1000));
  return seconds < 5 ? "now" : `${spanOfSeconds(seconds)} ago`;
}

function Bell() {
  const urgent = useSelect((state) => state.alerts.length);
  if (urgent === 0) return null;
  return (
    <Link to="/" className="icon-button bell" aria-label={urgent === 1 ? "1 alert" : `${urgent} alerts`}>
      <Icon name="bell" />
      <span aria-hidden="true">{urgent}</span>
    </Link>
  );
}

export function ThemeButton() {
  const theme = useSelect((state) => state.settings.theme);
  const { changeSettings } = useActions();
  const dark = isDark(theme);
  return (
    <button type="button" className="icon-button theme" aria-label={dark ? "Use the light theme" : "Use the dark theme"} onClick={() => void changeSettings({ theme: dark ? "light" : "dark" })}>
      <Icon name={dark ? "sun" : "moon"} />
    </button>
  );
}

/** The account's name and address; behind it the other profiles of this browser. */
function AccountMenu() {
  const account = useSelect((state) => state.account);
  const profiles = useSelect((state) => state.profiles);
  const current = useSelect((state) => state.profile);
  const { path } = usePlace();
  const menu = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    if (menu.current) menu.current.open = false;
  }, [path]);
  useEffect(() => {
    const close = (event: Event) => {
      const outside = event.type === "pointerdown" && !menu.current?.contains(event.target as Node);
      const escape = event instanceof KeyboardEvent && event.key === "Escape";
      if (!menu.current?.open || !(outside || escape)) return;
      menu.current.open = false;
      if (escape) menu.current.querySelector("summary")?.focus();
    };
    document.addEventListener("pointerdown", close);
    document.addEventListener("keydown", close);
    return () => {
      document.removeEventListener("pointerdown", close);
      document.removeEventListener("keydown", close);
    };
  }, []);
  if (!account) return null;
  return (
    <details className="menu" ref={menu}>
      <summary data-testid="account-menu">
        <Icon name="account" size={18} />
        <span className="menu-name">{account.name}</span>
        <ShortAddress address={account.address} testId="my-address" />
        <Icon name="down" size={16} />
      </summary>
      <div>
        <Link to="/account">
          <Icon name="key" /> Account and backup
        </Link>
        {profiles
          .filter(({ profile }) => profile !== current && !profile.startsWith("lab-"))
          .map(({ profile, name }) => (
            <a key={profile} href={`/?profile=${encodeURIComponent(profile)}`} target={`sparky-${profile}`}>
              <Icon name="account" /> Open {name} in a tab
            </a>
          ))}
        <a href={`/welcome?profile=${freeProfile(profiles.map(({ profile }) => profile))}`} target="_blank" rel="noreferrer">
          <Icon name="plus" /> Another profile in a new tab
        </a>
        <Link to="/settings">
          <Icon name="settings" /> Settings
        </Link>
      </div>
    </details>
  );
}

/** A profile name that this browser does not use yet. */
export function freeProfile(taken: readonly string[]): string {
  for (const name of ["bob", "carol", "dave"]) if (!taken.includes(name)) return name;
  return `p${taken.length + 1}`;
}

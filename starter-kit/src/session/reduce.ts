/** The only place where the state changes: one pure function over everything that can happen. */
import { alertsOf } from "./alerts.ts";
import { ZERO, plus } from "./amount.ts";
import { initialState } from "./initial.ts";
import type {
  Account, Activity, Address, Backup, Channel, Connection, Network, NoticeEvent, Notice, OnChain,
  OwnTransaction, ProfileSummary, Settings, Stage, State, Tip, Totals, Txid, Writer,
} from "./state.ts";

export type Happening =
  | { readonly type: "stage"; readonly stage: Stage }
  | { readonly type: "writer"; readonly writer: Writer }
  | { readonly type: "profiles"; readonly profiles: readonly ProfileSummary[] }
  | { readonly type: "account"; readonly account: Account | null }
  | { readonly type: "settings"; readonly settings: Settings }
  | { readonly type: "connection"; readonly connection: Partial<Connection> }
  | { readonly type: "network"; readonly network: Network }
  | { readonly type: "tip"; readonly tip: Tip }
  | { readonly type: "on-chain"; readonly onChain: OnChain }
  /** New figures of these channels; others stay. */
  | { readonly type: "channels"; readonly channels: readonly Channel[] }
  | { readonly type: "presence"; readonly address: Address; readonly online: boolean }
  | { readonly type: "activity"; readonly entries: readonly Activity[] }
  | { readonly type: "transactions"; readonly transactions: readonly OwnTransaction[] }
  | { readonly type: "transaction-dismissed"; readonly txid: Txid }
  | { readonly type: "notice"; readonly event: NoticeEvent; readonly tone: Notice["tone"]; readonly at: number }
  | { readonly type: "notice-dismissed"; readonly key: number }
  | { readonly type: "backup"; readonly backup: Partial<Backup> }
  /** The data (not the account) of this profile are gone. */
  | { readonly type: "data-forgotten" }
  /** Account and data of this profile are gone. */
  | { readonly type: "profile-forgotten" };

/** More than these are not worth a place on a screen. */
const NOTICES_KEPT = 20;

/** The next state. Pure: the same happenings lead to the same state. */
export function reduce(state: State, happening: Happening): State {
  const next = step(state, happening);
  const { channels, tip, writer, network } = state;
  if (next.channels === channels && next.tip === tip && next.writer === writer && next.network === network) return next;
  return { ...next, totals: totalsOf(next.channels), alerts: alertsOf(next) };
}

function step(state: State, happening: Happening): State {
  switch (happening.type) {
    case "stage":
      return { ...state, stage: happening.stage };
    case "writer":
      return { ...state, writer: happening.writer };
    case "profiles":
      return { ...state, profiles: happening.profiles };
    case "account":
      return { ...state, account: happening.account };
    case "settings":
      return { ...state, settings: happening.settings };
    case "connection":
      return { ...state, connection: { ...state.connection, ...happening.connection } };
    case "network":
      return { ...state, network: happening.network };
    case "tip":
      return { ...state, tip: happening.tip };
    case "on-chain":
      return { ...state, onChain: happening.onChain };
    case "channels":
      return { ...state, channels: merge(state.channels, happening.channels, (channel) => channel.id, (channel) => channel.number) };
    case "presence":
      return { ...state, channels: withPresence(state.channels, happening.address, happening.online) };
    case "activity":
      return { ...state, activity: merge(state.activity, happening.entries, (entry) => entry.id, (entry) => entry.at) };
    case "transactions":
      return { ...state, transactions: merge(state.transactions, happening.transactions, (one) => one.txid, (one) => one.at) };
    case "transaction-dismissed":
      return { ...state, transactions: state.transactions.filter((one) => one.txid !== happening.txid) };
    case "notice": {
      const key = (state.notices.at(-1)?.key ?? 0) + 1;
      const notice: Notice = { key, tone: happening.tone, event: happening.event, at: happening.at };
      return { ...state, notices: [...state.notices, notice].slice(-NOTICES_KEPT) };
    }
    case "notice-dismissed":
      return { ...state, notices: state.notices.filter((notice) => notice.key !== happening.key) };
    case "backup":
      return { ...state, backup: { ...state.backup, ...happening.backup } };
    case "data-forgotten":
      return { ...state, channels: [], activity: [], transactions: [] };
    case "profile-forgotten": {
      const { profile, profiles, network, tip, writer, settings } = state;
      return { ...initialState(profile), stage: { type: "welcome" }, profiles, network, tip, writer, settings };
    }
    default:
      return unreachable(happening);
  }
}

/** Replaces entries with the same key, keeps the others, highest rank first. */
function merge<T>(old: readonly T[], fresh: readonly T[], key: (one: T) => string, rank: (one: T) => number): readonly T[] {
  const all = new Map(old.map((one) => [key(one), one]));
  for (const one of fresh) all.set(key(one), one);
  return [...all.values()].sort((left, right) => rank(right) - rank(left));
}

function withPresence(channels: readonly Channel[], address: Address, online: boolean): readonly Channel[] {
  const changes = channels.some(({ partner }) => partner.address === address && partner.online !== online);
  if (!changes) return channels;
  return channels.map((channel) =>
    channel.partner.address === address ? { ...channel, partner: { ...channel.partner, online } } : channel,
  );
}

function totalsOf(channels: readonly Channel[]): Totals {
  let totals: Totals = { available: ZERO, receivable: ZERO, locked: ZERO, lockedUntil: null };
  for (const { phase, balances, closing } of channels) {
    if (phase === "open" || phase === "opening") {
      totals = {
        ...totals,
        available: plus(totals.available, balances.available),
        receivable: plus(totals.receivable, balances.receivable),
        locked: plus(totals.locked, balances.locked),
      };
    } else if (phase !== "settled" && closing) {
      const until = Math.min(totals.lockedUntil ?? closing.settleableAt, closing.settleableAt);
      totals = { ...totals, locked: plus(totals.locked, closing.payMine), lockedUntil: until };
    }
  }
  return totals;
}

function unreachable(value: never): never {
  throw new Error(`invariant: unknown happening ${JSON.stringify(value)}`);
}

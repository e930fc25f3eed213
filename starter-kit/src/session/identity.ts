/** Keys: made, imported, opened, written down, forgotten. */
import { type Key, keyFromBytes, keyFromWif } from "../core.ts";
import type { Info } from "../relay/api.ts";
import type { DemoName } from "./actions.ts";
import { type Context, bookOf, commit, infoOf, tell } from "./context.ts";
import { DEMO } from "./names.ts";
import { problem } from "./problem.ts";
import { forgetSummary, listSummaries, rememberSummary } from "./profiles.ts";
import type { Account } from "./state.ts";
import { type AccountRecord, type Change, destroyStorage } from "./storage.ts";
import { type KeyRecord, open, seal } from "./vault.ts";

interface KeyOptions {
  readonly name?: string;
  readonly passphrase?: string;
}

export async function startDemo(context: Context, demo: DemoName): Promise<void> {
  const info = infoOf(context);
  if (!isPlayMoney(info)) throw problem("demo-key-refused", { network: info.network });
  const { name, wif } = DEMO[demo];
  await adopt(context, keyFromWif(wif, info.network), name, { protection: "public", wif });
}

export async function createKey(context: Context, options: KeyOptions): Promise<void> {
  infoOf(context);
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  const record = await seal(bytes, options.passphrase);
  await adopt(context, keyFromBytes(bytes), options.name ?? "Me", record);
}

export async function importWif(context: Context, wif: string, options: KeyOptions): Promise<void> {
  const info = infoOf(context);
  const key = keyFromWif(wif, info.network);
  const demo = Object.values(DEMO).find(({ address }) => address === key.identity(info.network).address);
  if (demo && !isPlayMoney(info)) {
    key.wipe();
    throw problem("demo-key-refused", { network: info.network });
  }
  if (demo) return adopt(context, key, options.name ?? demo.name, { protection: "public", wif: demo.wif });
  const bytes = key.toBytes();
  const record = await seal(bytes, options.passphrase).finally(() => bytes.fill(0));
  await adopt(context, key, options.name ?? "Me", record);
}

/** The key as text; a passphrase is asked for again even while it is open. */
export async function exportWif(context: Context, passphrase: string | undefined): Promise<string> {
  const { account } = bookOf(context);
  if (!account) throw problem("not-ready", { reason: "without a key" });
  const key = await openKey(account, passphrase);
  try {
    return key.toWif(account.network);
  } finally {
    key.wipe();
  }
}

/** Opens the stored key: `wrong-passphrase`. */
export async function unlock(context: Context, passphrase: string | undefined): Promise<void> {
  const { account } = bookOf(context);
  if (!account) throw problem("not-ready", { reason: "without a key" });
  const key = await openKey(account, passphrase);
  context.key?.wipe();
  context.key = key;
  tell(context, { type: "stage", stage: { type: "ready" } });
}

/** Wipes the open key; what comes in is still received, nothing is signed. */
export function lock(context: Context): void {
  if (bookOf(context).account?.key.protection !== "passphrase") return;
  context.key?.wipe();
  context.key = null;
  tell(context, { type: "stage", stage: { type: "locked" } });
}

/** Removes the profile from this browser. */
export async function forgetProfile(context: Context): Promise<void> {
  context.key?.wipe();
  context.key = null;
  context.storage?.close();
  context.storage = null;
  context.book = null;
  await destroyStorage(context.profile);
  forgetSummary(context.profile);
  tell(context, { type: "profile-forgotten" });
  tell(context, { type: "profiles", profiles: listSummaries() });
}

/** What the state shows of an account. */
export const accountOfRecord = ({ name, address, accountHex, publicKey, ecRecoveryAddress, key }: AccountRecord): Account => ({
  name, address, accountHex, publicKey, ecRecoveryAddress, protection: key.protection,
});

/** Whether demo keys may be used: money is worth nothing here. */
export const isPlayMoney = ({ network }: Info): boolean => network === "dev" || network === "regtest";

/** The key of a record; without a passphrase only those that need none. */
export async function openKey({ key, network }: AccountRecord, passphrase: string | undefined): Promise<Key> {
  if (key.protection === "public") return keyFromWif(key.wif, network);
  return keyFromBytes(await open(key, passphrase));
}

/** Takes a key into an empty profile, in one transaction with what comes along. */
export async function adopt(context: Context, key: Key, name: string, record: KeyRecord, more: Change = {}): Promise<void> {
  const { network, tip } = infoOf(context);
  // One profile, one key: another key would find the channels of the first.
  if (bookOf(context).account) throw problem("profile-taken", { profile: context.profile });
  const account: AccountRecord = { name, ...key.identity(network), network, since: tip.height, key: record };
  await context.change(() => commit(context, { ...more, meta: { ...more.meta, account } }));
  context.key = key;
  rememberSummary({ profile: context.profile, name, address: account.address, demo: record.protection === "public" });
  tell(context, { type: "profiles", profiles: listSummaries() });
  tell(context, { type: "account", account: accountOfRecord(account) });
  tell(context, { type: "stage", stage: { type: "ready" } });
}

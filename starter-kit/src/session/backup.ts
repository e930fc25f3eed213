/**
 * Backups: a file that a person keeps, and what the relay keeps for us, sealed with our key.
 *
 * What comes out of a backup may be old. The core takes it up in doubt: nothing is signed with it
 * before relay or partner were heard.
 */
import { type BackupContent, type SavedChannel, openBackup, readBackup, restoredChannel, savedChannel } from "../core.ts";
import { isObject } from "../relay/frames.ts";
import type { Restored } from "./actions.ts";
import { satoshi } from "./amount.ts";
import { proofKey } from "./book.ts";
import { type Context, bookOf, commit, infoOf, keyOf, randomHash, rules, tell } from "./context.ts";
import { adopt, openKey } from "./identity.ts";
import { DEMO } from "./names.ts";
import { asProblem, problem } from "./problem.ts";
import { proofOf } from "./payments.ts";
import type { Activity, ChannelId, Settings } from "./state.ts";
import type { Change, ChannelRecord, OutboxRecord } from "./storage.ts";
import { type KeyRecord, SHORTEST_PASSPHRASE, seal } from "./vault.ts";

/** Lines of the activity that a backup carries: the newest. */
const LINES = 300;

/** What of a backup only this program reads. */
interface App {
  readonly name: string;
  readonly settings: Settings;
  readonly activity: readonly unknown[];
}

/** Encrypts everything that this profile would need elsewhere. */
export async function exportBackup(context: Context, passphrase: string): Promise<Blob> {
  const { account, backupRevision } = bookOf(context);
  if (!account) throw problem("not-ready", { reason: "without a key" });
  if (passphrase.length < SHORTEST_PASSPHRASE) throw problem("passphrase-too-short", { n: SHORTEST_PASSPHRASE });
  const key = context.key ?? (await openKey(account, passphrase));
  try {
    return new Blob([key.sealFile(contentOf(context, backupRevision), passphrase.normalize("NFC"))], { type: "application/json" });
  } finally {
    if (key !== context.key) key.wipe();
  }
}

/** Takes up a file: into an empty profile with its key, into one of the same key what is newer. */
export async function restoreBackup(context: Context, file: string, passphrase: string): Promise<Restored> {
  const { network } = infoOf(context);
  const { address } = readBackup(file, network);
  const { account } = bookOf(context);
  if (account && account.address !== address) throw problem("backup-other-key");
  const { key, content } = openBackup(file, network, passphrase.normalize("NFC"));
  if (account) {
    key.wipe();
    return takeUp(context, content);
  }
  const demo = Object.values(DEMO).find((one) => one.address === address);
  // The same passphrase protects the key here.
  const record = demo ? { protection: "public" as const, wif: demo.wif } : await sealed(key, passphrase);
  const { change, restored } = taken(context, content);
  await adopt(context, key, appOf(content)?.name ?? demo?.name ?? "Me", record, change);
  tell(context, { type: "activity", entries: [...bookOf(context).activity.values()] });
  told(context, restored);
  return restored;
}

/** Takes up what the relay keeps. */
export async function restoreFromRelay(context: Context): Promise<Restored> {
  const { revision, blob } = await context.api.backup();
  if (!blob) throw problem("no-backup");
  return takeUp(context, keyOf(context).openBlob(blob, revision));
}

/** A profile that knows of no backup asks the relay once: its key may have had another device. */
export async function findBackup(context: Context): Promise<void> {
  const { book, key } = context;
  if (!book || !key || book.backupRevision > 0) return;
  try {
    await restoreFromRelay(context);
  } catch (thrown) {
    const cause = asProblem(thrown);
    // None, one that brings no news, or a relay that keeps none.
    if (!["no-backup", "backup-older", "not-found", "relay-unreachable"].includes(cause.code)) {
      tell(context, { type: "backup", backup: { problem: cause.data() } });
    }
  }
}

/** Stores the next backup at the relay; when another device has stored a newer one, takes that up first. */
export async function backUpNow(context: Context): Promise<void> {
  try {
    await backUp(context).catch(async (thrown: unknown) => {
      if (asProblem(thrown).code !== "backup-older") throw thrown;
      await restoreFromRelay(context).catch(olderIsFine);
      await backUp(context);
    });
    tell(context, { type: "backup", backup: { revision: bookOf(context).backupRevision, problem: null } });
  } catch (thrown) {
    tell(context, { type: "backup", backup: { problem: asProblem(thrown).data() } });
    throw thrown;
  }
}

async function backUp(context: Context): Promise<void> {
  const revision = bookOf(context).backupRevision + 1;
  await context.api.keepBackup(revision, keyOf(context).sealBlob(contentOf(context, revision)));
  await context.change(() => commit(context, { meta: { backupRevision: revision } }));
}

const olderIsFine = (thrown: unknown): void => {
  if (asProblem(thrown).code !== "backup-older") throw thrown;
};

function contentOf(context: Context, revision: number): BackupContent {
  const { account, channels, outbox, activity, settings } = bookOf(context);
  const { chainId, contract } = infoOf(context);
  if (!account) throw problem("not-ready", { reason: "without a key" });
  const newest = [...activity.values()].sort((left, right) => right.at - left.at).slice(0, LINES);
  const app: App = { name: account.name, settings, activity: newest.map((line) => ({ ...line, amount: String(line.amount) })) };
  const saved = [...channels.values()].map((record) => savedOf(record, outbox.values()));
  return {
    version: 1, account: account.accountHex, network: account.network, domain: { chainId, contract },
    revision, madeAt: Math.floor(Date.now() / 1000), channels: saved, app,
  };
}

function savedOf({ id, channel }: ChannelRecord, outbox: Iterable<OutboxRecord>): SavedChannel {
  const own = [...outbox].filter(({ channelId, type }) => channelId === id && type === "proof.submit");
  const updates = own.sort((left, right) => (left.key < right.key ? -1 : 1)).map(({ data }) => (JSON.parse(data) as { update: SavedChannel["outbox"][number] }).update);
  return { channel: JSON.parse(channel) as SavedChannel["channel"], outbox: updates };
}

async function takeUp(context: Context, content: BackupContent): Promise<Restored> {
  const restored = await context.change(async () => {
    const { change, restored } = taken(context, content);
    const isNews = restored.channels > 0 || restored.lines > 0 || bookOf(context).backupRevision < content.revision;
    if (!isNews && restored.known > 0) throw problem("backup-older");
    await commit(context, change);
    return restored;
  });
  told(context, restored);
  return restored;
}

function told(context: Context, { channels }: Restored): void {
  const { backupRevision } = bookOf(context);
  tell(context, { type: "backup", backup: { revision: backupRevision, problem: null } });
  tell(context, { type: "notice", tone: "good", at: Date.now(), event: { type: "restored", channels } });
}

/** What a backup adds to the book. */
function taken(context: Context, content: BackupContent): { change: Change; restored: Restored & { lines: number } } {
  const book = bookOf(context);
  const { chainId, contract, network } = infoOf(context);
  const channels: ChannelRecord[] = [];
  const outbox: OutboxRecord[] = [];
  let [known, elsewhere] = [0, 0];
  for (const saved of content.channels) {
    if (content.domain.chainId !== chainId || content.domain.contract.toLowerCase() !== contract.toLowerCase()) {
      elsewhere += 1;
      continue;
    }
    const head = savedChannel(saved.channel, content.account, network);
    const record = book.channels.get(head.id);
    const next = restoredChannel(record ? savedOf(record, book.outbox.values()) : null, saved, head.side, randomHash(), rules(context));
    if (!next) {
      known += 1;
      continue;
    }
    const empty: ChannelRecord = {
      ...head, channel: "", offers: [], chain: [], watch: { armed: false, armedNonce: null, lastCheckedHeight: null, lastAction: null },
    };
    channels.push({ ...(record ?? empty), channel: JSON.stringify(next.channel) });
    outbox.push(...next.outbox.map((update) => proofMessage(head.id, update)));
  }
  const app = appOf(content);
  const activity = linesOf(app).filter(({ id }) => !book.activity.has(id));
  const revision = Math.max(book.backupRevision, content.revision);
  const meta = { backupRevision: revision, ...(app && book.backupRevision <= content.revision ? { settings: { ...book.settings, ...app.settings } } : {}) };
  return { change: { channels, outbox, activity, meta }, restored: { channels: channels.length, known, elsewhere, lines: activity.length } };
}

function proofMessage(channelId: ChannelId, update: SavedChannel["outbox"][number]): OutboxRecord {
  return { key: proofKey(channelId, proofOf(update).nonce), type: "proof.submit", channelId, data: JSON.stringify({ channelId, update }) };
}

/** What this program put into the backup; null in one of the command line. */
function appOf({ app }: BackupContent): App | null {
  if (!isObject(app) || typeof app["name"] !== "string" || !isObject(app["settings"]) || !Array.isArray(app["activity"])) return null;
  return app as unknown as App;
}

function linesOf(app: App | null): Activity[] {
  return (app?.activity ?? []).flatMap((line) => {
    if (!isObject(line) || typeof line["id"] !== "string" || !/^\d+$/.test(String(line["amount"]))) return [];
    return [{ ...(line as unknown as Activity), amount: satoshi(BigInt(String(line["amount"]))) }];
  });
}

async function sealed(key: { readonly toBytes: () => Uint8Array<ArrayBuffer> }, passphrase: string): Promise<KeyRecord> {
  const bytes = key.toBytes();
  return seal(bytes, passphrase).finally(() => bytes.fill(0));
}

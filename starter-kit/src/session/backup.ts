/** A backup: key and channel states in one file, encrypted with a passphrase of its own. */
import { type Context, bookOf } from "./context.ts";
import { openKey } from "./identity.ts";
import { problem } from "./problem.ts";
import { seal } from "./vault.ts";

/** Encrypts everything that this profile would need elsewhere. */
export async function exportBackup(context: Context, passphrase: string): Promise<Blob> {
  const { account, channels, updates } = bookOf(context);
  if (!account) throw problem("not-ready", { reason: "without a key" });
  if (!passphrase) throw problem("passphrase-too-short", { n: 8 });
  const open = context.key ?? (await openKey(account, passphrase));
  const content = {
    format: "sparky-backup/1",
    account: { name: account.name, address: account.address, network: account.network, wif: open.toWif(account.network) },
    channels: [...channels.values()],
    updates: [...updates.values()],
  };
  const sealed = await seal(new TextEncoder().encode(JSON.stringify(content)), passphrase);
  if (sealed.protection !== "passphrase") throw problem("passphrase-too-short", { n: 8 });
  const file = {
    format: "sparky-backup/1",
    kdf: { name: "PBKDF2-SHA-256", iterations: sealed.iterations, salt: base64(sealed.salt) },
    cipher: { name: "AES-GCM-256", iv: base64(sealed.iv) },
    sealed: base64(new Uint8Array(sealed.sealed)),
  };
  return new Blob([JSON.stringify(file, null, 2)], { type: "application/json" });
}

function base64(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

/**
 * The key at rest.
 *
 * `public`: a demo key, everybody has it, so nothing pretends to protect it. `passphrase`:
 * AES-GCM-256 under PBKDF2-SHA-256. `device`: AES-GCM-256 under a WebCrypto key that this browser
 * does not give out (non-extractable) but uses for every page of this origin: it keeps the secret
 * out of copies of the raw storage as text, not from somebody who uses this browser.
 */
import { problem } from "./problem.ts";

/** OWASP's figure of 2023 for PBKDF2-HMAC-SHA-256. */
const ITERATIONS = 600_000;
/** Shortest passphrase that is taken, in characters. */
export const SHORTEST_PASSPHRASE = 8;

export type KeyRecord =
  | { readonly protection: "public"; readonly wif: string }
  | {
      readonly protection: "passphrase";
      readonly iterations: number;
      readonly salt: Uint8Array<ArrayBuffer>;
      readonly iv: Uint8Array<ArrayBuffer>;
      readonly sealed: ArrayBuffer;
    }
  | { readonly protection: "device"; readonly key: CryptoKey; readonly iv: Uint8Array<ArrayBuffer>; readonly sealed: ArrayBuffer };

/** Encrypts 32 secret bytes for storage. The caller wipes its own copy. */
export async function seal(secret: Uint8Array<ArrayBuffer>, passphrase: string | undefined): Promise<KeyRecord> {
  const iv = crypto.getRandomValues(new Uint8Array(12));
  if (passphrase === undefined || passphrase === "") {
    const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
    return { protection: "device", key, iv, sealed: await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, secret) };
  }
  if (passphrase.length < SHORTEST_PASSPHRASE) throw problem("passphrase-too-short", { n: SHORTEST_PASSPHRASE });
  const salt = crypto.getRandomValues(new Uint8Array(16));
  const key = await derive(passphrase, salt, ITERATIONS);
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, secret);
  return { protection: "passphrase", iterations: ITERATIONS, salt, iv, sealed };
}

/** Decrypts the secret bytes: `wrong-passphrase` when they can not be. The caller wipes them. */
export async function open(record: Exclude<KeyRecord, { protection: "public" }>, passphrase: string | undefined): Promise<Uint8Array<ArrayBuffer>> {
  const key = record.protection === "device" ? record.key : await derive(passphrase ?? "", record.salt, record.iterations);
  try {
    return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv: record.iv }, key, record.sealed));
  } catch {
    throw problem("wrong-passphrase");
  }
}

async function derive(passphrase: string, salt: Uint8Array<ArrayBuffer>, iterations: number): Promise<CryptoKey> {
  const base = await crypto.subtle.importKey("raw", new TextEncoder().encode(passphrase.normalize("NFKC")), "PBKDF2", false, ["deriveKey"]);
  return crypto.subtle.deriveKey({ name: "PBKDF2", hash: "SHA-256", salt, iterations }, base, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

import { describe, expect, it } from "vitest";
import { open, seal } from "./vault.ts";

const secret = (): Uint8Array<ArrayBuffer> => new Uint8Array(32).fill(7);

describe("vault", () => {
  it("opens with the passphrase and with no other", async () => {
    const record = await seal(secret(), "correct horse");
    if (record.protection !== "passphrase") throw new Error(record.protection);
    expect(record.iterations).toBeGreaterThanOrEqual(600_000);
    expect(await open(record, "correct horse")).toEqual(secret());
    await expect(open(record, "correct mouse")).rejects.toMatchObject({ code: "wrong-passphrase" });
    await expect(open(record, undefined)).rejects.toMatchObject({ code: "wrong-passphrase" });
  });

  it("stores no secret in clear and never the same bytes twice", async () => {
    const [one, two] = [await seal(secret(), "correct horse"), await seal(secret(), "correct horse")];
    if (one.protection !== "passphrase" || two.protection !== "passphrase") throw new Error("protection");
    expect(new Uint8Array(one.sealed)).not.toEqual(new Uint8Array(two.sealed));
    expect(Buffer.from(one.sealed).includes(Buffer.from(secret()))).toBe(false);
  });

  it("keeps a key without passphrase under a key that can not be read out", async () => {
    const record = await seal(secret(), undefined);
    if (record.protection !== "device") throw new Error(record.protection);
    await expect(crypto.subtle.exportKey("raw", record.key)).rejects.toThrow();
    expect(await open(record, undefined)).toEqual(secret());
  });

  it("refuses a passphrase that is too short", async () => {
    await expect(seal(secret(), "short")).rejects.toMatchObject({ code: "passphrase-too-short" });
  });
});

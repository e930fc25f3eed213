import { type Amount, satoshi } from "../session/amount.ts";
import { problem } from "../session/problem.ts";

/** 2⁹⁶ − 1 satoshi: the largest amount that a channel can hold (PROTOCOL §3). */
const MOST = (1n << 96n) - 1n;

/**
 * What a person types ("0.5") as satoshi, digit by digit, never through a float.
 * Refuses with `invalid-amount`, `amount-too-precise`, `amount-too-large` or `amount-zero`.
 */
export function parseAmount(text: string, zero: "allowed" | "refused" = "refused"): Amount {
  const input = text.trim();
  const match = /^(\d+)(?:\.(\d+))?$/.exec(input);
  if (!match) throw problem("invalid-amount", { input: input || "An empty field" });
  const [, whole = "0", fraction = ""] = match;
  if (fraction.length > 8) throw problem("amount-too-precise", { input, n: fraction.length });
  const value = BigInt(whole + fraction.padEnd(8, "0"));
  if (value > MOST) throw problem("amount-too-large", { input });
  if (value === 0n && zero === "refused") throw problem("amount-zero", { input });
  return satoshi(value);
}

/** An amount as it can be typed again: no groups, no needless zeros. */
export function amountAsInput(value: bigint): string {
  const digits = value.toString().padStart(9, "0");
  const fraction = digits.slice(-8).replace(/0+$/, "");
  return fraction ? `${digits.slice(0, -8)}.${fraction}` : digits.slice(0, -8);
}

/** The codes of problems that belong to an amount field. */
const AMOUNT_CODES: ReadonlySet<string> = new Set([
  "invalid-amount",
  "amount-too-precise",
  "amount-too-large",
  "amount-zero",
  "insufficient-channel-balance",
  "insufficient-onchain-balance",
]);

/** The codes of problems that belong to an address field. */
const ADDRESS_CODES: ReadonlySet<string> = new Set(["invalid-address", "own-address", "no-channel", "unknown-channel", "not-participant"]);

/** Which field of a form a problem belongs to. */
export function fieldOf(code: string): "amount" | "address" | "form" {
  if (AMOUNT_CODES.has(code)) return "amount";
  return ADDRESS_CODES.has(code) ? "address" : "form";
}

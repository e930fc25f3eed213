import { parseQtum } from "../core.ts";
import { type Amount, ZERO } from "../session/amount.ts";
import { problem } from "../session/problem.ts";

/**
 * What a person types ("0.5") as satoshi; the core reads it digit by digit, never through a float.
 * Refuses with `amount-invalid`, `amount-too-precise`, … or `amount-zero`.
 */
export function parseAmount(text: string, zero: "allowed" | "refused" = "refused"): Amount {
  const value = parseQtum(text.trim());
  if (value === 0n && zero === "refused") throw problem("amount-zero");
  return value;
}

/** What is typed so far: nothing counts as zero, what is no amount as null. */
export function amountOrNull(text: string): Amount | null {
  if (text.trim() === "") return ZERO;
  try {
    return parseAmount(text, "allowed");
  } catch {
    return null;
  }
}

/** An amount as it can be typed again: no groups, no needless zeros. */
export function amountAsInput(value: bigint): string {
  const digits = value.toString().padStart(9, "0");
  const fraction = digits.slice(-8).replace(/0+$/, "");
  return fraction ? `${digits.slice(0, -8)}.${fraction}` : digits.slice(0, -8);
}

/** The codes of problems that belong to an amount field. */
const AMOUNT_CODES: ReadonlySet<string> = new Set([
  "amount-invalid",
  "amount-missing",
  "amount-negative",
  "amount-is-dust",
  "amount-too-precise",
  "amount-too-large",
  "amount-zero",
  "insufficient-channel-balance",
  "insufficient-onchain-balance",
]);

/** The codes of problems that belong to an address field. */
const ADDRESS_CODES: ReadonlySet<string> = new Set(["invalid-address", "own-address", "no-channel", "unsupported-address", "wrong-address-network", "unknown-channel", "not-participant"]);

/** Which field of a form a problem belongs to. */
export function fieldOf(code: string): "amount" | "address" | "form" {
  if (AMOUNT_CODES.has(code)) return "amount";
  return ADDRESS_CODES.has(code) ? "address" : "form";
}

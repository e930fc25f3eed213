declare const unit: unique symbol;

/** An amount in the asset's smallest unit (satoshi). A bigint, because satoshi outgrow doubles. */
export type Amount = bigint & { readonly [unit]: "Amount" };

/** Makes an amount out of a number of satoshi; every place that does so says so. */
export const satoshi = (value: bigint | number | string): Amount => BigInt(value) as Amount;

/** Nothing. */
export const ZERO: Amount = satoshi(0);

/** The sum; adding amounts stays an amount. */
export const plus = (left: Amount, right: Amount): Amount => (left + right) as Amount;

/** The difference, never below zero. */
export const minus = (left: Amount, right: Amount): Amount => (left > right ? left - right : 0n) as Amount;

/** "80.00", "0.00000001", "1,000,000.00": all decimals that matter, two at least. */
export function formatQtum(value: bigint): string {
  const sign = value < 0n ? "−" : "";
  const digits = (value < 0n ? -value : value).toString().padStart(9, "0");
  const whole = digits.slice(0, -8).replace(/\B(?=(\d{3})+$)/g, ",");
  const fraction = digits.slice(-8).replace(/0{1,6}$/, "");
  return `${sign}${whole}.${fraction}`;
}

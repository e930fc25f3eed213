/**
 * What a person can do about each problem. The words of a problem come with it (session/problem.ts);
 * this table adds the way out, so that no error is a dead end.
 */
import type { ProblemData } from "../session/problem.ts";

/** A way out: a page to go to, something the screen itself can do, or a sentence when only waiting helps. */
export type Remedy =
  | { readonly kind: "go"; readonly label: string; readonly to: string }
  | { readonly kind: "do"; readonly label: string; readonly verb: RemedyVerb }
  | { readonly kind: "hint"; readonly text: string };

/** What a note can do by itself, without the screen's help. */
export type RemedyVerb = "reconnect" | "refresh" | "take-over" | "reload" | "lock";

const go = (label: string, to: string): Remedy => ({ kind: "go", label, to });
const act = (label: string, verb: RemedyVerb): Remedy => ({ kind: "do", label, verb });
const hint = (text: string): Remedy => ({ kind: "hint", text });

/** How grave it looks: `warn` = money is safe and nothing was lost by trying. */
export type Tone = "info" | "warn" | "bad";

interface Row {
  readonly tone: Tone;
  readonly remedies: readonly Remedy[];
}

const row = (tone: Tone, ...remedies: readonly Remedy[]): Row => ({ tone, remedies });

/** Code → tone and ways out. A `{channelId}` in a place is filled from the problem. */
export const REMEDIES: Readonly<Record<string, Row>> = {
  "insufficient-channel-balance": row("bad", hint("Enter less, or add funds to the channel."), go("Your channels", "/channels")),
  "no-channel": row("bad", go("Open a channel", "/channels/new")),
  "partner-offline": row("info", hint("You need not do anything.")),
  "stale-nonce": row("warn", hint("Review the amount and pay again.")),
  "bad-signature": row("bad", act("Refresh", "refresh")),
  "not-participant": row("bad", go("Your channels", "/channels")),
  "unknown-channel": row("bad", go("Your channels", "/channels")),
  "wrong-key-network": row("bad", hint("Use a key of this network, or create a new one.")),
  "invalid-wif": row("bad", hint("Compare it with your copy, character by character.")),
  "uncompressed-key": row("bad", hint("Export the key again in compressed form.")),
  "demo-key-refused": row("bad", hint("Create a new key instead.")),
  "invalid-address": row("bad", hint("Ask for the address again and paste it whole.")),
  "unsupported-address": row("bad", hint("Ask for an address of the ordinary kind.")),
  "wrong-address-network": row("bad", hint("Ask for an address of this network.")),
  "own-address": row("bad", hint("Enter your partner's address.")),
  "invalid-amount": row("bad", hint("Digits with at most one decimal point.")),
  "amount-invalid": row("bad", hint("Digits with at most one decimal point.")),
  "amount-missing": row("bad", hint("Type the amount, then try again.")),
  "amount-negative": row("bad", hint("Enter an amount above zero.")),
  "amount-is-dust": row("bad", hint("Enter a little more.")),
  "amount-too-precise": row("bad", hint("Use 8 decimals or fewer.")),
  "amount-zero": row("bad", hint("Enter an amount above zero.")),
  "amount-too-large": row("bad", hint("Enter less.")),
  "insufficient-onchain-balance": row("bad", go("Receive QTUM", "/receive")),
  "tx-rejected": row("bad", act("Refresh", "refresh"), hint("Then try again.")),
  "contract-reverted": row("bad", act("Refresh", "refresh"), hint("The channel shows what is true now.")),
  "tx-not-confirming": row("warn", hint("Nothing to do: it will be mined, or you can act again later.")),
  "tx-reorged": row("info", hint("It is watched until it is in a block again.")),
  "channel-closing": row("warn", go("Your channels", "/channels")),
  "channel-not-open": row("bad", go("Open a channel", "/channels/new")),
  "channel-opening": row("warn", hint("Wait for the next block.")),
  "stale-close-detected": row("bad", hint("Post the newer proof, or let the watchtower do it.")),
  "stale-close-by-me": row("bad", hint("Wait until the answer window ends.")),
  "partner-closed": row("info", hint("Nothing to answer. You are paid when the answer window ends.")),
  "close-proposed": row("info", hint("Answer the offer on the channel's page.")),
  "withdraw-proposed": row("info", hint("Answer the offer on the channel's page.")),
  settleable: row("info", hint("Anyone can settle; one click does it.")),
  "window-too-short": row("bad", hint("Use a relay that offers a longer answer window.")),
  "window-short": row("warn", go("Your channels", "/channels")),
  "watch-not-armed": row("warn", hint("Turn the watchtower on, or look in regularly.")),
  "relay-unreachable": row("warn", act("Try now", "reconnect")),
  "chain-behind": row("warn", act("Refresh", "refresh")),
  "chain-unreachable": row("warn", act("Refresh", "refresh")),
  "clock-skew": row("bad", hint("Set this device's clock and reload."), act("Reload", "reload")),
  "session-expired": row("warn", act("Sign in again", "reconnect")),
  "login-refused": row("bad", hint("Check the address of this page.")),
  "second-tab": row("warn", act("Use here", "take-over")),
  "rate-limited": row("warn", hint("Wait a moment.")),
  "storage-unavailable": row("bad", act("Reload", "reload")),
  recovering: row("warn", act("Ask again", "refresh")),
  "recovering-partner": row("warn", act("Ask again", "refresh"), hint("If your partner never answers, close the channel with “I lost my data”.")),
  "nonce-conflict": row("warn", hint("Use one key in one place at a time.")),
  "backup-not-one": row("bad", hint("Its name ends in .backup.")),
  "backup-damaged": row("bad", hint("Use another copy, or import the private key.")),
  "backup-newer-version": row("bad", act("Reload", "reload")),
  "backup-other-network": row("bad", hint("Open the page of that network.")),
  "backup-other-key": row("bad", hint("One profile has one key.")),
  "backup-older": row("info", hint("Nothing to do.")),
  "no-backup": row("info", hint("Nothing to do.")),
  "wrong-passphrase": row("bad", hint("Type it again. Mind capital letters.")),
  "passphrase-too-short": row("bad", hint("A few words in a row are easy to remember.")),
  "not-ready": row("warn", hint("Try again in a moment.")),
  "proof-refused": row("warn", act("Refresh", "refresh")),
  "channel-frozen": row("warn", hint("Wait for the transaction, or until the offer expires.")),
  "proposal-expired": row("warn", hint("Make a new offer.")),
  "proposal-changed": row("warn", hint("Make a new offer.")),
  "nothing-to-post": row("info", hint("Nothing to do.")),
  "too-early": row("warn", hint("Wait for the answer window to end.")),
  "dev-only": row("bad", go("Home", "/")),
  "core-failed": row("bad", act("Reload", "reload")),
  "call-refused": row("bad", act("Refresh", "refresh")),
  "no-credit": row("info", hint("Nothing to do.")),
  "other-deployment": row("bad", hint("Use the relay that you used before, or another profile.")),
  "profile-taken": row("bad", hint("Use another profile for another key.")),
  malformed: row("bad", act("Reload", "reload")),
  "not-signed-in": row("info", act("Refresh", "refresh")),
  internal: row("bad", act("Reload", "reload")),
};

const UNKNOWN: Row = row("bad", act("Refresh", "refresh"));

/** Tone and ways out of a problem. */
export function remediesOf(problem: ProblemData): Row {
  return REMEDIES[problem.code] ?? UNKNOWN;
}

/** The money line: what it means for the money. Trying something that was refused moves nothing. */
export function moneyLine(problem: ProblemData): string {
  return problem.money || "Your money has not moved.";
}

/**
 * What can go wrong, in the words of the user. One row per code; the relay, the core and the
 * session use the same codes, so a screen shows any of them in the same way.
 */
import { formatQtum } from "./amount.ts";

/** A figure or a name in a message. A bigint is an amount in satoshi. */
export type Param = string | number | bigint;
export type Params = Readonly<Record<string, Param>>;

/** A problem as plain data: kept in the state, shown with `role="alert"` and `data-code`. */
export interface ProblemData {
  /** Stable, kebab-case; the slug of the relay's `/problems/{code}`. */
  readonly code: string;
  readonly title: string;
  /** What happened, one or two sentences. */
  readonly detail: string;
  /** What it means for the money; empty when there is nothing to say. */
  readonly money: string;
  readonly params: Params;
}

/** The only error that actions reject with. */
export class Problem extends Error implements ProblemData {
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly money: string;
  readonly params: Params;

  constructor(data: ProblemData) {
    super(`${data.title} ${data.detail}`);
    this.name = "Problem";
    this.code = data.code;
    this.title = data.title;
    this.detail = data.detail;
    this.money = data.money;
    this.params = data.params;
  }

  /** The plain data, for the state. */
  data(): ProblemData {
    const { code, title, detail, money, params } = this;
    return { code, title, detail, money, params };
  }
}

/** A problem by its code, with its figures filled into the text. */
export function problem(code: string, params: Params = {}, fallback = ""): Problem {
  const [title, detail, money] = TEXTS[code] ?? ["Something went wrong.", fallback, UNSURE];
  return new Problem({
    code,
    title: fill(title, params),
    detail: fill(detail, params) || fallback,
    money: fill(money, params),
    params,
  });
}

/** Whether there is a text for this code here. */
export const isKnown = (code: string): boolean => code in TEXTS;

/** Whatever was thrown, as a problem. */
export function asProblem(thrown: unknown): Problem {
  if (thrown instanceof Problem) return thrown;
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return problem("internal", { reason: text });
}

function fill(text: string, params: Params): string {
  return text.replace(/\{(\w+)\}/g, (whole, key: string) => {
    const value = params[key];
    if (value === undefined) return whole;
    return typeof value === "bigint" ? `${formatQtum(value)} QTUM` : String(value);
  });
}

const SENT_NOTHING = "Nothing was sent.";
const STORED_NOTHING = "Nothing was stored.";
/** Where nobody can say from here what became of it. */
const UNSURE = "What was signed is kept: the activity and the balances show what has happened.";

/** Code → title, what happened, what it means for the money. */
const TEXTS: Readonly<Record<string, readonly [string, string, string]>> = {
  "insufficient-channel-balance": ["Not enough in this channel.", "You can send up to {max} to {partner}; you tried {amount}.", SENT_NOTHING],
  "partner-offline": ["{partner} is offline.", "Your payment is signed and stored by the relay; they get it when they return.", "It already counts as theirs."],
  "stale-nonce": ["Another window or device paid meanwhile.", "We refreshed the channel.", SENT_NOTHING],
  "bad-signature": ["The signature does not match this account.", "Check that your wallet is on {address}.", SENT_NOTHING],
  "not-participant": ["Channel #{id} is not yours.", "It is between {a} and {b}.", ""],
  "unknown-channel": ["There is no channel #{id}.", "Check the number with your partner.", ""],
  "wrong-key-network": ["This key is for {net}.", "Keys starting with {c} belong to {net}; you are on {network}.", STORED_NOTHING],
  "invalid-wif": ["That is not a valid key.", "A character may be missing (checksum failed).", STORED_NOTHING],
  "uncompressed-key": ["That key is in an old format.", "It belongs to an uncompressed public key, whose address can not use channels. Export it as a compressed key.", STORED_NOTHING],
  "demo-key-refused": ["This demo key is public.", "Anyone can spend from it. Create your own key for {network}.", STORED_NOTHING],
  "invalid-address": ["That is not a Qtum address.", "{input} has a mistake or belongs to another network.", SENT_NOTHING],
  "unsupported-address": ["That kind of address can not have a channel.", "Ask for the kind that starts with {first}: only those can call contracts.", SENT_NOTHING],
  "wrong-address-network": ["That address is for {found}.", "You are on {network}.", SENT_NOTHING],
  "own-address": ["That is your own address.", "A channel needs two different people.", SENT_NOTHING],
  "amount-too-precise": ["QTUM has 8 decimals.", "{input} has {n}.", SENT_NOTHING],
  "amount-invalid": ["That is not an amount.", "{input} is not an amount of QTUM; write it like 20 or 0.5.", SENT_NOTHING],
  "invalid-amount": ["That is not an amount.", "{input} is not an amount of QTUM; write it like 20 or 0.5.", SENT_NOTHING],
  "amount-missing": ["No amount.", "Enter how much, like 20 or 0.5.", SENT_NOTHING],
  "amount-negative": ["Amounts are positive.", "{input} is negative.", SENT_NOTHING],
  "amount-is-dust": ["That is too little for a transaction.", "The network relays {least} or more.", SENT_NOTHING],
  "amount-zero": ["The amount is zero.", "Enter more than 0 QTUM.", SENT_NOTHING],
  "amount-too-large": ["That is more than all QTUM.", "{input} is above the largest amount a channel can hold.", SENT_NOTHING],
  "insufficient-onchain-balance": ["Not enough QTUM on chain.", "Need {need} = {amount} + fee {fee}; you have {have} ({immature} still maturing).", "Your money has not moved."],
  "tx-rejected": ["The network refused the transaction.", "{reason}.", "Your money has not moved."],
  "contract-reverted": ["The contract refused: {reason}.", "The transaction is in block {height}, without effect.", "Only the fee of up to {fee} was spent, the rest came back."],
  "call-refused": ["The contract would refuse this.", "{reason}.", "Nothing was sent; your money has not moved."],
  "no-credit": ["Nothing waits for you.", "The contract holds no money that could not be paid to you.", ""],
  "tx-not-confirming": ["Waiting longer than usual.", "{n} blocks, and still in the mempool.", "Nothing is lost: it can still be mined, and its coins are spent by nothing else."],
  "tx-reorged": ["The chain reorganised; your transaction is being sent again.", "", "No action needed."],
  "channel-closing": ["This channel is closing.", "No new payments.", "You get your pay-out when the answer window is over."],
  "channel-not-open": ["This channel is not open.", "It was closed before.", SENT_NOTHING],
  "channel-frozen": ["A close or withdrawal was signed.", "Payments wait until it is mined, or until block {n} has passed.", SENT_NOTHING],
  "no-channel": ["No open channel.", "You have no channel with {name} that can pay.", SENT_NOTHING],
  "malformed": ["That could not be read.", "{reason}", "Nothing was changed."],
  "channel-opening": ["This channel is not ready.", "Its deposit waits for {n} more confirmations.", SENT_NOTHING],
  "stale-close-detected": ["{partner} tried to close with an old balance.", "A newer proof must be posted by block {n}.", "Safe if answered in time."],
  "stale-close-by-me": ["You closed with an old balance.", "{partner} can post the newer one until block {n}.", "The penalty is taken from your pay-out."],
  "partner-closed": ["{partner} closed the channel alone.", "The balance shown is right. It can be paid out after block {n}.", "Your money is safe."],
  "settleable": ["Channel #{id} can be paid out.", "The answer window is over.", "Both get their money in one transaction."],
  "close-proposed": ["{partner} wants to close together.", "Both are paid at once, in one transaction.", "You get {mine}."],
  "withdraw-proposed": ["{partner} wants to take out {amount}.", "The channel stays open.", "Your balance does not change."],
  "window-too-short": ["That answer window is too short.", "It has {n} blocks; where money is real, less than {least} leave no time for an answer.", SENT_NOTHING],
  "window-short": ["The answer window of channel #{id} is short.", "It has {n} blocks, less than {least}: {partner} could close with an old balance while nobody looks.", "Keep no more in it than you can watch; close it together when you can."],
  "watch-not-armed": ["No one is watching channel #{id}.", "If you are away for more than {window} blocks, {partner} could close with an old balance.", ""],
  "relay-unreachable": ["Relay not reachable.", "Trying again in {s} s.", "Your funds are in the contract; you can still close on chain."],
  "chain-behind": ["The node is syncing.", "It is {n} blocks behind. Payments work; opening and closing wait.", ""],
  "chain-unreachable": ["The Qtum node is not reachable.", "Payments work; opening and closing wait.", "Your funds are in the contract."],
  "clock-skew": ["Your clock is off.", "Sign-in needs a clock within 5 min.", ""],
  "session-expired": ["Please unlock again.", "The sign-in with the relay has ended.", ""],
  "login-refused": ["The relay's sign-in request is not for this page.", "{reason}. Nothing was signed.", ""],
  "second-tab": ["Open in another tab.", "This one is read-only.", ""],
  "rate-limited": ["Too fast.", "Try again in {s} s.", ""],
  "storage-unavailable": ["This browser blocks storage.", "We will not accept payments we cannot save. Allow storage or use another window.", ""],
  "other-deployment": ["This relay serves another contract.", "The channels of this profile belong to a contract that the relay does not follow ({contract} is its own).", "Your funds are in your contract; use its relay."],
  "profile-taken": ["This profile has a key.", "Forget it first, or open another profile with ?profile=name.", STORED_NOTHING],
  "recovering": ["This device is finding its way back.", "It lost its memory and asks the relay what is the newest. Until then it signs nothing.", "Your money is safe, and you can be paid."],
  "recovering-partner": ["Waiting for {partner}'s word.", "This device lost its memory, and the relay does not know the newest state for certain. {partner} was asked and answers when online; then you can pay again.", "Your money is safe, and you can be paid."],
  "nonce-conflict": ["Two devices paid with one key.", "The relay has another payment number {n} than this device. {partner} has not got the one from here.", "Nothing is lost: take the relay's word, then pay again if you still want to."],
  "backup-not-one": ["That is not a backup file.", "Choose the file that you saved with “Save a backup file”.", "Nothing was changed."],
  "backup-damaged": ["This backup is damaged.", "Something in it is missing or was changed.", "Nothing was changed; with the key alone the channels come back from the relay."],
  "backup-newer-version": ["This backup is from a newer version.", "It has version {n}. Reload this page, or use the program that made it.", "Nothing was changed."],
  "backup-other-network": ["This backup is for {found}.", "You are on {network}.", "Nothing was changed."],
  "backup-other-key": ["This backup belongs to another key.", "Open another profile with ?profile=name for it.", "Nothing was changed."],
  "backup-older": ["This backup is older than what is here.", "Every channel in it is known here as well or better.", "Nothing was changed."],
  "no-backup": ["The relay keeps no backup of this account.", "The channels themselves come back from the relay all the same.", ""],
  "wrong-passphrase": ["Wrong passphrase.", "It does not open what it should.", "Nothing was changed."],
  "passphrase-too-short": ["That passphrase is too short.", "Use {n} characters or more.", STORED_NOTHING],
  "not-ready": ["Not yet.", "The page is still {reason}.", SENT_NOTHING],
  "proof-refused": ["{partner} refused a proof of yours.", "Reason: {reason}; the newest it has is {n}.", "Nothing is lost: the channel is being compared again."],
  "proposal-expired": ["This offer has expired.", "It was good until block {n}.", SENT_NOTHING],
  "proposal-changed": ["The balance changed meanwhile.", "The offer does not pay what the channel says now.", "Nothing was signed."],
  "nothing-to-post": ["There is no newer proof to post.", "The chain shows the newest balance.", ""],
  "too-early": ["Too early.", "The answer window ends with block {n}.", ""],
  "dev-only": ["Only on the dev chain.", "This network does not have it.", ""],
  "core-failed": ["The page could not start its core.", "{reason}", ""],
  "not-signed-in": ["Not signed in yet.", "The page is still signing in with the relay. Try again in a moment.", SENT_NOTHING],
  "internal": ["Something went wrong.", "{reason}", UNSURE],
};

/** Every code that has a text, for the tables that go with it. */
export const PROBLEM_CODES: readonly string[] = Object.keys(TEXTS);

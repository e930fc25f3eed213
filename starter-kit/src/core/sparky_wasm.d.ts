/* tslint:disable */
/* eslint-disable */

/**
 * A secret key inside wasm memory. `free()` wipes it.
 */
export class Key {
    private constructor();
    free(): void;
    [Symbol.dispose](): void;
    /**
     * Accepts the partner's offer if the newest proofs bear it: `{channel, signature, call}`.
     */
    acceptOffer(channel: string, offer: string, tip: string): string;
    /**
     * Acks the partner's newest proof: `{channel, ack}`, or nothing when there is none to ack.
     */
    ack(channel: string): string | undefined;
    /**
     * Closes alone, honestly: `{channel, call}`.
     */
    closeAlone(channel: string, valid_until: number, tip: string): string;
    /**
     * The call of an offer of ours that the partner signed.
     */
    completeOffer(channel: string, offer: string, signature: string): string;
    /**
     * From 32 bytes of a random source or of an encrypted storage. The bytes are wiped.
     */
    static fromBytes(bytes: Uint8Array): Key;
    /**
     * From the text of a private key.
     */
    static fromWif(text: string, network: string): Key;
    /**
     * `{address, accountHex, publicKey, ecRecoveryAddress}`.
     */
    identity(network: string): string;
    /**
     * Offers to close with the balances of the newest proofs: `{channel, offer}`.
     */
    offerClose(channel: string, valid_until: number, tip: string): string;
    /**
     * Offers to take part of our balance out: `{channel, offer}`.
     */
    offerWithdraw(channel: string, amount: string, valid_until: number, tip: string): string;
    /**
     * Closes without a declaration, after a loss of data: `{channel, call}`.
     */
    recover(channel: string, valid_until: number, tip: string): string;
    /**
     * Proposes, signs and accepts an own update: `{channel, update}`. Store it before it leaves.
     */
    send(channel: string, operations: string, tip: string): string;
    /**
     * Signs a transaction that makes `call`.
     */
    signCall(call: string, purse: string): string;
    /**
     * Signs a challenge of the relay: rebuilt from its members, and only if it is for this account,
     * this relay and this page, and good now.
     */
    signLogin(login: string, expected: string): string;
    /**
     * Signs a transaction that pays `amount` satoshi to the account `to`.
     */
    signPayment(to: string, amount: string, purse: string): string;
    /**
     * The 32 bytes, to be encrypted and wiped by the caller.
     */
    toBytes(): Uint8Array;
    /**
     * The text of the private key, to write down.
     */
    toWif(network: string): string;
}

/**
 * Accepts the partner's ack; answers as [`receive`] does, without a nack.
 */
export function acceptAck(channel: string, ack: string): string;

/**
 * The account (0x and 40 digits) behind an address, in base58 or hex.
 */
export function accountOf(text: string, network: string): string;

/**
 * The address of an account (0x and 40 digits).
 */
export function addressOf(account: string, network: string): string;

/**
 * `{spendableSat, immatureSat}` of the coins that belong to `owner`.
 */
export function balance(coins: string, owner: string): string;

/**
 * A call as `{data, amountSat, gasLimit}`, for a trial with the node.
 */
export function callData(call: string): string;

/**
 * The answer to [`credit_question`] in satoshi.
 */
export function creditAnswer(output: string): string;

/**
 * The question how much waits for `account`, as data of a call.
 */
export function creditQuestion(account: string): string;

/**
 * The call that adds to a side.
 */
export function depositCall(channel: string, to: string, amount: string): string;

/**
 * Why a trial failed: `{code, reason}`.
 */
export function explainRevert(output: string): string;

/**
 * Takes over facts and newer signatures from the channel that the relay shows. Without a channel
 * of our own everything is taken over, after the same verification.
 */
export function merge(known: string | null | undefined, shown: string, here: string): string;

/**
 * The call that opens a channel.
 */
export function openCall(partner: string, amount: string, window: number, penalty_bps: number): string;

/**
 * Satoshi, as decimal digits, of what a person typed ("0.5").
 */
export function parseQtum(text: string): string;

/**
 * What a transaction of `purpose` with `amount` would cost `owner`: `{feeSat, gasSat, totalSat}`.
 */
export function quote(purpose: string, amount: string, owner: string, purse: string): string;

/**
 * Accepts the partner's update: `{type: "accepted", channel}`, `{type: "held"}`, or
 * `{type: "refused", nack, code, reason, temporary}` with the answer to send.
 */
export function receive(channel: string, update: string, tip: string): string;

/**
 * The call that pays both out.
 */
export function settleCall(channel: string): string;

/**
 * The close of a cheater, for the lab: declares less than was signed away. Not recorded, because
 * nobody keeps a promise to lie.
 */
export function staleCloseCall(channel: string, side: string, declared: string, valid_until: number): string;

/**
 * Everything that a screen shows of `channel` to the participant on `side`.
 */
export function viewChannel(channel: string, side: string, tip: string): string;

/**
 * The call that helps the participant on `side` now, `{reason, call, deadline}`, or nothing.
 */
export function watchChannel(channel: string, side: string, height: number): string | undefined;

/**
 * The same promises over the facts that the relay shows.
 */
export function withFacts(known: string, shown: string, here: string): string;

/**
 * The call that fetches what could not be paid to `account`.
 */
export function withdrawCreditCall(account: string): string;

export type InitInput = RequestInfo | URL | Response | BufferSource | WebAssembly.Module;

export interface InitOutput {
    readonly memory: WebAssembly.Memory;
    readonly __wbg_key_free: (a: number, b: number) => void;
    readonly acceptAck: (a: number, b: number, c: number, d: number) => [number, number, number, number];
    readonly accountOf: (a: number, b: number, c: number, d: number) => [number, number, number, number];
    readonly addressOf: (a: number, b: number, c: number, d: number) => [number, number, number, number];
    readonly balance: (a: number, b: number, c: number, d: number) => [number, number, number, number];
    readonly callData: (a: number, b: number) => [number, number, number, number];
    readonly creditAnswer: (a: number, b: number) => [number, number, number, number];
    readonly creditQuestion: (a: number, b: number) => [number, number, number, number];
    readonly depositCall: (a: number, b: number, c: number, d: number, e: number, f: number) => [number, number, number, number];
    readonly explainRevert: (a: number, b: number) => [number, number, number, number];
    readonly key_acceptOffer: (a: number, b: number, c: number, d: number, e: number, f: number, g: number) => [number, number, number, number];
    readonly key_ack: (a: number, b: number, c: number) => [number, number, number, number];
    readonly key_closeAlone: (a: number, b: number, c: number, d: number, e: number, f: number) => [number, number, number, number];
    readonly key_completeOffer: (a: number, b: number, c: number, d: number, e: number, f: number, g: number) => [number, number, number, number];
    readonly key_fromBytes: (a: number, b: number, c: any) => [number, number, number];
    readonly key_fromWif: (a: number, b: number, c: number, d: number) => [number, number, number];
    readonly key_identity: (a: number, b: number, c: number) => [number, number, number, number];
    readonly key_offerClose: (a: number, b: number, c: number, d: number, e: number, f: number) => [number, number, number, number];
    readonly key_offerWithdraw: (a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number) => [number, number, number, number];
    readonly key_recover: (a: number, b: number, c: number, d: number, e: number, f: number) => [number, number, number, number];
    readonly key_send: (a: number, b: number, c: number, d: number, e: number, f: number, g: number) => [number, number, number, number];
    readonly key_signCall: (a: number, b: number, c: number, d: number, e: number) => [number, number, number, number];
    readonly key_signLogin: (a: number, b: number, c: number, d: number, e: number) => [number, number, number, number];
    readonly key_signPayment: (a: number, b: number, c: number, d: number, e: number, f: number, g: number) => [number, number, number, number];
    readonly key_toBytes: (a: number) => [number, number];
    readonly key_toWif: (a: number, b: number, c: number) => [number, number, number, number];
    readonly merge: (a: number, b: number, c: number, d: number, e: number, f: number) => [number, number, number, number];
    readonly openCall: (a: number, b: number, c: number, d: number, e: number, f: number) => [number, number, number, number];
    readonly parseQtum: (a: number, b: number) => [number, number, number, number];
    readonly quote: (a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number) => [number, number, number, number];
    readonly receive: (a: number, b: number, c: number, d: number, e: number, f: number) => [number, number, number, number];
    readonly settleCall: (a: number, b: number) => [number, number, number, number];
    readonly staleCloseCall: (a: number, b: number, c: number, d: number, e: number, f: number, g: number) => [number, number, number, number];
    readonly viewChannel: (a: number, b: number, c: number, d: number, e: number, f: number) => [number, number, number, number];
    readonly watchChannel: (a: number, b: number, c: number, d: number, e: number) => [number, number, number, number];
    readonly withFacts: (a: number, b: number, c: number, d: number, e: number, f: number) => [number, number, number, number];
    readonly withdrawCreditCall: (a: number, b: number) => [number, number, number, number];
    readonly __wbindgen_externrefs: WebAssembly.Table;
    readonly __wbindgen_malloc: (a: number, b: number) => number;
    readonly __wbindgen_realloc: (a: number, b: number, c: number, d: number) => number;
    readonly __wbindgen_free: (a: number, b: number, c: number) => void;
    readonly __externref_table_dealloc: (a: number) => void;
    readonly __wbindgen_start: () => void;
}

export type SyncInitInput = BufferSource | WebAssembly.Module;

/**
 * Instantiates the given `module`, which can either be bytes or
 * a precompiled `WebAssembly.Module`.
 *
 * @param {{ module: SyncInitInput }} module - Passing `SyncInitInput` directly is deprecated.
 *
 * @returns {InitOutput}
 */
export function initSync(module: { module: SyncInitInput } | SyncInitInput): InitOutput;

/**
 * If `module_or_path` is {RequestInfo} or {URL}, makes a request and
 * for everything else, calls `WebAssembly.instantiate` directly.
 *
 * @param {{ module_or_path: InitInput | Promise<InitInput> }} module_or_path - Passing `InitInput` directly is deprecated.
 *
 * @returns {Promise<InitOutput>}
 */
export default function __wbg_init (module_or_path?: { module_or_path: InitInput | Promise<InitInput> } | InitInput | Promise<InitInput>): Promise<InitOutput>;

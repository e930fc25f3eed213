/**
 * Two sessions around a relay behind a bad wire: whatever happens to a message of either kind, every
 * payment arrives once, and nobody is told what is not so.
 */
import { IDBFactory } from "fake-indexeddb";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { CHANNEL } from "./testing/relay.ts";
import { type Stage, channelOf, openStage, qtum, until } from "./testing/stage.ts";
import type { Fault } from "./testing/wire.ts";
import type { Session } from "./session.ts";

let stage: Stage;
beforeEach(async () => {
  globalThis.indexedDB = new IDBFactory();
  stage = await openStage();
});
afterEach(async () => {
  vi.useRealTimers();
  await stage.stop();
});

const complaints = ({ store }: Session): string[] =>
  store.get().notices.flatMap(({ event }) => (event.type === "problem" ? [event.problem.code] : []));

/** Lines of payments as `kind amount`, oldest first. */
const told = ({ store }: Session): string[] =>
  [...store.get().activity].reverse().flatMap(({ kind, amount }) => (kind === "sent" || kind === "received" ? [`${kind} ${amount / 100_000_000n}`] : []));

const BEATS = 20_000;
const FRAMES = ["lost", "cut", "halved", "doubled", "late"] as const;
const EVENTS = ["lost", "halved", "doubled", "late"] as const;
const ANSWERS = ["lost", "halved", 429, 500] as const;
const rows = (messages: readonly string[], faults: readonly Fault[]): [string, Fault][] =>
  messages.flatMap((message) => faults.map((fault): [string, Fault] => [message, fault]));

describe("a bad wire", () => {
  it.each([
    ...rows(["hello", "auth", "subscribe", "proof.submit", "ack.submit", "ack"], FRAMES),
    ...rows(["proof.received", "proof.acked"], EVENTS),
    ...rows(["POST /auth/challenges", "POST /auth/sessions", "GET /channels", `GET /channels/${CHANNEL}/updates`], ANSWERS),
  ])("%s %s: every payment arrives once", async (message, fault) => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    const { relay } = stage;
    const signIn = message.startsWith("POST /auth");
    if (signIn) relay.wire.next(message, fault);
    const [alice, bob] = [await stage.start("alice"), await stage.start("bob")];
    if (!signIn) relay.wire.next(message, fault);
    // What belongs to coming back meets the fault now, with a payment that waits; the rest a moment later.
    if (/^(hello|auth|subscribe|GET)/.test(message)) {
      relay.dropNextReply = true;
      await alice.actions.pay({ channelId: CHANNEL, amount: qtum(20) });
      relay.cut();
    } else {
      await alice.actions.pay({ channelId: CHANNEL, amount: qtum(20) });
    }
    vi.advanceTimersByTime(BEATS);
    await until(bob, (state) => channelOf(state)?.balances.mine === qtum(20));
    await bob.actions.pay({ channelId: CHANNEL, amount: qtum(5) });
    await until(alice, (state) => channelOf(state)?.balances.mine === qtum(85));
    await alice.actions.pay({ channelId: CHANNEL, amount: qtum(1) });
    for (const [session, mine] of [[alice, 84], [bob, 16]] as const) {
      await until(session, (state) => {
        const { balances, nonces } = channelOf(state) ?? {};
        return balances?.mine === qtum(mine) && nonces?.sent === nonces?.sentAcked && state.connection.unsent === 0;
      });
    }
    expect(relay.wire.done).toBe(true);
    expect(relay.failures).toEqual([]);
    expect(relay.proofs.map(({ from, nonce }) => `${from} ${nonce}`)).toEqual(["alice 1", "bob 1", "alice 2"]);
    // Two lines of one millisecond have no order.
    expect(told(alice).sort()).toEqual(["received 5", "sent 1", "sent 20"]);
    expect(told(bob).sort()).toEqual(["received 1", "received 20", "sent 5"]);
    expect([...complaints(alice), ...complaints(bob)]).toEqual([]);
  });
});

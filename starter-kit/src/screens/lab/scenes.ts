/** The guided scenes: what is done, step by step, and what it teaches. */
import { satoshi } from "../../session/amount.ts";
import { type Cast, channelOf, QTUM, untilChannel } from "./stage.ts";

export interface Step {
  readonly title: string;
  readonly text: string;
  readonly play: (cast: Cast) => Promise<void>;
}

export interface Scene {
  readonly id: string;
  readonly title: string;
  readonly lead: string;
  /** Alice's deposit in satoshi. */
  readonly deposit: bigint;
  readonly steps: readonly Step[];
  readonly moral: string;
}

/** The nonce of the state that both scenes lie with. */
const FIRST_PAYMENT = 1;

const qtum = (whole: bigint) => satoshi(whole * QTUM);

function open(whole: bigint): Step {
  return {
    title: `Alice opens a channel with ${whole} QTUM`,
    text: "One transaction puts her money into the contract. It is still all hers.",
    play: async ({ alice, bob }) => {
      const partner = bob.store.get().account?.address ?? "";
      await alice.actions.openChannel({ partner, amount: qtum(whole) });
      await alice.actions.lab.mine(1);
      await untilChannel(alice.store, ({ balances }) => balances.available === whole * QTUM);
      await untilChannel(bob.store, ({ balances }) => balances.receivable === whole * QTUM);
    },
  };
}

function pay(from: "alice" | "bob", whole: bigint, text: string): Step {
  const [payer, payee] = from === "alice" ? ["Alice", "Bob"] : ["Bob", "Alice"];
  return {
    title: `${payer} pays ${payee} ${whole} QTUM`,
    text,
    play: async (cast) => {
      const sender = cast[from];
      const recipient = from === "alice" ? cast.bob : cast.alice;
      const { id, nonces } = channelOf(sender.store.get());
      const { received } = channelOf(recipient.store.get()).nonces;
      await sender.actions.pay({ channelId: id, amount: qtum(whole) });
      await untilChannel(recipient.store, (channel) => channel.nonces.received > received);
      await untilChannel(sender.store, (channel) => channel.nonces.delivered > nonces.delivered);
    },
  };
}

const sleep: Step = {
  title: "Bob falls asleep",
  text: "His page is offline. From now on only the relay's watchtower looks after him.",
  play: async ({ bob }) => {
    bob.actions.lab.setOnline(false);
  },
};

function cheat(title: string, text: string): Step {
  return {
    title,
    text,
    play: async ({ alice }) => {
      const { id } = channelOf(alice.store.get());
      await alice.actions.lab.publishOldState({ channelId: id, nonce: FIRST_PAYMENT });
      await alice.actions.lab.mine(1);
      await untilChannel(alice.store, ({ closing }) => closing !== null);
    },
  };
}

const answer: Step = {
  title: "The watchtower answers",
  text: "It sees the close in the block, finds a newer proof of Alice's in its store, and posts it. It needs no key of Bob's for that.",
  play: async ({ alice }) => {
    await alice.actions.lab.mine(1);
    await untilChannel(alice.store, ({ closing }) => closing?.corrected === true);
  },
};

const wait: Step = {
  title: "The answer window passes",
  text: "The dev chain mines all its blocks at once. On a real network this is the time that both have to correct a lie.",
  play: async ({ alice }) => {
    const { closing } = channelOf(alice.store.get());
    await alice.actions.lab.mine(Math.max(1, closing?.blocksLeft ?? 1));
    await untilChannel(alice.store, ({ phase }) => phase === "final");
  },
};

const settle: Step = {
  title: "Anyone settles",
  text: "One transaction pays both. Bob wakes up and finds his money on chain.",
  play: async ({ alice, bob }) => {
    await alice.actions.settle(channelOf(alice.store.get()).id);
    await alice.actions.lab.mine(1);
    await untilChannel(alice.store, ({ payout }) => payout !== null);
    bob.actions.lab.setOnline(true);
    await untilChannel(bob.store, ({ payout }) => payout !== null);
  },
};

const story: Scene = {
  id: "story",
  title: "The story of 400",
  lead: "Alice pays Bob, Bob pays some back, Alice pays again. Then she shows the contract the state she liked best.",
  deposit: 400n * QTUM,
  steps: [
    open(400n),
    pay("alice", 200n, "A signature, no transaction: 200 for each."),
    pay("bob", 100n, "The other street: Alice 300, Bob 100. Alice likes this state."),
    pay("alice", 300n, "Everything is Bob's now: Alice 0, Bob 400."),
    sleep,
    cheat("Alice closes with an old state", "She declares only the 200 of her first payment, as if the 300 had never been. By that state she would get 300."),
    answer,
    wait,
    settle,
  ],
  moral: "Bob gets 400, although he slept: a newer proof replaces an older one, and anybody may show it.",
};

const penalty: Scene = {
  id: "penalty",
  title: "The penalty",
  lead: "Now Alice still has something to lose. She hides her last payment, and pays for the lie.",
  deposit: 100n * QTUM,
  steps: [
    open(100n),
    pay("alice", 20n, "Alice 80, Bob 20."),
    pay("alice", 30n, "Alice 50, Bob 50. This is the payment that she will hide."),
    sleep,
    cheat("Alice closes and hides 30", "She declares 20 instead of 50, and hopes for 80."),
    answer,
    wait,
    settle,
  ],
  moral: "Alice hid 30, so 30 of her 50 go to Bob on top of his 50: Alice 20, Bob 80. An honest close is never fined.",
};

export const SCENES: readonly Scene[] = [story, penalty];

/** Two people with fresh keys and test coins, on one page: what the guided scenes play with. */
import { satoshi } from "../../session/amount.ts";
import { asProblem, problem } from "../../session/problem.ts";
import type { OpenSession, Session } from "../../session/session.ts";
import type { Channel, State } from "../../session/state.ts";
import type { Store } from "../../session/store.ts";

export interface Cast {
  readonly alice: Session;
  readonly bob: Session;
  /** Removes both and their data. */
  readonly dismiss: () => Promise<void>;
}

/** 1 QTUM in satoshi. */
export const QTUM = 100_000_000n;

/** Fees and gas of a whole scene fit in here. */
const POCKET_MONEY = 50n * QTUM;

/** Opens both profiles, makes their keys, and lets the faucet pay Alice's deposit. */
export async function summon(openSession: OpenSession, deposit: bigint): Promise<Cast> {
  const id = crypto.randomUUID().slice(0, 8);
  const alice = openSession({ profile: `lab-alice-${id}` });
  const bob = openSession({ profile: `lab-bob-${id}` });
  const both = [alice, bob] as const;
  const dismiss = async () => {
    for (const one of both) {
      await one.actions.forgetProfile().catch(() => undefined);
      await one.stop().catch(() => undefined);
    }
  };
  try {
    for (const [one, name] of [
      [alice, "Alice"],
      [bob, "Bob"],
    ] as const) {
      await until(one.store, ({ stage }) => stage.type === "welcome" || stage.type === "failed");
      await one.actions.createKey({ name });
      // Coins are known only after the sign-in.
      await until(one.store, ({ connection, onChain }) => connection.status === "online" && onChain.updatedAt !== null);
      await one.actions.lab.faucet(satoshi(deposit + POCKET_MONEY));
      await one.actions.refresh();
      await until(one.store, ({ onChain }) => onChain.spendable >= deposit);
    }
    return { alice, bob, dismiss };
  } catch (thrown) {
    await dismiss();
    throw asProblem(thrown);
  }
}

/** Waits until the state says so; a scene that waits for more than `limitMs` tells it instead of hanging. */
export function until(store: Store, holds: (state: State) => boolean, limitMs = 60_000): Promise<State> {
  return new Promise((resolve, reject) => {
    const look = () => {
      const state = store.get();
      if (!holds(state)) return;
      clearTimeout(timer);
      leave();
      resolve(state);
    };
    const leave = store.subscribe(look);
    const timer = setTimeout(() => {
      leave();
      reject(problem("internal", { reason: "The scene waited too long for its next step." }));
    }, limitMs);
    look();
  });
}

/** The scene's only channel, or a problem when it is not there (yet). */
export function channelOf(state: State): Channel {
  const channel = state.channels[0];
  if (!channel) throw problem("unknown-channel", { id: "of this scene" });
  return channel;
}

/** Waits until the scene's channel is as it should be. */
export async function untilChannel(store: Store, holds: (channel: Channel) => boolean): Promise<Channel> {
  return channelOf(await until(store, ({ channels }) => channels[0] !== undefined && holds(channels[0])));
}

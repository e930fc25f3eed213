/** Whole sessions, with real storage, core and sockets, around the test's relay. */
import { readFile } from "node:fs/promises";
import { WebSocket as NodeSocket } from "ws";
import { satoshi } from "../amount.ts";
import { openSession } from "../open.ts";
import type { Session } from "../session.ts";
import type { Channel, State } from "../state.ts";
import { Locks } from "./locks.ts";
import { CHANNEL, type TestRelay, startRelay } from "./relay.ts";

const core = await readFile(new URL("../../core/pkg/sparky_wasm_bg.wasm", import.meta.url));

export const qtum = (value: number) => satoshi(value * 100_000_000);

export interface Stage {
  readonly relay: TestRelay;
  /** Opens a profile, as a page does. */
  readonly open: (profile: string) => Session;
  /** A session that has taken over a demo key and is online. A second one of the same person is a second device. */
  readonly start: (person: "alice" | "bob", profile?: string) => Promise<Session>;
  readonly stop: () => Promise<void>;
}

export async function openStage(): Promise<Stage> {
  const relay = await startRelay();
  const locks = new Locks() as unknown as LockManager;
  const sessions: Session[] = [];
  const open = (profile: string): Session => {
    const session = openSession({ profile, relay: relay.url, core, locks, WebSocket: NodeSocket as unknown as typeof WebSocket });
    sessions.push(session);
    return session;
  };
  return {
    relay,
    open,
    start: async (person, profile = person) => {
      const session = open(profile);
      await until(session, ({ writer, stage }) => writer === "held" && stage.type === "welcome");
      await session.actions.startDemo(person);
      await until(session, (state) => state.connection.status === "online" && channelOf(state));
      return session;
    },
    stop: async () => {
      await Promise.all(sessions.map((session) => session.stop()));
      await relay.stop();
    },
  };
}

/** Waits until the state has what is looked for, and returns it. */
export function until<T>({ store }: Session, find: (state: State) => T | undefined | null | false): Promise<T> {
  return new Promise((resolve) => {
    const look = (): boolean => {
      const found = find(store.get());
      if (!found) return false;
      stop();
      resolve(found);
      return true;
    };
    const stop = store.subscribe(look);
    look();
  });
}

export const channelOf = (state: State): Channel | undefined => state.channels.find(({ id }) => id === CHANNEL);

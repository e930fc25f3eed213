import type { Actions } from "./actions.ts";
import type { Store } from "./store.ts";

/**
 * One profile at work: its store and its verbs. Nothing is global, so that a page may hold two
 * (the lab does).
 */
export interface Session {
  readonly store: Store;
  readonly actions: Actions;
  /** Gives up the lock, the socket and the key. */
  readonly stop: () => Promise<void>;
}

export interface SessionOptions {
  /** The profile; `?profile=` of the page. */
  readonly profile: string;
  /** Where the relay is; the page's own origin by default. */
  readonly relay?: string;
  /** What a program without a browser has to bring along. */
  readonly core?: BufferSource;
  readonly locks?: LockManager;
  readonly WebSocket?: typeof WebSocket;
}

/**
 * Opens a profile. Returns at once with stage `starting`; everything after that is told by the
 * store, also when it fails (`stage.type === "failed"`).
 */
export type OpenSession = (options: SessionOptions) => Session;

import { useSyncExternalStore } from "react";
import type { State } from "./state.ts";

/** One value and those who want to hear of its changes. */
export interface Store {
  readonly get: () => State;
  readonly set: (next: State) => void;
  readonly subscribe: (listener: () => void) => () => void;
}

export function createStore(initial: State): Store {
  let state = initial;
  const listeners = new Set<() => void>();
  return {
    get: () => state,
    set: (next) => {
      if (next === state) return;
      state = next;
      for (const listener of listeners) listener();
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** A part of the state; the component renders again when that part changes. */
export const useStore = <T>(store: Store, select: (state: State) => T): T =>
  useSyncExternalStore(store.subscribe, () => select(store.get()));

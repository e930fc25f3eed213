import { createContext, useCallback, useContext, useRef, useState, useSyncExternalStore } from "react";
import type { Actions } from "../session/actions.ts";
import { asProblem, type ProblemData } from "../session/problem.ts";
import type { OpenSession } from "../session/session.ts";
import type { State } from "../session/state.ts";
import type { Store } from "../session/store.ts";

/** What the screens get from the session: what is, and what one can do. */
export interface Door {
  readonly store: Store;
  readonly actions: Actions;
  /** Opens another profile beside this one; the lab plays with two. */
  readonly openSession: OpenSession;
}

export const DoorContext = createContext<Door | null>(null);

function useDoor(): Door {
  const door = useContext(DoorContext);
  if (!door) throw new Error("invariant: every screen is inside a DoorContext");
  return door;
}

/** A part of the state; the component renders again when that part changes. */
export function useSelect<T>(select: (state: State) => T): T {
  const { store } = useDoor();
  const read = () => select(store.get());
  return useSyncExternalStore(store.subscribe, read, read);
}

/** The verbs of the user. */
export const useActions = (): Actions => useDoor().actions;

/** Opens another profile beside this one. */
export const useOpenSession = (): OpenSession => useDoor().openSession;

/** One verb as a form sees it: whether it runs, why it failed, what it gave. */
export interface Verb<Arguments extends readonly unknown[], Result> {
  /** Runs the verb; resolves to undefined when it was refused (see `problem`) or is already running. */
  readonly run: (...args: Arguments) => Promise<Result | undefined>;
  readonly pending: boolean;
  readonly problem: ProblemData | null;
  /** Shows a problem that was found before the verb could run (a text that is no amount). */
  readonly refuse: (thrown: unknown) => void;
  readonly clear: () => void;
}

/** Wraps a verb: never twice at once, and what it rejects with is kept to be shown. */
export function useVerb<Arguments extends readonly unknown[], Result>(
  verb: (...args: Arguments) => Promise<Result>,
): Verb<Arguments, Result> {
  const [pending, setPending] = useState(false);
  const [problem, setProblem] = useState<ProblemData | null>(null);
  const running = useRef(false);
  const newest = useRef(verb);
  newest.current = verb;

  const refuse = useCallback((thrown: unknown) => setProblem(asProblem(thrown).data()), []);
  const clear = useCallback(() => setProblem(null), []);
  const run = useCallback(
    async (...args: Arguments) => {
      if (running.current) return undefined;
      running.current = true;
      setPending(true);
      setProblem(null);
      try {
        return await newest.current(...args);
      } catch (thrown) {
        refuse(thrown);
        return undefined;
      } finally {
        running.current = false;
        setPending(false);
      }
    },
    [refuse],
  );
  return { run, pending, problem, refuse, clear };
}

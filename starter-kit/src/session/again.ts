/** Work that nobody waits for: what the network or a busy relay broke is done again until it is done. */
import { backoff } from "../relay/socket.ts";
import { type Problem, asProblem } from "./problem.ts";

/** Failures that pass by themselves. */
const PASSING = new Set(["relay-unreachable", "rate-limited", "internal", "chain-unreachable", "chain-behind"]);
/** Whether it is worth trying again by itself. */
export const isPassing = (thrown: unknown): boolean => PASSING.has(asProblem(thrown).code);

/** A failure that has not passed after so many attempts is told. */
const TOLD_AFTER = 4;
/** No relay holds us up for longer. */
const LONGEST_MS = 60_000;

export interface Again {
  /** Does the work after `ms`, or once more after it if it is being done. What is planned already stays so. */
  readonly start: (ms?: number) => void;
  /** Plans nothing more; an attempt that is under way has no successor. */
  readonly stop: () => void;
}

/** What was begun since the last stop. */
interface Run {
  timer?: ReturnType<typeof setTimeout> | undefined;
  busy: boolean;
  /** The pause before it is done once more. */
  next: number | null;
}

/** `complain` hears of failures that do not pass. */
export function again(work: () => Promise<void>, complain: (cause: Problem) => void): Again {
  let run: Run = { busy: false, next: null };

  function plan(mine: Run, ms: number, failures: number): void {
    mine.timer = setTimeout(() => void attempt(mine, failures), ms);
  }

  async function attempt(mine: Run, failures: number): Promise<void> {
    mine.timer = undefined;
    mine.busy = true;
    const cause = await work().then(() => null, asProblem);
    mine.busy = false;
    if (mine !== run) return;
    const { next } = mine;
    mine.next = null;
    if (cause && isPassing(cause)) {
      if (failures + 1 === TOLD_AFTER) complain(cause);
      plan(mine, Math.max(backoff(failures, Math.random), askedFor(cause)), failures + 1);
    } else {
      if (cause) complain(cause);
      if (next !== null) plan(mine, next, 0);
    }
  }

  return {
    start: (ms = 0) => {
      if (run.busy) run.next = ms;
      else if (run.timer === undefined) plan(run, ms, 0);
    },
    stop: () => {
      clearTimeout(run.timer);
      run = { busy: false, next: null };
    },
  };
}

/** The pause that a busy relay asks for, as far as one believes it. */
const askedFor = ({ code, params }: Problem): number => (code === "rate-limited" ? Math.min(Number(params["s"]) * 1000 || 0, LONGEST_MS) : 0);

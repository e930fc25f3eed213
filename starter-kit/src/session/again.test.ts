import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { again } from "./again.ts";
import { type Problem, problem } from "./problem.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Work that fails in these ways, one after the other, and then succeeds. */
function failing(...codes: readonly Problem[]) {
  const left = [...codes];
  const told: string[] = [];
  let times = 0;
  const doing = again(async () => {
    times += 1;
    const failure = left.shift();
    if (failure) throw failure;
  }, ({ code }) => void told.push(code));
  return { ...doing, told, times: () => times };
}

const broken = problem("relay-unreachable", { s: 1 });

describe("what is done again", () => {
  it("succeeds in the end without a word", async () => {
    const work = failing(broken, problem("internal"), problem("rate-limited", { s: 2 }));
    work.start();
    await vi.advanceTimersByTimeAsync(10_000);
    expect([work.times(), work.told]).toEqual([4, []]);
  });

  it("keeps the pause that a busy relay asks for", async () => {
    const work = failing(problem("rate-limited", { s: 5 }));
    work.start();
    await vi.advanceTimersByTimeAsync(4_900);
    work.start();
    expect(work.times()).toBe(1);
    await vi.advanceTimersByTimeAsync(200);
    expect(work.times()).toBe(2);
  });

  it("says once what does not pass, and goes on trying", async () => {
    const work = failing(...Array.from({ length: 6 }, () => problem("internal")));
    work.start();
    await vi.advanceTimersByTimeAsync(120_000);
    expect([work.times(), work.told]).toEqual([7, ["internal"]]);
  });

  it("tries nothing again that would fail again", async () => {
    const work = failing(problem("unknown-channel", { id: 5 }));
    work.start();
    await vi.advanceTimersByTimeAsync(60_000);
    expect([work.times(), work.told]).toEqual([1, ["unknown-channel"]]);
  });

  it("has no successor after a stop", async () => {
    const work = failing(broken);
    work.start();
    await vi.advanceTimersByTimeAsync(1);
    work.stop();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(work.times()).toBe(1);
  });
});

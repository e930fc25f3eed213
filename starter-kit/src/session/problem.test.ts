import { describe, expect, it } from "vitest";
import { formatQtum, satoshi } from "./amount.ts";
import { asProblem, problem } from "./problem.ts";

describe("problem", () => {
  it("fills both figures into the text", () => {
    const { title, detail, money, code } = problem("insufficient-channel-balance", {
      max: satoshi(8_000_000_000), partner: "Bob", amount: satoshi(8_000_000_001),
    });
    expect([code, title, detail, money]).toEqual([
      "insufficient-channel-balance",
      "Not enough in this channel.",
      "You can send up to 80.00 QTUM to Bob; you tried 80.00000001 QTUM.",
      "Nothing was sent.",
    ]);
  });

  it("makes a problem of anything that was thrown", () => {
    expect(asProblem(new TypeError("x is not a function"))).toMatchObject({ code: "internal", detail: "x is not a function" });
    expect(asProblem(problem("second-tab")).code).toBe("second-tab");
  });
});

describe("formatQtum", () => {
  const row = (value: bigint, text: string): void => expect(formatQtum(value)).toBe(text);
  it("shows every decimal that matters", () => {
    row(0n, "0.00");
    row(1n, "0.00000001");
    row(29_000_000n, "0.29");
    row(8_000_000_000n, "80.00");
    row(100_000_000_000_000n, "1,000,000.00");
    row(-2_000_000_000n, "−20.00");
    row(123_456_789_012_345n, "1,234,567.89012345");
  });
});

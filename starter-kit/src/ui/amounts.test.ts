import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { loadCore } from "../core.ts";
import { amountAsInput, fieldOf, parseAmount } from "./parseAmount.ts";
import { blocksAndTime, spanOfSeconds } from "./time.ts";

beforeAll(async () => loadCore(await readFile(new URL("../core/pkg/sparky_wasm_bg.wasm", import.meta.url))));

describe("amounts", () => {
  it("come back from an input as they went in", () => {
    for (const text of ["20", "0.29", "0.00000001", "1000000", "12.5"]) expect(amountAsInput(parseAmount(text))).toBe(text);
  });

  it("of zero are allowed only where they make sense", () => {
    expect(parseAmount("0", "allowed")).toBe(0n);
    expect(() => parseAmount("0")).toThrow(expect.objectContaining({ code: "amount-zero" }));
  });

  it("that are wrong belong to the amount field", () => {
    for (const text of ["-5", "1e-8", "0.123456789", "", "0"]) {
      try {
        parseAmount(text);
        expect.unreachable(`${text} was accepted`);
      } catch (thrown) {
        expect(fieldOf((thrown as { code: string }).code), text).toBe("amount");
      }
    }
  });
});

describe("time", () => {
  it("is told in blocks and in words", () => {
    const row = (blocks: number, text: string) => expect(blocksAndTime(blocks, 32)).toBe(text);
    row(1, "1 block ≈ 32 s");
    row(50, "50 blocks ≈ 27 min");
    row(2_700, "2,700 blocks ≈ 24 h");
    row(8_100, "8,100 blocks ≈ 3 days");
    expect(spanOfSeconds(7_800)).toBe("2 h 10 min");
  });
});

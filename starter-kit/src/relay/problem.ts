/** Problems that others report, the relay as problem+json and the core in its own way, as ours. */
import { type Params, Problem, problem } from "../session/problem.ts";
import { isObject } from "./frames.ts";

/** Reads `application/problem+json` (also the data of an error frame) into our own problem. */
export function problemFrom(value: unknown): Problem {
  if (!isObject(value) || typeof value["code"] !== "string") {
    return problem("internal", { reason: "The relay answered with an error that has no code" });
  }
  const params: Record<string, string | number> = {};
  if (isObject(value["params"])) {
    for (const [key, param] of Object.entries(value["params"])) {
      if (typeof param === "string" || typeof param === "number") params[key] = param;
    }
  }
  const detail = typeof value["detail"] === "string" ? value["detail"] : "";
  const known = problem(value["code"], inQtum(params), detail);
  // The table's text when all its figures came along, else the relay's own words.
  if (!/\{\w+\}/.test(`${known.title}${known.detail}${known.money}`)) return known;
  const title = typeof value["title"] === "string" ? value["title"] : "The relay refused.";
  return new Problem({ code: value["code"], title, detail, money: "", params });
}

/** Parameters that end in `Sat` are amounts: `{max}` in a text takes `maxSat`. */
function inQtum(params: Record<string, string | number>): Params {
  const shown: Record<string, string | number | bigint> = { ...params };
  for (const [key, value] of Object.entries(params)) {
    if (key.endsWith("Sat") && /^\d+$/.test(String(value))) shown[key.slice(0, -3)] = BigInt(value);
  }
  return shown;
}

/** Problems that others report, the relay as problem+json and the core in its own way, as ours. */
import { type Params, Problem, isKnown, problem } from "../session/problem.ts";
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
  // Who reports it does not know what we call our partner.
  const shown = { partner: "your partner", ...inQtum(params) };
  const known = problem(value["code"], shown, detail);
  const filled = (text: string): boolean => text !== "" && !/\{\w+\}/.test(text);
  // Our own words where all their figures came along, else those of who reports it.
  const title = filled(known.title) && isKnown(value["code"]) ? known.title : typeof value["title"] === "string" ? value["title"] : "That was refused.";
  return new Problem({
    code: value["code"],
    title,
    detail: filled(known.detail) ? known.detail : detail,
    money: filled(known.money) ? known.money : "",
    params: shown,
  });
}

/** Parameters that end in `Sat` are amounts: `{max}` in a text takes `maxSat`. */
function inQtum(params: Record<string, string | number>): Params {
  const shown: Record<string, string | number | bigint> = { ...params };
  for (const [key, value] of Object.entries(params)) {
    if (key.endsWith("Sat") && /^\d+$/.test(String(value))) shown[key.slice(0, -3)] = BigInt(value);
  }
  return shown;
}

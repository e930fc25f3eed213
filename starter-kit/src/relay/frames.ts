/** What travels over the relay's WebSocket: one JSON object per frame. */

/** A frame of the relay: the answer to a request, a durable event, or a passing remark. */
export type Frame =
  | { readonly kind: "reply"; readonly replyTo: number; readonly ok: boolean; readonly data: unknown }
  | { readonly kind: "event"; readonly seq: number; readonly type: string; readonly data: unknown; readonly ts: string }
  | { readonly kind: "remark"; readonly type: string; readonly data: unknown };

/** Reads one frame; null for anything that is not one (and is then ignored). */
export function parseFrame(text: string): Frame | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isObject(value)) return null;
  const { type, data, seq, replyTo, ts } = value;
  if (typeof type !== "string") return null;
  if (replyTo !== undefined && replyTo !== null) {
    const id = Number(replyTo);
    return Number.isSafeInteger(id) ? { kind: "reply", replyTo: id, ok: type === "ok", data } : null;
  }
  if (typeof seq === "number") {
    return { kind: "event", seq, type, data, ts: typeof ts === "string" ? ts : "" };
  }
  return { kind: "remark", type, data };
}

/** Narrows a value to something with properties. */
export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

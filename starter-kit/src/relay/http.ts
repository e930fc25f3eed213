/** The relay's REST interface: one place that turns answers into values and failures into problems. */
import { type Problem, problem } from "../session/problem.ts";
import { isObject } from "./frames.ts";
import { problemFrom } from "./problem.ts";

const TIMEOUT_MS = 30_000;
/** Mining many blocks on a busy machine takes its time. */
const SLOW_TIMEOUT_MS = 180_000;

export interface HttpOptions {
  /** Origin of the relay, without a trailing slash. */
  readonly base: string;
  /** Replaces the browser's fetch, for tests. */
  readonly fetch?: typeof fetch;
}

export interface Http {
  readonly get: <T>(path: string) => Promise<T>;
  readonly post: <T>(path: string, body: unknown) => Promise<T>;
  readonly put: <T>(path: string, body: unknown) => Promise<T>;
  readonly remove: (path: string) => Promise<void>;
  /** The bearer token of the signed-in session; null signs out. */
  readonly authorize: (token: string | null) => void;
  /**
   * Who signs in when the relay asks for it: what it refused unread is then asked once more. `stale` says
   * whether a token was shown and refused.
   */
  readonly onUnauthorized: (signIn: (stale: boolean) => Promise<unknown>) => void;
}

interface Answer {
  readonly response: Response;
  readonly text: string;
}

export function createHttp({ base, fetch: send = (...args) => fetch(...args) }: HttpOptions): Http {
  let token: string | null = null;
  let signIn: ((stale: boolean) => Promise<unknown>) | undefined;

  async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const stale = token !== null;
    let answer = await ask(method, path, body);
    if (answer.response.status === 401 && signIn && !path.startsWith("/auth/")) {
      await signIn(stale);
      answer = await ask(method, path, body);
    }
    const { response, text } = answer;
    if (!response.ok) throw problemOf(response.status, text, response.headers.get("retry-after"));
    return (text === "" ? undefined : parse(text)) as T;
  }

  async function ask(method: string, path: string, body: unknown): Promise<Answer> {
    const headers: Record<string, string> = { accept: "application/json" };
    if (body !== undefined) headers["content-type"] = "application/json";
    if (token !== null) headers["authorization"] = `Bearer ${token}`;
    const request: RequestInit = { method, headers, signal: AbortSignal.timeout(path.startsWith("/dev/") ? SLOW_TIMEOUT_MS : TIMEOUT_MS), cache: "no-store" };
    if (body !== undefined) request.body = JSON.stringify(body);
    try {
      const response = await send(`${base}/api/v1${path}`, request);
      return { response, text: await response.text() };
    } catch {
      throw problem("relay-unreachable", { s: 1 });
    }
  }

  return {
    get: (path) => call("GET", path),
    post: (path, body) => call("POST", path, body),
    put: (path, body) => call("PUT", path, body),
    remove: (path) => call<void>("DELETE", path),
    authorize: (next) => {
      token = next;
    },
    onUnauthorized: (handler) => {
      signIn = handler;
    },
  };
}

function problemOf(status: number, text: string, retryAfter: string | null): Problem {
  const body = parse(text);
  if (isObject(body) && typeof body["code"] === "string") return problemFrom(body);
  if (status === 429) return problem("rate-limited", { s: retryAfter ?? 1 });
  if (status === 401) return problem("session-expired");
  if (status >= 502) return problem("relay-unreachable", { s: 1 });
  return problem("internal", { reason: `The relay answered ${status}` });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Which profiles this browser has: names and addresses for the account switcher, nothing secret. */
import type { ProfileSummary } from "./state.ts";

const KEY = "sparky/profiles";

/** All profiles, in the order in which they were made; none where storage is blocked. */
export function listSummaries(): readonly ProfileSummary[] {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(value) ? value.filter(isSummary) : [];
  } catch {
    return [];
  }
}

export const rememberSummary = (summary: ProfileSummary): void =>
  write([...listSummaries().filter(({ profile }) => profile !== summary.profile), summary]);

export const forgetSummary = (profile: string): void => write(listSummaries().filter((one) => one.profile !== profile));

function write(summaries: readonly ProfileSummary[]): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(summaries));
  } catch {
    // The switcher does without; keys and channels are not kept here.
  }
}

const isSummary = (value: unknown): value is ProfileSummary =>
  typeof value === "object" && value !== null && "profile" in value && "address" in value && "name" in value;

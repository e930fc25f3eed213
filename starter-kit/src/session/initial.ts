import { ZERO } from "./amount.ts";
import type { Settings, State } from "./state.ts";

/** What a user who changed nothing has. */
export const DEFAULT_SETTINGS: Settings = { autoAcceptClose: false, idleLockMinutes: 15, theme: "system", relayBackup: false };

/** The state of a page that has just been opened. */
export const initialState = (profile: string): State => ({
  stage: { type: "starting" },
  profile,
  profiles: [],
  writer: "acquiring",
  account: null,
  connection: { status: "connecting", retryAt: null, problem: null, unsent: 0 },
  network: null,
  tip: null,
  onChain: { spendable: ZERO, unconfirmed: ZERO, immature: ZERO, updatedAt: null },
  channels: [],
  totals: { available: ZERO, receivable: ZERO, locked: ZERO, lockedUntil: null },
  activity: [],
  transactions: [],
  alerts: [],
  notices: [],
  settings: DEFAULT_SETTINGS,
  backup: { revision: 0, problem: null },
});

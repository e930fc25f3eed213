/** What needs the user's attention: computed from the state, never stored. */
import { problem } from "./problem.ts";
import { leastWindow } from "./policy.ts";
import type { Alert, Channel, Network, State } from "./state.ts";

/** The alerts of a state, most urgent first. */
export function alertsOf(state: State): readonly Alert[] {
  const alerts = state.channels.flatMap((channel) => alertsOfChannel(channel, state.network));
  if (state.writer === "second-tab") {
    alerts.push(alert("second-tab", "warning", null, problem("second-tab").data(), "take-over"));
  }
  const rank = { danger: 0, warning: 1, info: 2 };
  return alerts.sort(
    (left, right) => rank[left.severity] - rank[right.severity] || (left.deadline ?? Infinity) - (right.deadline ?? Infinity),
  );
}

function alertsOfChannel(channel: Channel, network: Network | null): Alert[] {
  const { id, number, partner, phase, closing, proposals, watch, window, balances } = channel;
  const alerts: Alert[] = [];
  if (closing && phase === "finalizing") {
    const { deadline, stale, byMe, blocksLeft } = closing;
    const at = { deadline, blocksLeft };
    if (stale && !byMe) {
      const text = problem("stale-close-detected", { partner: partner.name, n: deadline }).data();
      alerts.push({ ...alert(`stale/${id}`, "danger", id, text, channel.can.counterClaim ? "counter-claim" : null), ...at });
    } else if (stale && !closing.corrected) {
      const text = problem("stale-close-by-me", { partner: partner.name, n: deadline }).data();
      alerts.push({ ...alert(`stale/${id}`, "warning", id, text, null), ...at });
    } else if (!byMe) {
      const text = problem("partner-closed", { partner: partner.name, n: closing.settleableAt - 1 }).data();
      alerts.push({ ...alert(`closed/${id}`, "info", id, text, null), deadline: null, blocksLeft });
    }
  }
  // That it is recovering is told where one would pay; two devices with one key want an answer.
  if (channel.doubt?.conflict != null && phase !== "settled") {
    const text = problem("nonce-conflict", { n: channel.doubt.conflict, partner: partner.name }).data();
    alerts.push(alert(`conflict/${id}`, "warning", id, text, "give-way"));
  }
  if (channel.can.settle) {
    alerts.push(alert(`settle/${id}`, "info", id, problem("settleable", { id: number }).data(), "settle"));
  }
  for (const proposal of proposals) {
    if (proposal.mine || proposal.status !== "open") continue;
    const code = proposal.kind === "close" ? "close-proposed" : "withdraw-proposed";
    const text = problem(code, { partner: partner.name, mine: proposal.payMine, amount: proposal.amount }).data();
    alerts.push({ ...alert(`proposal/${proposal.id}`, "info", id, text, "accept-proposal"), deadline: proposal.validUntil });
  }
  const least = network ? leastWindow(network.name) : 0;
  if ((phase === "open" || phase === "opening") && window < least) {
    const text = problem("window-short", { id: number, n: window, least, partner: partner.name }).data();
    alerts.push(alert(`window/${id}`, "warning", id, text, null));
  }
  if (phase === "open" && !watch.armed && balances.received > 0n) {
    const text = problem("watch-not-armed", { id: number, window, partner: partner.name }).data();
    alerts.push(alert(`watch/${id}`, "info", id, text, "enable-watch"));
  }
  return alerts;
}

function alert(
  key: string,
  severity: Alert["severity"],
  channelId: string | null,
  text: Alert["problem"],
  action: Alert["action"],
): Alert {
  return { key, severity, channelId, problem: text, deadline: null, blocksLeft: null, action };
}

import type { Channel, Phase } from "../session/state.ts";
import { Icon, type IconName } from "./icons.tsx";

const PHASES: Readonly<Record<Phase, readonly [string, IconName, string]>> = {
  opening: ["info", "clock", "Opening"],
  open: ["good", "check", "Open"],
  finalizing: ["warn", "clock", "Closing"],
  final: ["warn", "clock", "Ready to pay out"],
  settled: ["", "lock", "Closed"],
};

/** Where a channel is in its life: icon, word and colour. */
export function PhaseChip({ phase }: { readonly phase: Phase }) {
  const [tone, icon, word] = PHASES[phase];
  return (
    <span className={`chip ${tone}`} data-testid="phase" data-phase={phase}>
      <Icon name={icon} size={14} />
      {word}
    </span>
  );
}

/** Whether the watchtower could answer for us. Nothing to watch is not a warning. */
export function WatchChip({ channel }: { readonly channel: Channel }) {
  const { watch, phase, nonces } = channel;
  if (phase === "settled" || phase === "final") return null;
  if (watch.armed) {
    return (
      <span className="chip info" data-testid="watch">
        <Icon name="shield" size={14} />
        Watched{watch.armedNonce !== null && watch.armedNonce > 0 ? ` to payment ${watch.armedNonce}` : ""}
      </span>
    );
  }
  if (nonces.received === 0) return null;
  return (
    <span className="chip warn" data-testid="watch">
      <Icon name="alert" size={14} />
      Not watched
    </span>
  );
}

/** Whether the partner is connected to the relay. */
export function Presence({ online }: { readonly online: boolean }) {
  return (
    <span className="chip" data-testid="presence" data-online={online}>
      <span className={online ? "dot on" : "dot"} aria-hidden="true" />
      {online ? "Online" : "Offline"}
    </span>
  );
}

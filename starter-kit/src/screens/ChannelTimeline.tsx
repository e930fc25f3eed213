import type { Channel, TimelineEntry } from "../session/state.ts";
import { useSelect } from "../ui/context.tsx";
import { qtumText } from "../ui/Qtum.tsx";
import { blocksAndTime, clock, heightText } from "../ui/time.ts";

/** What happened with a channel and what is expected, in the order of the chain. */
export function ChannelTimeline({ channel }: { readonly channel: Channel }) {
  const blockSeconds = useSelect((state) => state.network?.blockSeconds ?? 32);
  return (
    <ol className="timeline" data-testid="timeline">
      {channel.timeline.map((entry) => (
        <li key={entry.key} className={classOf(entry)} data-event={entry.event.type} data-state={entry.state}>
          <span className="bullet" aria-hidden="true" />
          <div>
            <p>{eventText(entry, channel.partner.name, blockSeconds)}</p>
            <p className="muted small">{[entry.height === null ? "Off chain" : `Block ${heightText(entry.height)}`, entry.at === null ? "" : clock(entry.at), stateText(entry)].filter(Boolean).join(" · ")}</p>
            {entry.txid && <p className="muted tiny mono">{entry.txid}</p>}
          </div>
        </li>
      ))}
    </ol>
  );
}

function classOf({ state, event }: TimelineEntry): string {
  if (event.type === "closed" && event.stale) return "alarm";
  return state === "done" ? "" : "coming";
}

const stateText = ({ state }: TimelineEntry): string => (state === "done" ? "" : state === "current" ? "under way" : "expected");

/** One line of a timeline; `partner` is the other participant's name. */
export function eventText({ event }: TimelineEntry, partner: string, blockSeconds: number): string {
  const who = (me: boolean) => (me ? "you" : partner);
  switch (event.type) {
    case "opened":
      return `Opened by ${who(event.byMe)} with ${qtumText(event.amount)}`;
    case "deposited":
      return `${qtumText(event.amount)} added to ${event.toMe ? "your" : `${partner}'s`} side`;
    case "withdrawn":
      return `${qtumText(event.amount)} taken out of ${event.fromMe ? "your" : `${partner}'s`} side`;
    case "payments":
      return `${event.sent + event.received} ${event.sent + event.received === 1 ? "payment" : "payments"} (${event.sent} sent, ${event.received} received)`;
    case "closed":
      return `Closed by ${who(event.byMe)}${event.stale ? " with an old balance" : ""}, declaring ${qtumText(event.declared)} sent`;
    case "recovered":
      return `Closed by ${who(event.byMe)} after losing data`;
    case "newer-proof":
      return `Newer proof of ${who(event.fromMe)} posted: payment ${event.nonce}, ${qtumText(event.transferred)} sent in all`;
    case "floor-raised":
      return `Newer proof of ${who(event.fromMe)} posted by the watchtower: ${qtumText(event.floor)} sent in all`;
    case "window-ends":
      return event.blocksLeft > 0 ? `Answer window ends in ${blocksAndTime(event.blocksLeft, blockSeconds)}` : "Answer window over";
    case "paid-out": {
      const penalty = event.penalty > 0n ? `, penalty ${qtumText(event.penalty)}` : "";
      return `${event.together ? "Closed together" : "Pay-out"}: you ${qtumText(event.mine)}, ${partner} ${qtumText(event.partner)}${penalty}`;
    }
  }
}

import { useState } from "react";
import type { Channel, Phase } from "../session/state.ts";
import { BalanceBar } from "../ui/BalanceBar.tsx";
import { PhaseChip, WatchChip } from "../ui/chips.tsx";
import { useActions, useSelect, useVerb } from "../ui/context.tsx";
import { Field, Submit, submitTo } from "../ui/fields.tsx";
import { Icon } from "../ui/icons.tsx";
import { Card, Page } from "../ui/Page.tsx";
import { qtumText } from "../ui/Qtum.tsx";
import { Link, navigate } from "../ui/router.tsx";
import { blocksAndTime } from "../ui/time.ts";
import { problem } from "../session/problem.ts";

type Filter = "all" | "open" | "closing" | "closed";
const FILTERS: readonly (readonly [Filter, string, readonly Phase[]])[] = [
  ["all", "All", ["opening", "open", "finalizing", "final", "settled"]],
  ["open", "Open", ["opening", "open"]],
  ["closing", "Closing", ["finalizing", "final"]],
  ["closed", "Closed", ["settled"]],
];

export function ChannelsPage() {
  const channels = useSelect((state) => state.channels);
  const [filter, setFilter] = useState<Filter>("all");
  const phases = FILTERS.find(([name]) => name === filter)?.[2] ?? [];
  const shown = channels.filter(({ phase }) => phases.includes(phase));
  return (
    <Page
      title="Channels"
      aside={
        <Link to="/channels/new" className="button primary" data-testid="open-channel">
          <Icon name="plus" /> Open channel
        </Link>
      }
    >
      <div className="columns">
        <div className="stack">
          <div className="segments" role="group" aria-label="Which channels">
            {FILTERS.map(([name, label, only]) => (
              <button key={name} type="button" aria-pressed={filter === name} onClick={() => setFilter(name)}>
                {label} {channels.filter(({ phase }) => only.includes(phase)).length}
              </button>
            ))}
          </div>
          {shown.length === 0 ? (
            <div className="card empty">
              <p>{channels.length === 0 ? "No channel yet. When a partner opens one with you, it appears here by itself." : "No channel of this kind."}</p>
            </div>
          ) : (
            <ul className="stack">
              {shown.map((channel) => (
                <li key={channel.id}>
                  <ChannelRow channel={channel} />
                </li>
              ))}
            </ul>
          )}
        </div>
        <JoinByNumber />
      </div>
    </Page>
  );
}

/** One channel in a list: who, where it is in its life, who owns what. */
export function ChannelRow({ channel }: { readonly channel: Channel }) {
  const { number, partner, phase, balances, closing, payout } = channel;
  const blockSeconds = useSelect((state) => state.network?.blockSeconds ?? 32);
  return (
    <Link to={`/channels/${number}`} className="channel-link" data-testid={`channel-row-${number}`}>
      <span className="row spread">
        <span className="row">
          <span className={partner.online ? "dot on" : "dot"} aria-hidden="true" />
          <span className="strong">{partner.name}</span>
          <span className="muted">
            #{number}
            <span className="unseen">{partner.online ? ", online" : ", offline"}</span>
          </span>
        </span>
        <span className="row">
          <WatchChip channel={channel} />
          <PhaseChip phase={phase} />
        </span>
      </span>
      {payout ? (
        <span className="muted small">
          Paid out: you {qtumText(payout.mine)}, {partner.name} {qtumText(payout.partner)}
        </span>
      ) : (
        <BalanceBar balances={balances} partner={partner.name} />
      )}
      {balances.pendingMine + balances.pendingPartner > 0n && <span className="muted small">{qtumText(balances.pendingMine + balances.pendingPartner)} waits for confirmation</span>}
      {closing && phase === "finalizing" && <span className="muted small">Pay-out in {blocksAndTime(closing.blocksLeft, blockSeconds)}</span>}
    </Link>
  );
}

/** Finds a channel of one's own by the number that the partner says. */
function JoinByNumber() {
  const { joinByNumber } = useActions();
  const verb = useVerb(async (form: FormData) => {
    const text = String(form.get("number") ?? "").trim().replace(/^#/, "");
    if (!/^[1-9]\d{0,14}$/.test(text)) throw problem("unknown-channel", { id: text || "without a number" });
    await joinByNumber(Number(text));
    navigate(`/channels/${text}`);
  });
  return (
    <Card title="Join by number">
      <form className="stack" onSubmit={submitTo(verb.run)} aria-label="Join by number">
        <Field label="Channel number" name="number" inputMode="numeric" hint="Your partner sees it on the channel's page. It must be a channel of yours." problem={verb.problem} testId="join-number" />
        <Submit pending={verb.pending} tone="" testId="join-submit">
          Join
        </Submit>
      </form>
    </Card>
  );
}


import type { Channel } from "../session/state.ts";
import { useActions, useVerb } from "../ui/context.tsx";
import { VerbButton } from "../ui/fields.tsx";
import { Icon } from "../ui/icons.tsx";
import { Card } from "../ui/Page.tsx";
import { ProblemNote } from "../ui/ProblemNote.tsx";
import { heightText } from "../ui/time.ts";
import { download } from "./ActivityPage.tsx";

/** The watchtower's view and, for those who want them, the numbers underneath. */
export function Advanced({ channel }: { readonly channel: Channel }) {
  const { id, number, nonces, penaltyBps, window, evidence, phase } = channel;
  return (
    <>
      {phase !== "settled" && phase !== "final" && <WatchCard channel={channel} />}
      <section className="card" aria-label="Advanced">
        <details className="more">
          <summary>Advanced</summary>
          <div className="stack">
            <dl className="facts">
              <dt>Channel id</dt>
              <dd className="mono small">{id}</dd>
              <dt>Answer window (finalization period)</dt>
              <dd>{window} blocks</dd>
              <dt>Penalty for an old balance</dt>
              <dd>{penaltyBps / 100} % of what was hidden</dd>
              <dt>My newest proof: signed / with the relay / acked</dt>
              <dd>
                nonce {nonces.sent} / {nonces.delivered} / {nonces.sentAcked}
              </dd>
              <dt>Partner's newest proof: held / acked</dt>
              <dd>
                nonce {nonces.received} / {nonces.receivedAcked}
              </dd>
            </dl>
            <button type="button" className="button" onClick={() => download(`sparky-channel-${number}.json`, evidence)}>
              <Icon name="download" /> Download evidence
            </button>
          </div>
        </details>
      </section>
    </>
  );
}

function WatchCard({ channel }: { readonly channel: Channel }) {
  const { setWatch } = useActions();
  const verb = useVerb((enabled: boolean) => setWatch({ channelId: channel.id, enabled }));
  const { armed, armedNonce, lastCheckedHeight, lastAction } = channel.watch;
  const closing = channel.phase === "finalizing";
  return (
    <Card title="Watchtower">
      <p className="small">{closing ? duringClose(armed) : whileOpen(channel)}</p>
      <p className="small muted" data-testid="watch-details">
        {[
          armedNonce !== null && armedNonce > 0 ? `Holds payment ${armedNonce}` : "Nothing to watch yet",
          lastCheckedHeight !== null && `checked at block ${heightText(lastCheckedHeight)}`,
          lastAction !== null && `last did: ${lastAction}`,
        ]
          .filter(Boolean)
          .join(", ")}
      </p>
      {verb.problem && <ProblemNote problem={verb.problem} />}
      <div>
        <VerbButton small pending={verb.pending} testId="toggle-watch" onClick={() => void verb.run(!armed)}>
          {armed ? "Turn off for this channel" : "Turn on"}
        </VerbButton>
      </div>
    </Card>
  );
}

const duringClose = (armed: boolean): string =>
  armed ? "The relay posts what helps you, in the first block that it can." : "The relay does nothing for this channel.";

const whileOpen = ({ watch, partner, window }: Channel): string =>
  watch.armed
    ? `The relay answers for you if ${partner.name} closes with an old balance. It needs nothing secret.`
    : `The relay does not answer for you. If you are away for more than ${window} blocks, ${partner.name} could close with an old balance.`;

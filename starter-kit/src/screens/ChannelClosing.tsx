import type { Channel, Closing, Payout } from "../session/state.ts";
import { useActions, useVerb } from "../ui/context.tsx";
import { Countdown } from "../ui/Countdown.tsx";
import { VerbButton } from "../ui/fields.tsx";
import { Icon } from "../ui/icons.tsx";
import { noteClass, ProblemNote } from "../ui/ProblemNote.tsx";
import { Qtum, qtumText } from "../ui/Qtum.tsx";
import { heightText } from "../ui/time.ts";

/** A close that is under way: how long, what it will pay, and what must be done before. */
export function ClosingPanel({ channel }: { readonly channel: Channel }) {
  const { closing } = channel;
  if (!closing) return null;
  const danger = closing.stale && !closing.byMe && !closing.corrected;
  const over = channel.phase === "final";
  return (
    <section className={noteClass(danger ? "bad" : over ? "good" : "warn")} role={danger ? "alert" : undefined} aria-label="Closing" data-testid="closing" data-code={danger ? "stale-close-detected" : undefined}>
      <Icon name={danger ? "alert" : "clock"} />
      <div className="note-body">
        <h2>{titleOf(channel, closing)}</h2>
        <p>{textOf(channel, closing)}</p>
        {!over && <Countdown blocksLeft={closing.blocksLeft} secondsLeft={closing.secondsLeft} blocksTotal={closing.blocksTotal} alarm={danger} />}
        <Buttons channel={channel} over={over} />
        <dl className="figures">
          <dt>Pay-out to you, as things stand</dt>
          <dd>
            <Qtum value={closing.payMine} testId="expected-mine" />
          </dd>
          <dt>Pay-out to {channel.partner.name}</dt>
          <dd>
            <Qtum value={closing.payPartner} testId="expected-partner" />
          </dd>
          {closing.expectMine !== closing.payMine && (
            <>
              <dt>Pay-out to you with the newer proof</dt>
              <dd>
                <Qtum value={closing.expectMine} testId="corrected-mine" />
              </dd>
            </>
          )}
          {closing.penalty > 0n && (
            <>
              <dt>of which penalty {closing.byMe ? "you pay" : `from ${channel.partner.name}`}</dt>
              <dd>
                <Qtum value={closing.penalty} testId="expected-penalty" />
              </dd>
            </>
          )}
        </dl>
      </div>
    </section>
  );
}

function Buttons({ channel, over }: { readonly channel: Channel; readonly over: boolean }) {
  const { counterClaim, settle } = useActions();
  const answer = useVerb(() => counterClaim(channel.id));
  const payOut = useVerb(() => settle(channel.id));
  const { can, closing } = channel;
  const problem = answer.problem ?? payOut.problem;
  return (
    <>
      {problem && <ProblemNote problem={problem} />}
      {(can.counterClaim || (over && can.settle)) && (
        <div className="row">
          {can.counterClaim && (
            <VerbButton tone={closing?.stale ? "danger" : "primary"} pending={answer.pending} testId="post-newer-proof" onClick={() => void answer.run()}>
              <Icon name="shield" /> Post newer proof
            </VerbButton>
          )}
          {over && can.settle && (
            <VerbButton tone="primary" pending={payOut.pending} testId="settle" onClick={() => void payOut.run()}>
              <Icon name="check" /> Settle: pay both out
            </VerbButton>
          )}
        </div>
      )}
    </>
  );
}

function titleOf({ phase, partner }: Channel, { byMe, stale, corrected, kind }: Closing): string {
  if (phase === "final") return "The answer window is over";
  if (kind === "recover") return byMe ? "You closed after losing data" : `${partner.name} lost data and closed`;
  if (stale && !corrected) return byMe ? "You closed with an old balance" : `${partner.name} tried to close with an old balance`;
  if (corrected) return "A newer proof was posted";
  return byMe ? "You closed without your partner" : `${partner.name} closed without you`;
}

function textOf({ phase, partner, watch }: Channel, { byMe, stale, corrected, deadline, settleableAt }: Closing): string {
  if (phase === "final") return "Both of you can be paid in one transaction now. Either of you may send it.";
  if (stale && !corrected && !byMe) {
    const tower = watch.armed ? "The watchtower is answering; you can also do it yourself." : "Nobody watches this channel for you: do it yourself now.";
    return `Your money is safe if the newer proof is posted by block ${heightText(deadline)}. ${tower}`;
  }
  if (stale && !corrected) return `${partner.name} or the watchtower can post the newer one until block ${heightText(deadline)}; then you pay a penalty.`;
  if (corrected) return `The chain has the newest balance again. Pay-out from block ${heightText(settleableAt)}.`;
  return `${byMe ? partner.name : "You"} can post a newer balance until block ${heightText(deadline)}. If there is none, the balance below is paid out.`;
}

/** The end: who got what. */
export function PayoutPanel({ channel, payout }: { readonly channel: Channel; readonly payout: Payout }) {
  const { partner, closing } = channel;
  return (
    <section className="card" aria-label="Pay-out" data-testid="payout">
      <div className="card-head">
        <h2>{payout.together ? "Closed together" : "Paid out"}</h2>
        <span className="muted small">Block {heightText(payout.height)}</span>
      </div>
      <dl className="payouts">
        <div>
          <dt>You got</dt>
          <dd>
            <Qtum value={payout.mine} testId="payout-mine" />
          </dd>
        </div>
        <div>
          <dt>{partner.name} got</dt>
          <dd>
            <Qtum value={payout.partner} testId="payout-partner" />
          </dd>
        </div>
      </dl>
      {payout.penalty > 0n && (
        <p className="row nowrap">
          <Icon name="alert" />
          <span data-testid="payout-penalty">
            {closing?.byMe ? "You" : partner.name} paid a penalty of {qtumText(payout.penalty)} for closing with an old balance.
          </span>
        </p>
      )}
      {payout.txid && <p className="muted tiny mono">{payout.txid}</p>}
    </section>
  );
}

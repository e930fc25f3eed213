import type { Channel, Proposal } from "../session/state.ts";
import { useActions, useSelect, useVerb } from "../ui/context.tsx";
import { VerbButton } from "../ui/fields.tsx";
import { Icon } from "../ui/icons.tsx";
import { ProblemNote } from "../ui/ProblemNote.tsx";
import { qtumText } from "../ui/Qtum.tsx";
import { blocksAndTime } from "../ui/time.ts";

/** Offers to close or withdraw together: the partner's to answer, one's own to wait for. */
export function Proposals({ channel }: { readonly channel: Channel }) {
  return (
    <>
      {channel.proposals.map((proposal) => (
        <Offer key={proposal.id} channel={channel} proposal={proposal} />
      ))}
    </>
  );
}

function Offer({ channel, proposal }: { readonly channel: Channel; readonly proposal: Proposal }) {
  const { acceptProposal, declineProposal } = useActions();
  const height = useSelect((state) => state.tip?.height ?? 0);
  const blockSeconds = useSelect((state) => state.network?.blockSeconds ?? 32);
  const which = { channelId: channel.id, proposalId: proposal.id };
  const accept = useVerb(() => acceptProposal(which));
  const decline = useVerb(() => declineProposal(which));
  const left = Math.max(0, proposal.validUntil - height);
  const waiting = proposal.status !== "open";
  const problem = accept.problem ?? decline.problem;
  return (
    <section className="note" aria-label={titleOf(channel, proposal)} data-testid="proposal" data-kind={proposal.kind} data-mine={proposal.mine}>
      <Icon name="bell" />
      <div className="note-body">
        <h2>{titleOf(channel, proposal)}</h2>
        <p>{textOf(channel, proposal)}</p>
        <p className="small muted">{waiting ? "Agreed. The transaction is on its way." : `Good for ${blocksAndTime(left, blockSeconds)}.`}</p>
        {problem && <ProblemNote problem={problem} />}
        {!waiting && (
          <div className="row">
            {!proposal.mine && (
              <VerbButton tone="primary" pending={accept.pending} testId="accept-proposal" onClick={() => void accept.run()}>
                {proposal.kind === "close" ? "Agree and close" : "Agree"}
              </VerbButton>
            )}
            <VerbButton pending={decline.pending} testId="decline-proposal" onClick={() => void decline.run()}>
              {proposal.mine ? "Take the offer back" : "Not now"}
            </VerbButton>
          </div>
        )}
      </div>
    </section>
  );
}

function titleOf({ partner }: Channel, { kind, mine }: Proposal): string {
  const what = kind === "close" ? "close this channel together" : "withdraw part";
  return mine ? `You offered to ${what}` : `${partner.name} wants to ${what}`;
}

function textOf({ partner }: Channel, { kind, payMine, payPartner, amount, fromMe }: Proposal): string {
  if (kind === "close") return `You get ${qtumText(payMine)}, ${partner.name} ${qtumText(payPartner)}, both at once in one transaction.`;
  return `${qtumText(amount)} of ${fromMe ? "your" : `${partner.name}'s`} balance goes back on chain. The channel stays open and nothing else changes.`;
}

import { useState } from "react";
import type { Channel } from "../session/state.ts";
import { problem as problemOf } from "../session/problem.ts";
import { ShortAddress } from "../ui/Address.tsx";
import { AlertNote } from "../ui/AlertNote.tsx";
import { BalanceBar } from "../ui/BalanceBar.tsx";
import { PhaseChip, Presence, WatchChip } from "../ui/chips.tsx";
import { useSelect } from "../ui/context.tsx";
import { Icon } from "../ui/icons.tsx";
import { Card, Page } from "../ui/Page.tsx";
import { ProblemNote } from "../ui/ProblemNote.tsx";
import { Qtum, qtumText } from "../ui/Qtum.tsx";
import { Advanced } from "./ChannelAdvanced.tsx";
import { ClosingPanel, PayoutPanel } from "./ChannelClosing.tsx";
import { DepositForm, WithdrawForm } from "./ChannelFunds.tsx";
import { CloseDialog } from "./CloseDialog.tsx";
import { PayForm } from "./PayForm.tsx";
import { Proposals } from "./Proposals.tsx";
import { ChannelTimeline } from "./ChannelTimeline.tsx";
import { Transactions } from "./Transactions.tsx";

/** Everything about one channel: its balance, what one can do, what happened. */
export function ChannelPage({ number }: { readonly number: number }) {
  const channel = useSelect((state) => state.channels.find((one) => one.number === number) ?? null);
  if (!channel) return <NotHere number={number} />;
  return <Known channel={channel} key={channel.id} />;
}

function NotHere({ number }: { readonly number: number }) {
  const status = useSelect((state) => state.connection.status);
  return (
    <Page title={`Channel ${number}`} narrow>
      {status === "online" ? <ProblemNote problem={problemOf("unknown-channel", { id: number }).data()} /> : <p className="muted">Looking for it…</p>}
    </Page>
  );
}

/** Alerts that the panels of this page tell better. */
const TOLD_HERE: ReadonlySet<string> = new Set(["stale-close-detected", "stale-close-by-me", "partner-closed", "settleable", "close-proposed", "withdraw-proposed"]);

function Known({ channel }: { readonly channel: Channel }) {
  const alerts = useSelect((state) => state.alerts);
  const { partner, number, phase, balances, blocked, can } = channel;
  const shown = alerts.filter(({ channelId, problem }) => channelId === channel.id && !TOLD_HERE.has(problem.code));
  const living = phase === "open" || phase === "opening";
  return (
    <Page
      title={`Channel ${number} with ${partner.name}`}
      heading={
        <>
          Channel <span data-testid="channel-number">{number}</span> with {partner.name}
        </>
      }
      aside={
        <>
          <PhaseChip phase={phase} />
          <WatchChip channel={channel} />
          {living && <Presence online={partner.online} />}
        </>
      }
      lead={<ShortAddress address={partner.address} />}
    >
      {shown.map((alert) => (
        <AlertNote key={alert.key} alert={alert} />
      ))}
      {channel.closing && !channel.payout && <ClosingPanel channel={channel} />}
      {channel.payout && <PayoutPanel channel={channel} payout={channel.payout} />}
      <Proposals channel={channel} />
      <div className="columns">
        <div className="stack loose">
          {phase !== "settled" && (
            <Card title="Balance">
              <BalanceBar balances={balances} partner={partner.name} large />
              <Small balances={balances} />
            </Card>
          )}
          {living && (
            <Card title={`Pay ${partner.name}`}>
              {blocked && <ProblemNote problem={blocked} />}
              <PayForm channel={channel} />
            </Card>
          )}
          <Transactions channelId={channel.id} />
          <Card title="Timeline">
            <ChannelTimeline channel={channel} />
          </Card>
        </div>
        <div className="stack loose">
          {(can.deposit || can.withdraw || can.close) && <Funds channel={channel} />}
          <Advanced channel={channel} />
        </div>
      </div>
    </Page>
  );
}

function Small({ balances }: { readonly balances: Channel["balances"] }) {
  const { available, receivable, locked, pendingMine, pendingPartner } = balances;
  return (
    <dl className="figures small">
      <dt>You can pay</dt>
      <dd>
        <Qtum value={available} testId="channel-available" />
      </dd>
      <dt>You can receive</dt>
      <dd>
        <Qtum value={receivable} testId="channel-receivable" />
      </dd>
      {locked > 0n && (
        <>
          <dt>In flight</dt>
          <dd>
            <Qtum value={locked} />
          </dd>
        </>
      )}
      {pendingMine + pendingPartner > 0n && (
        <>
          <dt>Waiting for confirmation</dt>
          <dd>{qtumText(pendingMine + pendingPartner)}</dd>
        </>
      )}
    </dl>
  );
}

function Funds({ channel }: { readonly channel: Channel }) {
  const [open, setOpen] = useState<"none" | "deposit" | "withdraw">("none");
  const [closing, setClosing] = useState(false);
  const toggle = (which: "deposit" | "withdraw") => setOpen(open === which ? "none" : which);
  return (
    <Card title="Manage">
      {channel.can.deposit && (
        <button type="button" className="button" aria-expanded={open === "deposit"} onClick={() => toggle("deposit")} data-testid="deposit-more">
          <Icon name="plus" /> Add funds
        </button>
      )}
      {open === "deposit" && <DepositForm channel={channel} onDone={() => setOpen("none")} />}
      {channel.can.withdraw && (
        <button type="button" className="button" aria-expanded={open === "withdraw"} onClick={() => toggle("withdraw")} data-testid="withdraw-part">
          <Icon name="receive" /> Withdraw part
        </button>
      )}
      {open === "withdraw" && <WithdrawForm channel={channel} onDone={() => setOpen("none")} />}
      {channel.can.close && (
        <button type="button" className="button" aria-haspopup="dialog" onClick={() => setClosing(true)} data-testid="close-channel">
          <Icon name="lock" /> Close the channel…
        </button>
      )}
      {closing && <CloseDialog channel={channel} onClose={() => setClosing(false)} />}
    </Card>
  );
}

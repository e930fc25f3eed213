import { useEffect, useState } from "react";
import type { Quote } from "../session/actions.ts";
import { ZERO } from "../session/amount.ts";
import { useActions, useSelect, useVerb } from "../ui/context.tsx";
import { DEMO_ACCOUNTS } from "../ui/demo.ts";
import { AmountField, Field, Submit, submitTo } from "../ui/fields.tsx";
import { Icon } from "../ui/icons.tsx";
import { Card, Page } from "../ui/Page.tsx";
import { amountOrNull, fieldOf, parseAmount } from "../ui/parseAmount.ts";
import { ProblemNote } from "../ui/ProblemNote.tsx";
import { Qtum } from "../ui/Qtum.tsx";
import { Link, usePlace } from "../ui/router.tsx";
import { Steps } from "../ui/Steps.tsx";
import { TooMuch } from "../ui/TooMuch.tsx";
import { blocksAndTime } from "../ui/time.ts";

/** Who, how much, what it costs; then how far it is. One transaction opens and deposits. */
export function OpenChannel() {
  const [txid, setTxid] = useState<string | null>(null);
  return (
    <Page title="Open a channel" narrow lead={txid ? undefined : "You and your partner can both add funds later. What you put in stays yours until you pay it."}>
      {txid ? <Progress txid={txid} /> : <OpenForm onSent={setTxid} />}
    </Page>
  );
}

function OpenForm({ onSent }: { readonly onSent: (txid: string) => void }) {
  const { openChannel } = useActions();
  const { query } = usePlace();
  const me = useSelect((state) => state.account?.address ?? "");
  const network = useSelect((state) => state.network);
  const [partner, setPartner] = useState(query.get("to") ?? "");
  const [amountText, setAmountText] = useState("");
  const known = useKnownPartners(me, network?.dev ?? false);
  const verb = useVerb(async () => {
    const amount = amountText.trim() === "" ? ZERO : parseAmount(amountText, "allowed");
    onSent(await openChannel({ partner: partner.trim(), amount }));
  });
  const field = verb.problem && fieldOf(verb.problem.code);

  return (
    <form className="stack loose" aria-label="Open a channel" onSubmit={submitTo(() => verb.run())}>
      <Card title="Who">
        <Field
          label="Partner's address"
          testId="partner-address"
          className="mono"
          value={partner}
          onChange={(event) => setPartner(event.target.value)}
          hint="An ordinary Qtum address is enough."
          problem={field === "address" ? verb.problem : null}
        />
        {known.length > 0 && (
          <div className="row" role="group" aria-label="People you know">
            {known.map(({ name, address }) => (
              <button key={address} type="button" className="button small" aria-pressed={partner === address} onClick={() => setPartner(address)}>
                <Icon name="account" size={16} /> {name}
              </button>
            ))}
          </div>
        )}
      </Card>
      <Card title="How much">
        <AmountField
          label="Your deposit"
          testId="deposit-amount"
          value={amountText}
          onChange={(event) => setAmountText(event.target.value)}
          hint="0 is allowed: open now, add funds later."
          problem={field === "amount" ? verb.problem : null}
        />
      </Card>
      <Card title="Review">
        <Review amountText={amountText} />
        {network && (
          <p className="muted small">
            If your partner disappears, you can close alone and get your money after an answer window of {blocksAndTime(network.window.default, network.blockSeconds)}.
          </p>
        )}
        {network && <TooMuch capacity={amountOrNull(amountText)} network={network} window={network.window.default} />}
        {verb.problem && field === "form" && <ProblemNote problem={verb.problem} />}
        <Submit pending={verb.pending} testId="open-submit" wide>
          Open the channel
        </Submit>
      </Card>
    </form>
  );
}

/** Demo accounts on the dev chain, and partners of other channels. */
function useKnownPartners(me: string, dev: boolean) {
  const channels = useSelect((state) => state.channels);
  const people = new Map<string, string>();
  if (dev) for (const { name, address } of DEMO_ACCOUNTS) people.set(address, name);
  for (const { partner } of channels) people.set(partner.address, partner.name);
  people.delete(me);
  return [...people].map(([address, name]) => ({ address, name }));
}

/** What the one transaction costs; asked again when the typing rests. */
function Review({ amountText }: { readonly amountText: string }) {
  const { quote } = useActions();
  const [quoted, setQuoted] = useState<Quote | null>(null);
  const amount = amountOrNull(amountText);
  useEffect(() => {
    let current = true;
    const timer = setTimeout(() => {
      quote({ purpose: "open", amount: amount ?? ZERO }).then(
        (answer) => current && setQuoted(answer),
        () => current && setQuoted(null),
      );
    }, 250);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [amount, quote]);
  return (
    <dl className="figures">
      <dt>Into the channel</dt>
      <dd>{amount === null ? "–" : <Qtum value={amount} />}</dd>
      <dt>Network fee</dt>
      <dd>{quoted ? <Qtum value={quoted.fee} /> : "–"}</dd>
      <dt>Gas, at most (the rest comes back)</dt>
      <dd>{quoted ? <Qtum value={quoted.gas} /> : "–"}</dd>
      <dt className="total">One transaction, at most</dt>
      <dd className="total">{quoted && amount !== null ? <Qtum value={quoted.total} /> : "–"}</dd>
    </dl>
  );
}

/** Sent → In block → Ready, from the facts that the session sees. */
function Progress({ txid }: { readonly txid: string }) {
  const transaction = useSelect((state) => state.transactions.find((tx) => tx.txid === txid) ?? null);
  const channel = useSelect(
    (state) => state.channels.find((one) => one.timeline.some((entry) => entry.event.type === "opened" && entry.txid === txid)) ?? null,
  );
  const confirmations = useSelect((state) => state.network?.confirmations ?? 1);
  const ready = channel !== null && channel.phase !== "opening" && channel.balances.pendingMine === 0n;
  const mined = channel !== null || transaction?.stage === "confirmed" || (transaction?.confirmations ?? 0) > 0;
  return (
    <Card title={ready ? "The channel is ready" : "Opening your channel"}>
      <Steps steps={["Sent", "In block", "Ready"]} at={ready ? 3 : mined ? 2 : 1} />
      {transaction?.problem && <ProblemNote problem={transaction.problem} />}
      {!ready && !transaction?.problem && (
        <p className="muted">
          {mined ? `Your deposit counts after ${confirmations} ${confirmations === 1 ? "confirmation" : "confirmations"}.` : "Waiting for the next block."} You may leave this page.
        </p>
      )}
      {channel && (
        <div className="row">
          <Link to={`/channels/${channel.number}`} className="button primary" data-testid="see-channel">
            Go to channel {channel.number}
          </Link>
          {ready && (
            <Link to={`/pay?channel=${channel.number}`} className="button">
              <Icon name="pay" /> Pay {channel.partner.name}
            </Link>
          )}
        </div>
      )}
      <p className="muted tiny mono">{txid}</p>
    </Card>
  );
}

import { useState } from "react";
import type { Channel } from "../session/state.ts";
import { problem } from "../session/problem.ts";
import { shortAddress } from "../ui/Address.tsx";
import { BalanceBar } from "../ui/BalanceBar.tsx";
import { Presence } from "../ui/chips.tsx";
import { useActions, useSelect } from "../ui/context.tsx";
import { AmountField, Field, Submit, submitTo } from "../ui/fields.tsx";
import { Icon } from "../ui/icons.tsx";
import { Card, Page } from "../ui/Page.tsx";
import { amountAsInput, fieldOf } from "../ui/parseAmount.ts";
import { ProblemNote } from "../ui/ProblemNote.tsx";
import { qtumText } from "../ui/Qtum.tsx";
import { Link, usePlace } from "../ui/router.tsx";
import { Receipt, usePayment } from "./PayForm.tsx";

/** Pay anybody you share a channel with: by address, name or channel number. */
export function Pay() {
  const channels = useSelect((state) => state.channels);
  const open = channels.filter(({ phase }) => phase === "open" || phase === "opening");
  if (open.length === 0) {
    return (
      <Page title="Pay" narrow>
        <div className="card empty">
          <p>You need a channel with the person you want to pay. Opening one takes a transaction; every payment after that is instant and free.</p>
          <Link to="/channels/new" className="button primary" data-testid="open-channel">
            <Icon name="plus" /> Open a channel
          </Link>
        </div>
      </Page>
    );
  }
  return (
    <Page title="Pay" narrow>
      <PayAnyone open={open} />
    </Page>
  );
}

function PayAnyone({ open }: { readonly open: readonly Channel[] }) {
  const { pay } = useActions();
  const { query } = usePlace();
  const [to, setTo] = useState(() => firstDestination(open, query));
  const [text, setText] = useState(() => query.get("amount") ?? "");
  const target = findChannel(open, to);
  const verb = usePayment(async (amount) => {
    if (target) return pay({ channelId: target.id, amount });
    if (/^#?\d+$/.test(to.trim())) throw problem("unknown-channel", { id: to.trim().replace("#", "") });
    if (to.trim() === "") throw problem("invalid-address", { input: "An empty field" });
    return pay({ to: addressOf(to), amount });
  });
  const field = verb.problem && fieldOf(verb.problem.code);

  return (
    <form
      className="stack loose"
      aria-label="Pay"
      onSubmit={submitTo(async () => {
        if (await verb.run(text, target?.partner.name ?? shortAddress(addressOf(to)))) setText("");
      })}
    >
      <Card title="To whom">
        <Field
          label="Address, name or channel number"
          testId="pay-to"
          value={to}
          onChange={(event) => setTo(event.target.value)}
          problem={field === "address" ? verb.problem : null}
        />
        <div className="row" role="group" aria-label="Your partners">
          {open.map(({ id, number, partner }) => (
            <button key={id} type="button" className="button small" aria-pressed={target?.id === id} onClick={() => setTo(`#${number}`)}>
              <span className={partner.online ? "dot on" : "dot"} aria-hidden="true" />
              {partner.name} <span className="muted">#{number}</span>
            </button>
          ))}
        </div>
        {target && (
          <div className="stack tight">
            <p className="row spread">
              <span className="strong">
                {target.partner.name}, channel {target.number}
              </span>
              <Presence online={target.partner.online} />
            </p>
            <BalanceBar balances={target.balances} partner={target.partner.name} />
          </div>
        )}
      </Card>
      <Card title="How much">
        <AmountField
          testId="pay-amount"
          value={text}
          onChange={(event) => setText(event.target.value)}
          hint={target ? `You can pay up to ${qtumText(target.balances.available)}. No fee.` : "No fee within a channel."}
          problem={field === "amount" ? verb.problem : null}
          beside={
            target && (
              <button type="button" className="button" onClick={() => setText(amountAsInput(target.balances.available))}>
                Max
              </button>
            )
          }
        />
        {target && target.balances.available === 0n && (
          <p className="row small">
            <Icon name="info" size={16} /> You have nothing to spend in this channel.
            <Link to={`/channels/${target.number}`}>Add funds</Link>
          </p>
        )}
        {verb.problem && field === "form" && <ProblemNote problem={verb.problem} />}
        <Submit pending={verb.pending} testId="pay-submit" wide>
          <Icon name="pay" /> Pay
        </Submit>
        <Receipt done={verb.done} />
      </Card>
    </form>
  );
}

/** What the link to this page asked for, else the only partner there is. */
function firstDestination(open: readonly Channel[], query: URLSearchParams): string {
  const number = query.get("channel");
  if (number) return `#${number}`;
  const to = query.get("to");
  if (to) return to;
  return open.length === 1 && open[0] ? `#${open[0].number}` : "";
}

/** The address in a pasted `qtum:` link, or the text itself. */
export function addressOf(text: string): string {
  return text.trim().replace(/^qtum:/i, "").split("?")[0] ?? "";
}

/** The channel that a text means: its number, its partner's name or address (the fullest one). */
export function findChannel(open: readonly Channel[], text: string): Channel | null {
  const wanted = addressOf(text);
  if (wanted === "") return null;
  const number = /^#?(\d{1,15})$/.exec(wanted)?.[1];
  if (number) return open.find((channel) => channel.number === Number(number)) ?? null;
  const meant = open.filter(({ partner }) => partner.address === wanted || partner.name.toLowerCase() === wanted.toLowerCase());
  return meant.reduce<Channel | null>((best, one) => (best && best.balances.available >= one.balances.available ? best : one), null);
}

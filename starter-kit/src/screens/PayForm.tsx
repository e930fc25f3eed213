import { useState } from "react";
import type { PayReceipt } from "../session/actions.ts";
import type { Amount } from "../session/amount.ts";
import type { Channel } from "../session/state.ts";
import { announce } from "../ui/announce.ts";
import { useActions, useVerb } from "../ui/context.tsx";
import { AmountField, Submit, submitTo } from "../ui/fields.tsx";
import { Icon } from "../ui/icons.tsx";
import { amountAsInput, fieldOf, parseAmount } from "../ui/parseAmount.ts";
import { ProblemNote } from "../ui/ProblemNote.tsx";
import { qtumText } from "../ui/Qtum.tsx";

/** A payment in one channel: an amount and a button. */
export function PayForm({ channel }: { readonly channel: Channel }) {
  const { pay } = useActions();
  const [text, setText] = useState("");
  const verb = usePayment(async (amount: Amount) => pay({ channelId: channel.id, amount }));
  const { available } = channel.balances;
  const field = verb.problem && fieldOf(verb.problem.code);
  return (
    <form
      className="stack"
      aria-label={`Pay ${channel.partner.name}`}
      onSubmit={submitTo(async () => {
        if (await verb.run(text, channel.partner.name)) setText("");
      })}
    >
      <AmountField
        testId="pay-amount"
        value={text}
        onChange={(event) => setText(event.target.value)}
        hint={`You can pay up to ${qtumText(available)}.`}
        problem={field === "form" ? null : verb.problem}
        beside={
          <button type="button" className="button" onClick={() => setText(amountAsInput(available))}>
            Max
          </button>
        }
      />
      {verb.problem && field === "form" && <ProblemNote problem={verb.problem} />}
      <Submit pending={verb.pending} testId="pay-submit" wide disabled={!channel.can.pay}>
        <Icon name="pay" /> Pay {channel.partner.name}
      </Submit>
      <Receipt done={verb.done} />
    </form>
  );
}

/** A payment that went out, with what was asked for. */
export interface Done {
  readonly receipt: PayReceipt;
  readonly amount: Amount;
  readonly partner: string;
}

/** Parses, pays, keeps the receipt. */
export function usePayment(pay: (amount: Amount) => Promise<PayReceipt>) {
  const [done, setDone] = useState<Done | null>(null);
  const verb = useVerb(async (text: string, partner: string) => {
    setDone(null);
    const amount = parseAmount(text);
    const receipt = await pay(amount);
    const paid = { receipt, amount, partner };
    setDone(paid);
    announce(receiptText(paid));
    return paid;
  });
  return { ...verb, done };
}

/** One sentence on how a payment went. */
export function receiptText({ receipt, amount, partner }: Done): string {
  const sum = qtumText(amount);
  if (receipt.status === "stored") return `${sum} for ${partner} is signed and stored here. It goes out when you are online.`;
  if (!receipt.partnerOnline) return `${sum} for ${partner} is stored by the relay. ${partner} is offline and gets it on return; it already counts as theirs.`;
  return `Paid ${sum} to ${partner}, delivered in ${receipt.tookMs} ms.`;
}

export function Receipt({ done }: { readonly done: Done | null }) {
  if (!done) return null;
  const { receipt } = done;
  const code = receipt.status === "delivered" && !receipt.partnerOnline ? "partner-offline" : undefined;
  return (
    <div className={receipt.status === "stored" ? "note warn" : "note good"} data-testid="receipt" data-status={receipt.status} data-code={code}>
      <Icon name={receipt.status === "stored" ? "clock" : "check"} />
      <p>{receiptText(done)}</p>
    </div>
  );
}

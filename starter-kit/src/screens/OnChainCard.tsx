import { useState } from "react";
import { announce } from "../ui/announce.ts";
import { useActions, useSelect, useVerb } from "../ui/context.tsx";
import { AmountField, Field, Submit, VerbButton, submitTo } from "../ui/fields.tsx";
import { Card } from "../ui/Page.tsx";
import { fieldOf, parseAmount } from "../ui/parseAmount.ts";
import { ProblemNote } from "../ui/ProblemNote.tsx";
import { qtumText } from "../ui/Qtum.tsx";

/** What happens outside of channels: an ordinary payment, and fetching what a pay-out could not deliver. */
export function OnChainCard() {
  const { sendOnChain, withdrawCredit } = useActions();
  const spendable = useSelect((state) => state.onChain.spendable);
  const [amount, setAmount] = useState("");
  const send = useVerb(async (form: FormData) => {
    await sendOnChain({ to: String(form.get("to") ?? "").trim(), amount: parseAmount(amount) });
    setAmount("");
    announce("Sent");
  });
  const fetching = useVerb(async () => {
    await withdrawCredit();
    announce("On its way to your address");
  });
  const field = send.problem && fieldOf(send.problem.code);
  return (
    <Card title="On chain">
      <form className="stack" aria-label="Send on chain" onSubmit={submitTo(send.run)}>
        <p className="muted small">An ordinary transaction with a fee, for people without a channel. You have {qtumText(spendable)} on chain.</p>
        <Field label="To (a Qtum address)" name="to" className="mono" required testId="send-to" problem={field === "address" ? send.problem : null} />
        <AmountField
          testId="send-amount"
          value={amount}
          onChange={(event) => setAmount(event.target.value)}
          problem={field === "amount" ? send.problem : null}
        />
        {send.problem && field === "form" && <ProblemNote problem={send.problem} />}
        <Submit pending={send.pending} testId="send-submit" tone="">
          Send on chain
        </Submit>
      </form>
      <p className="muted small">If a pay-out could not be delivered, the contract keeps it for you.</p>
      <div>
        <VerbButton pending={fetching.pending} onClick={() => void fetching.run()} testId="withdraw-credit">
          Fetch what waits in the contract
        </VerbButton>
      </div>
      {fetching.problem && <ProblemNote problem={fetching.problem} />}
    </Card>
  );
}

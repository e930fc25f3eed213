import { type ReactNode, useState } from "react";
import { type Amount, plus } from "../session/amount.ts";
import type { Channel } from "../session/state.ts";
import { announce } from "../ui/announce.ts";
import { useActions, useSelect, useVerb } from "../ui/context.tsx";
import { AmountField, Submit, submitTo } from "../ui/fields.tsx";
import { amountAsInput, amountOrNull, fieldOf, parseAmount } from "../ui/parseAmount.ts";
import { ProblemNote } from "../ui/ProblemNote.tsx";
import { qtumText } from "../ui/Qtum.tsx";
import { TooMuch } from "../ui/TooMuch.tsx";

interface Props {
  readonly channel: Channel;
  readonly onDone: () => void;
}

/** Adds to either side with a transaction, at any time. */
export function DepositForm({ channel, onDone }: Props) {
  const { deposit } = useActions();
  const onChain = useSelect((state) => state.onChain.spendable);
  const network = useSelect((state) => state.network);
  const { capacity, pendingMine, pendingPartner } = channel.balances;
  const held = plus(capacity, plus(pendingMine, pendingPartner));
  const [toPartner, setToPartner] = useState(false);
  const verb = useVerb(async (text: string) => {
    await deposit({ channelId: channel.id, amount: parseAmount(text), toPartner });
    announce("Deposit sent");
    onDone();
  });
  return (
    <FundsForm label="Add funds" verb={verb} testId="deposit" hint={`One transaction. You have ${qtumText(onChain)} on chain.`}
      more={(amount) => (
        <>
          <label className="check">
            <input type="checkbox" checked={toPartner} onChange={(event) => setToPartner(event.target.checked)} data-testid="deposit-to-partner" />
            <span>
              To {channel.partner.name}'s side
              <span className="muted small block">It becomes {channel.partner.name}'s money at once, and only a payment brings it back.</span>
            </span>
          </label>
          {network && <TooMuch capacity={amount === null ? null : plus(held, amount)} network={network} window={channel.window} />}
        </>
      )}
    >
      {toPartner ? `Give it to ${channel.partner.name}` : "Add funds"}
    </FundsForm>
  );
}

/** Takes out part of one's balance; the partner agrees, the channel stays open. */
export function WithdrawForm({ channel, onDone }: Props) {
  const { proposeWithdraw } = useActions();
  const verb = useVerb(async (text: string) => {
    await proposeWithdraw({ channelId: channel.id, amount: parseAmount(text) });
    announce(`Offer sent to ${channel.partner.name}`);
    onDone();
  });
  const { available } = channel.balances;
  return (
    <FundsForm
      label="Withdraw part"
      verb={verb}
      testId="withdraw"
      hint={`${channel.partner.name} has to agree; the channel stays open. Up to ${qtumText(available)}.`}
      max={available}
    >
      Ask {channel.partner.name}
    </FundsForm>
  );
}

interface FundsFormProps {
  readonly label: string;
  readonly hint: string;
  readonly testId: string;
  readonly max?: bigint;
  /** Choices and warnings between amount and button, for what is typed so far. */
  readonly more?: (amount: Amount | null) => ReactNode;
  readonly verb: ReturnType<typeof useVerb<[string], void>>;
  readonly children: ReactNode;
}

function FundsForm({ label, hint, testId, max, more, verb, children }: FundsFormProps) {
  const [text, setText] = useState("");
  const field = verb.problem && fieldOf(verb.problem.code);
  return (
    <form className="stack" aria-label={label} onSubmit={submitTo(() => verb.run(text))}>
      <AmountField
        testId={`${testId}-more-amount`}
        value={text}
        onChange={(event) => setText(event.target.value)}
        hint={hint}
        autoFocus
        problem={field === "form" ? null : verb.problem}
        beside={
          max !== undefined && (
            <button type="button" className="button" onClick={() => setText(amountAsInput(max))}>
              Max
            </button>
          )
        }
      />
      {more?.(amountOrNull(text))}
      {verb.problem && field === "form" && <ProblemNote problem={verb.problem} />}
      <Submit pending={verb.pending} testId={`${testId}-more-submit`} wide>
        {children}
      </Submit>
    </form>
  );
}

import type { OwnTransaction, Purpose } from "../session/state.ts";
import { useActions, useSelect } from "../ui/context.tsx";
import { Icon } from "../ui/icons.tsx";
import { Card } from "../ui/Page.tsx";
import { ProblemNote } from "../ui/ProblemNote.tsx";
import { qtumText } from "../ui/Qtum.tsx";
import { Steps } from "../ui/Steps.tsx";

const PURPOSES: Readonly<Record<Purpose, string>> = {
  open: "Opening a channel",
  deposit: "Adding funds",
  "cooperative-close": "Closing together",
  "cooperative-withdraw": "Withdrawing part",
  close: "Closing without your partner",
  recover: "Closing after lost data",
  "counter-claim": "Posting a newer proof",
  "raise-floor": "Posting a newer proof",
  settle: "Paying out",
  "withdraw-credit": "Fetching a pay-out",
  send: "Sending on chain",
};

/** The name of an own transaction's purpose. */
export const purposeText = (purpose: Purpose): string => PURPOSES[purpose];

/** Own transactions that are under way, so that nobody wonders whether a click worked. */
export function Transactions({ channelId }: { readonly channelId?: string }) {
  const all = useSelect((state) => state.transactions);
  const shown = all.filter((tx) => tx.stage !== "confirmed" && (channelId === undefined || tx.channelId === channelId));
  if (shown.length === 0) return null;
  return (
    <Card title="On its way">
      <ul className="stack">
        {shown.map((transaction) => (
          <li key={transaction.txid}>
            <Transaction transaction={transaction} />
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Transaction({ transaction }: { readonly transaction: OwnTransaction }) {
  const { dismissTransaction } = useActions();
  const { purpose, amount, txid, stage, problem } = transaction;
  const over = stage === "reverted" || stage === "rejected";
  return (
    <div className="stack tight">
      <p className="row spread">
        <span className="strong">
          {purposeText(purpose)}
          {amount > 0n && `: ${qtumText(amount)}`}
        </span>
        {over && (
          <button type="button" className="button small" onClick={() => void dismissTransaction(txid)}>
            <Icon name="check" size={16} /> Understood
          </button>
        )}
      </p>
      {!over && <Steps steps={["Signed", "Sent", "In block"]} at={stage === "signed" ? 1 : 2} />}
      {problem && <ProblemNote problem={problem} />}
      <p className="muted tiny mono">{txid}</p>
    </div>
  );
}

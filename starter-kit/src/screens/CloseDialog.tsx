import { type ReactNode, useEffect, useState } from "react";
import type { Quote } from "../session/actions.ts";
import type { Channel } from "../session/state.ts";
import { announce } from "../ui/announce.ts";
import { useActions, useSelect, useVerb } from "../ui/context.tsx";
import { Dialog } from "../ui/Dialog.tsx";
import { Submit, submitTo } from "../ui/fields.tsx";
import { ProblemNote } from "../ui/ProblemNote.tsx";
import { qtumText } from "../ui/Qtum.tsx";
import { blocksAndTime, spanOfSeconds } from "../ui/time.ts";

type How = "together" | "alone" | "recover";

const VERBS: Readonly<Record<How, string>> = {
  together: "Ask to close together",
  alone: "Close alone",
  recover: "Close, I lost my data",
};

/** The three ways to end a channel, in plain words and with their price. */
export function CloseDialog({ channel, onClose }: { readonly channel: Channel; readonly onClose: () => void }) {
  const { proposeClose, closeAlone, recover } = useActions();
  const network = useSelect((state) => state.network);
  // Who does not know what it has signed can only close without saying so.
  const [how, setHow] = useState<How>(channel.doubt ? "recover" : "together");
  const fee = useCloseFee();
  const verb = useVerb(async () => {
    if (how === "together") await proposeClose(channel.id);
    else if (how === "alone") await closeAlone(channel.id);
    else await recover(channel.id);
    announce(how === "together" ? `Offer sent to ${channel.partner.name}` : "The close was sent");
    onClose();
  });
  const { mine, partner: theirs } = channel.balances;
  const name = channel.partner.name;
  const blockSeconds = network?.blockSeconds ?? 32;
  const option = (value: How, title: string, testId: string, text: ReactNode) => (
    <label className="choice">
      <input type="radio" name="how" value={value} checked={how === value} onChange={() => setHow(value)} data-testid={testId} />
      <span className="title">{title}</span>
      <span className="text">{text}</span>
    </label>
  );
  return (
    <Dialog title={`Close channel ${channel.number}`} onClose={onClose}>
      <form className="stack" aria-label="Close the channel" onSubmit={submitTo(() => verb.run())}>
        <fieldset className="choices">
          <legend className="unseen">How to close</legend>
          {option(
            "together",
            "Together (recommended)",
            "close-together",
            <>
              {name} agrees{channel.partner.online ? " now" : " when online again"}. You get {qtumText(mine)}, {name} {qtumText(theirs)}, in one transaction, about 1 block (≈{spanOfSeconds(blockSeconds)}).
              {fee && ` Fee ≈${qtumText(fee)}.`}
            </>,
          )}
          {option(
            "alone",
            "Without " + name,
            "close-alone",
            <>
              You get {qtumText(mine)} after an answer window of {blocksAndTime(channel.window * (channel.hearsay ? 3 : 1), blockSeconds)}
              {channel.hearsay && ` (three times as long, because this device lost its memory and ${name} has not confirmed yet what is the newest)`}. {name} can post a newer balance in that time.
            </>,
          )}
          {option(
            "recover",
            "I lost my data",
            "close-recover",
            <>
              {channel.doubt && "This device lost its memory and nobody has said yet what is the newest: this is the one way that needs no answer. "}
              You accept the balance {name} shows. No penalty. The answer window is three times as long: {blocksAndTime(channel.window * 3, blockSeconds)}.
            </>,
          )}
        </fieldset>
        {verb.problem && <ProblemNote problem={verb.problem} />}
        <div className="actions">
          <button type="button" className="button" onClick={onClose}>
            Keep it open
          </button>
          <Submit pending={verb.pending} testId="close-submit" tone={how === "together" ? "primary" : "danger"}>
            {VERBS[how]}
          </Submit>
        </div>
      </form>
    </Dialog>
  );
}

/** What closing together costs, when the session can say. */
function useCloseFee(): bigint | null {
  const { quote } = useActions();
  const [quoted, setQuoted] = useState<Quote | null>(null);
  useEffect(() => {
    let current = true;
    quote({ purpose: "cooperative-close" }).then(
      (answer) => current && setQuoted(answer),
      () => undefined,
    );
    return () => {
      current = false;
    };
  }, [quote]);
  return quoted && quoted.fee;
}

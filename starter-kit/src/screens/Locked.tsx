import { useState } from "react";
import { useActions, useSelect, useVerb } from "../ui/context.tsx";
import { Dialog } from "../ui/Dialog.tsx";
import { Field, Submit, VerbButton, submitTo } from "../ui/fields.tsx";
import { ProblemNote } from "../ui/ProblemNote.tsx";
import { PlainPage } from "./PlainPage.tsx";

/** A key exists; its passphrase is needed. */
export function Locked() {
  const { unlock, forgetProfile } = useActions();
  const account = useSelect((state) => state.account);
  const [forgetting, setForgetting] = useState(false);
  const verb = useVerb((form: FormData) => unlock(String(form.get("passphrase") ?? "")));
  const forget = useVerb(forgetProfile);
  return (
    <PlainPage title={account ? `Welcome back, ${account.name}` : "Welcome back"} lead="Your key is encrypted on this device.">
      <form className="card" aria-label="Unlock" onSubmit={submitTo(verb.run)}>
        {/* The address is the account's user name for a password manager. */}
        <input type="text" name="username" autoComplete="username" value={account?.address ?? ""} readOnly hidden />
        <Field label="Passphrase" name="passphrase" type="password" autoComplete="current-password" autoFocus problem={verb.problem} testId="unlock-passphrase" />
        <Submit pending={verb.pending} wide testId="unlock-submit">
          Unlock
        </Submit>
      </form>
      <button type="button" className="button quiet" onClick={() => setForgetting(true)}>
        I forgot it
      </button>
      {forgetting && (
        <Dialog title="Remove this profile?" onClose={() => setForgetting(false)}>
          <p>Without the passphrase the key can not be read. If you have a backup, remove the profile here and import it again; the channels come back from the relay.</p>
          <p className="strong">Without a backup, the money of this key is lost.</p>
          {forget.problem && <ProblemNote problem={forget.problem} />}
          <div className="actions">
            <button type="button" className="button" onClick={() => setForgetting(false)}>
              Keep it
            </button>
            <VerbButton tone="danger" pending={forget.pending} onClick={() => void forget.run()}>
              Remove the profile
            </VerbButton>
          </div>
        </Dialog>
      )}
    </PlainPage>
  );
}

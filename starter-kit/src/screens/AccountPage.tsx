import { useState } from "react";
import type { Account } from "../session/state.ts";
import { CopyButton } from "../ui/Address.tsx";
import { useActions, useSelect, useVerb } from "../ui/context.tsx";
import { Dialog } from "../ui/Dialog.tsx";
import { Field, Submit, VerbButton, submitTo } from "../ui/fields.tsx";
import { Icon } from "../ui/icons.tsx";
import { Card, Page } from "../ui/Page.tsx";
import { ProblemNote } from "../ui/ProblemNote.tsx";
import { navigate } from "../ui/router.tsx";
import { SaveFile } from "./BackupCard.tsx";
import { markBackup } from "./backupMark.ts";
import { OnChainCard } from "./OnChainCard.tsx";
import { Transactions } from "./Transactions.tsx";

/** Who one is, how the key is kept, and how to keep it safe. */
export function AccountPage() {
  const account = useSelect((state) => state.account);
  if (!account) return null;
  return (
    <Page title="Account" narrow>
      <Identity account={account} />
      <Keeping account={account} />
      <OnChainCard />
      <Transactions />
      <Danger account={account} />
    </Page>
  );
}

function Identity({ account }: { readonly account: Account }) {
  const rows = [
    ["Address", account.address, "account-address", "What you give to others. Your identity in every channel."],
    ["Public key", account.publicKey, "public-key", ""],
    ["Account in hex", account.accountHex, "account-hex", "The same address as contracts see it."],
    ["ECRecovery address", account.ecRecoveryAddress, "ec-recovery-address", "Derived, for tooling only. Never send money here: it would be lost."],
  ] as const;
  return (
    <Card title={account.name}>
      <dl className="facts">
        {rows.map(([label, text, testId, hint]) => (
          <div key={label} className="fact">
            <dt>{label}</dt>
            <dd>
              <span className="mono" data-testid={testId}>
                {text}
              </span>
              {hint && <span className="muted small block">{hint}</span>}
            </dd>
            <dd>
              <CopyButton text={text} what={label} />
            </dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}

const PROTECTION = {
  public: "This is a public demo key. Everybody has it, so there is nothing to protect.",
  passphrase: "Encrypted on this device under your passphrase.",
  device: "Encrypted on this device under a key that this browser keeps. Whoever can use this browser profile can use it.",
} as const;

function Keeping({ account }: { readonly account: Account }) {
  const { lock } = useActions();
  const [asking, setAsking] = useState<"none" | "wif" | "file">("none");
  const locking = useVerb(lock);
  return (
    <Card title="Key and backup">
      <p className="row nowrap">
        <Icon name={account.protection === "public" ? "info" : "lock"} />
        <span>{PROTECTION[account.protection]}</span>
      </p>
      <p className="muted small">With the key alone you get everything back: the channels are restored from the relay, and what is on chain needs nothing else.</p>
      <div className="row">
        <button type="button" className="button" onClick={() => setAsking("wif")} data-testid="export-wif">
          <Icon name="key" /> Show the private key
        </button>
        <button type="button" className="button" onClick={() => setAsking("file")} data-testid="export-backup">
          <Icon name="download" /> Save a backup file
        </button>
        {account.protection === "passphrase" && (
          <VerbButton pending={locking.pending} onClick={() => void locking.run()} testId="lock">
            <Icon name="lock" /> Lock now
          </VerbButton>
        )}
      </div>
      {locking.problem && <ProblemNote problem={locking.problem} />}
      {asking === "wif" && <ShowKey account={account} onClose={() => setAsking("none")} />}
      {asking === "file" && <SaveFile account={account} onClose={() => setAsking("none")} />}
    </Card>
  );
}

function ShowKey({ account, onClose }: { readonly account: Account; readonly onClose: () => void }) {
  const { exportWif } = useActions();
  const [wif, setWif] = useState<string | null>(null);
  const verb = useVerb(async (form: FormData) => {
    const passphrase = String(form.get("passphrase") ?? "");
    setWif(await exportWif(passphrase === "" ? undefined : passphrase));
    markBackup(account.address);
  });
  return (
    <Dialog title="Show the private key" onClose={onClose}>
      {wif === null ? (
        <form className="stack" onSubmit={submitTo(verb.run)} aria-label="Show the private key">
          <p>Whoever sees it can take everything in this account. Look around you, and never type it into a page you do not trust.</p>
          {account.protection === "passphrase" && <Field label="Passphrase" name="passphrase" type="password" autoComplete="current-password" problem={verb.problem} />}
          {verb.problem && account.protection !== "passphrase" && <ProblemNote problem={verb.problem} />}
          <div className="actions">
            <button type="button" className="button" onClick={onClose}>
              Cancel
            </button>
            <Submit pending={verb.pending} tone="danger" testId="export-wif-confirm">
              I am alone, show it
            </Submit>
          </div>
        </form>
      ) : (
        <div className="stack">
          <p className="mono sunken wrap-anywhere" data-testid="wif">
            {wif}
          </p>
          <div className="actions">
            <CopyButton text={wif} what="Private key" />
            <button type="button" className="button primary" onClick={onClose}>
              Done
            </button>
          </div>
        </div>
      )}
    </Dialog>
  );
}

function Danger({ account }: { readonly account: Account }) {
  const { forgetProfile } = useActions();
  const [asking, setAsking] = useState(false);
  const verb = useVerb(async () => {
    await forgetProfile();
    navigate("/welcome", "replace");
  });
  return (
    <Card title="Forget this profile">
      <p className="muted small">Removes the key and all data of this profile from this browser. The account itself and its channels stay; with the key you can come back.</p>
      <div>
        <button type="button" className="button" onClick={() => setAsking(true)} data-testid="forget-profile">
          Forget this profile…
        </button>
      </div>
      {asking && (
        <Dialog title={`Forget ${account.name}?`} onClose={() => setAsking(false)}>
          <p>{account.protection === "public" ? "The demo key is public: start the demo again at any time." : "Without a backup of the key, everything in this account is lost for ever."}</p>
          {verb.problem && <ProblemNote problem={verb.problem} />}
          <div className="actions">
            <button type="button" className="button" onClick={() => setAsking(false)}>
              Keep it
            </button>
            <VerbButton tone="danger" pending={verb.pending} onClick={() => void verb.run()} testId="forget-profile-confirm">
              Forget it
            </VerbButton>
          </div>
        </Dialog>
      )}
    </Card>
  );
}

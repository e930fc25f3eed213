import { type ReactNode, useState } from "react";
import type { Restored } from "../session/actions.ts";
import type { Account } from "../session/state.ts";
import { announce } from "../ui/announce.ts";
import { useActions, useSelect, useVerb } from "../ui/context.tsx";
import { Dialog } from "../ui/Dialog.tsx";
import { Field, Submit, submitTo } from "../ui/fields.tsx";
import { Icon } from "../ui/icons.tsx";
import { Card } from "../ui/Page.tsx";
import { ProblemNote } from "../ui/ProblemNote.tsx";
import { download } from "./ActivityPage.tsx";
import { markBackup } from "./backupMark.ts";

/** Against the loss of this device: a file, and what the relay keeps. */
export function BackupCard({ account }: { readonly account: Account }) {
  const relayBackup = useSelect((state) => state.settings.relayBackup);
  const { revision, problem } = useSelect((state) => state.backup);
  const { changeSettings, backUpNow } = useActions();
  const [asking, setAsking] = useState<"none" | "save" | "restore">("none");
  const keep = useVerb(async (wanted: boolean) => {
    await changeSettings({ relayBackup: wanted });
    if (wanted) await backUpNow();
  });
  return (
    <Card title="Backup">
      <p className="muted small">
        A file holds everything, your key too, encrypted with a passphrase. The command line reads it as well.
      </p>
      <div className="row">
        <button type="button" className="button" onClick={() => setAsking("save")} data-testid="back-up-now">
          <Icon name="download" /> Back up now
        </button>
        <button type="button" className="button" onClick={() => setAsking("restore")} data-testid="restore-here">
          Take up a backup file
        </button>
      </div>
      <label className="check">
        <input type="checkbox" checked={relayBackup} aria-busy={keep.pending} onChange={(event) => void keep.run(event.target.checked)} data-testid="relay-backup" />
        <span>
          Let the relay keep a backup too
          <span className="muted small block">
            Channels, history and settings, renewed after every change. Only your key opens it; the key itself is not in it.
          </span>
        </span>
      </label>
      {relayBackup && (
        <p className="small" data-testid="relay-backup-state" data-revision={revision}>
          {revision === 0 ? "Nothing is stored yet." : `Backup ${revision} is with the relay.`}
        </p>
      )}
      {keep.problem && <ProblemNote problem={keep.problem} />}
      {relayBackup && problem && !keep.problem && <ProblemNote problem={problem} />}
      {asking === "save" && <SaveFile account={account} onClose={() => setAsking("none")} />}
      {asking === "restore" && (
        <Dialog title="Take up a backup file" onClose={() => setAsking("none")}>
          <RestoreForm onDone={() => setAsking("none")}>
            <button type="button" className="button" onClick={() => setAsking("none")}>
              Cancel
            </button>
          </RestoreForm>
        </Dialog>
      )}
    </Card>
  );
}

/** Encrypts everything into a file and hands it to the browser. */
export function SaveFile({ account, onClose }: { readonly account: Account; readonly onClose: () => void }) {
  const { exportBackup } = useActions();
  const verb = useVerb(async (form: FormData) => {
    const file = await exportBackup(String(form.get("passphrase") ?? ""));
    download(`sparky-${account.address}.backup`, file);
    markBackup(account.address);
    onClose();
  });
  return (
    <Dialog title="Save a backup file" onClose={onClose}>
      <form className="stack" onSubmit={submitTo(verb.run)} aria-label="Save a backup file">
        <p>Key, channels and history in one encrypted file. Keep it away from this device.</p>
        <Field
          label="Passphrase for the file"
          name="passphrase"
          type="password"
          autoComplete="new-password"
          required
          problem={verb.problem}
          hint="8 characters or more. You need it to open the file; it is stored nowhere."
          testId="backup-passphrase"
        />
        <div className="actions">
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
          <Submit pending={verb.pending} testId="backup-save">
            Save
          </Submit>
        </div>
      </form>
    </Dialog>
  );
}

const FILE_CODES: ReadonlySet<string> = new Set(["backup-not-one", "backup-damaged", "backup-newer-version", "backup-other-network", "backup-other-key", "backup-older"]);

/** A backup file and its passphrase. */
export function RestoreForm({ onDone, children }: { readonly onDone: () => void; readonly children?: ReactNode }) {
  const { restoreBackup } = useActions();
  const verb = useVerb(async (form: FormData) => {
    const file = form.get("file");
    const text = file instanceof File ? await file.text() : "";
    const restored = await restoreBackup(text, String(form.get("passphrase") ?? ""));
    announce(restoredText(restored));
    onDone();
  });
  const [wrongFile, wrongPassphrase] = [verb.problem && FILE_CODES.has(verb.problem.code), verb.problem?.code === "wrong-passphrase"];
  return (
    <form className="stack" aria-label="Restore from a backup" onSubmit={submitTo(verb.run)}>
      <Field label="Backup file" name="file" type="file" accept=".backup,.json,application/json" required testId="backup-file" problem={wrongFile ? verb.problem : null} />
      <Field
        label="Passphrase of the file"
        name="passphrase"
        type="password"
        autoComplete="current-password"
        required
        testId="restore-passphrase"
        hint="It also protects the key on this device."
        problem={wrongPassphrase ? verb.problem : null}
      />
      {verb.problem && !wrongFile && !wrongPassphrase && <ProblemNote problem={verb.problem} />}
      <p className="muted small">Nothing is signed before the relay, and where needed your partner, said what happened since. Do not use the old device any more.</p>
      <div className="actions">
        {children}
        <Submit pending={verb.pending} testId="restore-submit">
          Restore
        </Submit>
      </div>
    </form>
  );
}

function restoredText({ channels, elsewhere }: Restored): string {
  const left = elsewhere > 0 ? ` ${elsewhere} of another contract were left out.` : "";
  return `Restored ${channels} ${channels === 1 ? "channel" : "channels"}.${left}`;
}

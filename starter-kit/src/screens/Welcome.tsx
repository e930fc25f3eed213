import { useState } from "react";
import type { DemoName } from "../session/actions.ts";
import type { ProblemData } from "../session/problem.ts";
import { useActions, useSelect, useVerb } from "../ui/context.tsx";
import { DEMO_ACCOUNTS } from "../ui/demo.ts";
import { Field, Submit, VerbButton, submitTo } from "../ui/fields.tsx";
import { Icon } from "../ui/icons.tsx";
import { ProblemNote } from "../ui/ProblemNote.tsx";
import { navigate } from "../ui/router.tsx";
import { RestoreForm } from "./BackupCard.tsx";
import { PlainPage } from "./PlainPage.tsx";

/** The first page: take a demo account, make a key, or bring one. */
export function Welcome() {
  const { startDemo } = useActions();
  const dev = useSelect((state) => state.network?.dev ?? true);
  const profile = useSelect((state) => state.profile);
  const [creating, setCreating] = useState(false);
  const [restoring, setRestoring] = useState(false);
  const demo = useVerb(async (name: DemoName) => {
    await startDemo(name);
    navigate("/", "replace");
  });
  // A page opened as ?profile=bob is meant for Bob: his button comes first.
  const [first, ...others] = [...DEMO_ACCOUNTS].sort((a, b) => Number(b.key === profile) - Number(a.key === profile));

  return (
    <PlainPage title="Instant payments in QTUM" lead="Pay in the blink of an eye, without a fee. The money stays in a contract that only you and your partner can settle.">
      {dev && first && (
        <section className="stack" aria-label="Try the demo">
          <VerbButton tone="primary" pending={demo.pending} testId={`start-demo-${first.key}`} onClick={() => void demo.run(first.key)}>
            <Icon name="play" /> Start as {first.name} (demo, funded)
          </VerbButton>
          {others.map(({ key, name }) => (
            <VerbButton key={key} pending={demo.pending} testId={`start-demo-${key}`} onClick={() => void demo.run(key)}>
              Start as {name}
            </VerbButton>
          ))}
          {demo.problem && <ProblemNote problem={demo.problem} />}
          <p className="row nowrap muted small">
            <Icon name="info" />
            <span>Demo keys are public. They work only on the dev chain and regtest.</span>
          </p>
        </section>
      )}
      {dev && <p className="divider">or use a key of your own</p>}
      {creating ? (
        <CreateForm />
      ) : (
        <button type="button" className="button" onClick={() => setCreating(true)} data-testid="create-key">
          <Icon name="plus" /> Create a new key
        </button>
      )}
      <ImportForm />
      {restoring ? (
        <section className="card" aria-label="Restore from a backup">
          <h2>Restore from a backup</h2>
          <RestoreForm onDone={() => navigate("/", "replace")} />
        </section>
      ) : (
        <button type="button" className="button" onClick={() => setRestoring(true)} data-testid="restore-backup">
          Restore from a backup file
        </button>
      )}
    </PlainPage>
  );
}

function CreateForm() {
  const { createKey } = useActions();
  const verb = useVerb(async (form: FormData) => {
    await createKey(optionsOf(form));
    navigate("/", "replace");
  });
  const weak = verb.problem?.code === "passphrase-too-short" ? verb.problem : null;
  return (
    <form className="card" aria-label="Create a new key" onSubmit={submitTo(verb.run)}>
      <h2>Create a new key</h2>
      <NameAndPassphrase problem={weak} autoFocus />
      {verb.problem && !weak && <ProblemNote problem={verb.problem} />}
      <Submit pending={verb.pending} testId="create-key-submit" wide>
        Create the key
      </Submit>
    </form>
  );
}

function ImportForm() {
  const { importWif } = useActions();
  const [shown, setShown] = useState(false);
  const verb = useVerb(async (form: FormData) => {
    await importWif(String(form.get("wif") ?? "").trim(), optionsOf(form));
    navigate("/", "replace");
  });
  const own = verb.problem && KEY_CODES.has(verb.problem.code) ? verb.problem : null;
  const weak = verb.problem?.code === "passphrase-too-short" ? verb.problem : null;
  return (
    <form className="card" aria-label="Import a key" onSubmit={submitTo(verb.run)}>
      <Field
        label="Import a private key (WIF)"
        name="wif"
        type={shown ? "text" : "password"}
        className="mono"
        hint="It is encrypted, stays in this browser and is never sent anywhere."
        testId="import-wif"
        problem={own}
        beside={
          <button type="button" className="button" aria-pressed={shown} aria-label="Show the key" onClick={() => setShown(!shown)}>
            <Icon name="eye" />
          </button>
        }
      />
      <details className="more" open={weak ? true : undefined}>
        <summary>Name and passphrase</summary>
        <div className="stack">
          <NameAndPassphrase problem={weak} />
        </div>
      </details>
      {verb.problem && !own && !weak && <ProblemNote problem={verb.problem} />}
      <Submit pending={verb.pending} testId="import-wif-submit" tone="">
        Import
      </Submit>
    </form>
  );
}

const KEY_CODES: ReadonlySet<string> = new Set(["invalid-wif", "wrong-key-network", "uncompressed-key", "demo-key-refused"]);

function NameAndPassphrase({ problem, autoFocus = false }: { readonly problem: ProblemData | null; readonly autoFocus?: boolean }) {
  return (
    <>
      <Field label="Name (optional)" name="name" hint="Only you see it." autoComplete="nickname" autoFocus={autoFocus} />
      <Field
        label="Passphrase (optional)"
        name="passphrase"
        type="password"
        autoComplete="new-password"
        hint="Encrypts the key on this device. Without one, whoever can use this browser can use the key."
        problem={problem}
      />
    </>
  );
}

function optionsOf(form: FormData): { name?: string; passphrase?: string } {
  const name = String(form.get("name") ?? "").trim();
  const passphrase = String(form.get("passphrase") ?? "");
  return { ...(name && { name }), ...(passphrase && { passphrase }) };
}

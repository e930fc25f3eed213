import type { Settings } from "../session/state.ts";
import { useActions, useSelect, useVerb } from "../ui/context.tsx";
import { Card, Page } from "../ui/Page.tsx";
import { ProblemNote } from "../ui/ProblemNote.tsx";
import { BackupCard } from "./BackupCard.tsx";

const THEMES: readonly (readonly [Settings["theme"], string])[] = [
  ["system", "As the system"],
  ["light", "Light"],
  ["dark", "Dark"],
];
const IDLE: readonly (readonly [number, string])[] = [
  [0, "Never"],
  [5, "5 minutes"],
  [15, "15 minutes"],
  [60, "1 hour"],
];

export function SettingsPage() {
  const settings = useSelect((state) => state.settings);
  const account = useSelect((state) => state.account);
  const protection = account?.protection ?? "public";
  const { changeSettings } = useActions();
  const verb = useVerb(changeSettings);
  return (
    <Page title="Settings" narrow>
      {verb.problem && <ProblemNote problem={verb.problem} />}
      <Card title="Appearance">
        <div className="segments" role="group" aria-label="Theme">
          {THEMES.map(([theme, label]) => (
            <button key={theme} type="button" aria-pressed={settings.theme === theme} onClick={() => void verb.run({ theme })}>
              {label}
            </button>
          ))}
        </div>
      </Card>
      <Card title="Closing together">
        <label className="check">
          <input type="checkbox" checked={settings.autoAcceptClose} onChange={(event) => void verb.run({ autoAcceptClose: event.target.checked })} data-testid="auto-accept" />
          <span>
            Agree by itself when a partner offers to close together
            <span className="muted small block">Only if it pays exactly the current balances.</span>
          </span>
        </label>
      </Card>
      {protection === "passphrase" && (
        <Card title="Lock">
          <label className="field">
            <span className="legend">Ask for the passphrase again when idle for</span>
            <select className="input" value={settings.idleLockMinutes} onChange={(event) => void verb.run({ idleLockMinutes: Number(event.target.value) })}>
              {IDLE.map(([minutes, label]) => (
                <option key={minutes} value={minutes}>
                  {label}
                </option>
              ))}
            </select>
          </label>
        </Card>
      )}
      {account && <BackupCard account={account} />}
      <NetworkCard />
      <Card title="Words">
        <dl className="facts">
          {WORDS.map(([word, meaning]) => (
            <div key={word}>
              <dt>{word}</dt>
              <dd>{meaning}</dd>
            </div>
          ))}
        </dl>
      </Card>
    </Page>
  );
}

/** The few words one needs (the glossary of the documentation has all). */
const WORDS: readonly (readonly [string, string])[] = [
  ["Channel", "Money that two people locked in a contract, to pay each other with signatures."],
  ["Spendable", "What you can pay in your channels at this moment."],
  ["Close together", "Both sign the end; both are paid at once."],
  ["Close without your partner", "You ask the contract to pay out; your partner has an answer window to correct you."],
  ["Answer window", "The time, in blocks, in which a newer proof can be posted. The contract calls it the finalization period."],
  ["Newer proof", "A payment signed later than the one on chain. Posting it sets the balance right."],
  ["Watchtower", "The relay's service that posts the newer proof for you while you are away."],
];

function NetworkCard() {
  const network = useSelect((state) => state.network);
  const { refresh } = useActions();
  const verb = useVerb(refresh);
  return (
    <Card title="Network and relay">
      {network ? (
        <dl className="facts">
          <div>
            <dt>Network</dt>
            <dd>
              {network.name}, chain id {network.chainId}
            </dd>
          </div>
          <div>
            <dt>Contract</dt>
            <dd className="mono small">{network.contract}</dd>
          </div>
          <div>
            <dt>A deposit counts after</dt>
            <dd>{network.confirmations === 1 ? "1 confirmation" : `${network.confirmations} confirmations`}</dd>
          </div>
          <div>
            <dt>Relay</dt>
            <dd>version {network.relayVersion}</dd>
          </div>
        </dl>
      ) : (
        <p className="muted">The relay has not answered yet.</p>
      )}
      {verb.problem && <ProblemNote problem={verb.problem} />}
      <div>
        <button type="button" className="button" aria-disabled={verb.pending || undefined} onClick={() => void verb.run()}>
          Ask for everything again
        </button>
      </div>
    </Card>
  );
}

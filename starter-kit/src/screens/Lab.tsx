import { useEffect, useRef, useState } from "react";
import { satoshi } from "../session/amount.ts";
import type { Channel } from "../session/state.ts";
import { problem } from "../session/problem.ts";
import { announce } from "../ui/announce.ts";
import { useActions, useSelect, useVerb } from "../ui/context.tsx";
import { Field, Submit, VerbButton, submitTo } from "../ui/fields.tsx";
import { Card, Page } from "../ui/Page.tsx";
import { ProblemNote } from "../ui/ProblemNote.tsx";
import { qtumText } from "../ui/Qtum.tsx";
import { blocksText } from "../ui/time.ts";
import { appendTape, SceneCard } from "./lab/SceneCard.tsx";
import { SCENES } from "./lab/scenes.ts";
import { QTUM } from "./lab/stage.ts";
import { changes, type Line } from "./lab/tape.ts";

/** The dev chain's controls, ways to cheat, and two guided scenes. */
export function Lab() {
  const [tape, setTape] = useState<readonly Line[]>([]);
  const write = (lines: readonly Line[]) => setTape((old) => appendTape(old, lines));
  useOwnTape(write);
  return (
    <Page title="Lab" lead="Only on the dev chain: move time, switch the watchtower, and try to cheat.">
      <div className="columns">
        <div className="stack loose">
          {SCENES.map((scene) => (
            <SceneCard key={scene.id} scene={scene} onTape={write} />
          ))}
          <Tape lines={tape} />
        </div>
        <div className="stack loose">
          <Blocks />
          <Switches />
          <Cheat />
          <Accidents />
        </div>
      </div>
    </Page>
  );
}

/** This profile's own events go on the tape, too. */
function useOwnTape(write: (lines: readonly Line[]) => void): void {
  const state = useSelect((now) => now);
  const before = useRef(state);
  useEffect(() => {
    const lines = changes({ name: "This page", blocks: true }, before.current, state, Date.now());
    before.current = state;
    if (lines.length > 0) write(lines);
  });
}

function Blocks() {
  const { lab } = useActions();
  const height = useSelect((state) => state.tip?.height ?? 0);
  const mine = useVerb(async (blocks: number) => {
    await lab.mine(blocks);
    announce(`${blocksText(blocks)} mined`);
  });
  const mineSome = async (form: FormData) => {
    const text = String(form.get("blocks") ?? "").trim();
    if (!/^[1-9]\d{0,4}$/.test(text)) return mine.refuse(problem("amount-invalid", { input: text || "An empty field" }));
    await mine.run(Number(text));
  };
  return (
    <Card title="Blocks" aside={<span className="muted small">now {height.toLocaleString("en")}</span>}>
      <div className="row">
        <VerbButton pending={mine.pending} testId="mine-1" onClick={() => void mine.run(1)}>
          Mine 1
        </VerbButton>
        <VerbButton pending={mine.pending} testId="mine-10" onClick={() => void mine.run(10)}>
          Mine 10
        </VerbButton>
      </div>
      <form className="stack" aria-label="Mine blocks" onSubmit={submitTo(mineSome)}>
        <Field
          label="Blocks to mine"
          name="blocks"
          inputMode="numeric"
          defaultValue="100"
          testId="mine-blocks"
          problem={mine.problem}
          beside={
            <Submit pending={mine.pending} tone="" testId="mine-n">
              Mine
            </Submit>
          }
        />
      </form>
    </Card>
  );
}

function Switches() {
  const { lab } = useActions();
  const tower = useSelect((state) => state.network?.tower ?? null);
  const onChain = useSelect((state) => state.onChain.spendable);
  const verb = useVerb(async (work: () => Promise<void>) => work());
  return (
    <Card title="Network">
      <div className="row spread">
        <span>
          Watchtower <span className="strong" data-testid="tower-state">{tower === null ? "unknown" : tower ? "on" : "off"}</span>
        </span>
        <VerbButton small pending={verb.pending} testId="tower-toggle" onClick={() => void verb.run(() => lab.setTower(tower === false))}>
          Turn {tower === false ? "on" : "off"}
        </VerbButton>
      </div>
      <div className="row spread">
        <span>Mine when a transaction arrives</span>
        <span className="row">
          <VerbButton small pending={verb.pending} testId="automine-on" onClick={() => void verb.run(() => lab.setAutomine(true))}>
            On
          </VerbButton>
          <VerbButton small pending={verb.pending} testId="automine-off" onClick={() => void verb.run(() => lab.setAutomine(false))}>
            Off
          </VerbButton>
        </span>
      </div>
      <div className="row spread">
        <span>Test coins (you have {qtumText(onChain)})</span>
        <VerbButton small pending={verb.pending} testId="faucet" onClick={() => void verb.run(() => lab.faucet(satoshi(1000n * QTUM)))}>
          Get 1,000
        </VerbButton>
      </div>
      {verb.problem && <ProblemNote problem={verb.problem} />}
    </Card>
  );
}

function Cheat() {
  const { lab } = useActions();
  const channels = useSelect((state) => state.channels);
  const able = channels.filter(({ can, history }) => can.close && history.length > 0);
  const [chosen, setChosen] = useState("");
  const options = able.flatMap((channel) => channel.history.map((state) => ({ channel, state, value: `${channel.id}/${state.nonce}` })));
  const picked = options.find(({ value }) => value === chosen) ?? options[0];
  const verb = useVerb(async () => {
    if (picked) await lab.publishOldState({ channelId: picked.channel.id, nonce: picked.state.nonce });
  });
  return (
    <Card title="Try to cheat">
      <p className="muted small">Close a channel of yours with a state that was true once.</p>
      {options.length === 0 ? (
        <p className="muted small">First pay something in an open channel.</p>
      ) : (
        <form className="stack" aria-label="Publish an old state" onSubmit={submitTo(() => verb.run())}>
          <label className="field">
            <span className="legend">Old state</span>
            <select className="input" value={picked?.value ?? ""} onChange={(event) => setChosen(event.target.value)} data-testid="old-state">
              {options.map(({ channel, state, value }) => (
                <option key={value} value={value}>
                  {oldStateText(channel, state)}
                </option>
              ))}
            </select>
          </label>
          {verb.problem && <ProblemNote problem={verb.problem} />}
          <Submit pending={verb.pending} tone="danger" testId="publish-old-state">
            Publish it
          </Submit>
        </form>
      )}
    </Card>
  );
}

function oldStateText({ number, partner }: Channel, { nonce, mine, partner: theirs }: Channel["history"][number]): string {
  return `#${number}, ${nonce === 0 ? "before any payment" : `payment ${nonce}`}: you ${qtumText(mine)}, ${partner.name} ${qtumText(theirs)}`;
}

function Accidents() {
  const { lab } = useActions();
  const offline = useSelect((state) => state.connection.status === "offline");
  const forget = useVerb(async () => {
    await lab.forgetData();
    announce("Channel data forgotten. The relay gives it back.");
  });
  return (
    <Card title="Accidents">
      <div className="row spread">
        <span>This page's connection</span>
        <button type="button" className="button small" onClick={() => lab.setOnline(offline)} data-testid="toggle-online">
          {offline ? "Go online" : "Go offline"}
        </button>
      </div>
      <div className="row spread">
        <span>Lose all channel data (not the key)</span>
        <VerbButton small pending={forget.pending} testId="forget-data" onClick={() => void forget.run()}>
          Forget
        </VerbButton>
      </div>
      {forget.problem && <ProblemNote problem={forget.problem} />}
    </Card>
  );
}

function Tape({ lines }: { readonly lines: readonly Line[] }) {
  const box = useRef<HTMLOListElement>(null);
  useEffect(() => {
    if (box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [lines]);
  return (
    <Card title="Event tape">
      {/* A region that scrolls can be reached and scrolled with the keyboard. */}
      <ol className="tape" ref={box} tabIndex={0} aria-label="Events" data-testid="tape">
        {lines.length === 0 && <li className="muted">Nothing happened since this page was opened.</li>}
        {lines.map(({ at, text }, index) => (
          <li key={`${at} ${index}`}>
            <time dateTime={new Date(at).toISOString()}>{new Date(at).toISOString().slice(11, 23)}</time>
            <span>{text}</span>
          </li>
        ))}
      </ol>
    </Card>
  );
}

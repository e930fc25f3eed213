import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import type { Session } from "../../session/session.ts";
import type { State } from "../../session/state.ts";
import { announce } from "../../ui/announce.ts";
import { BalanceBar } from "../../ui/BalanceBar.tsx";
import { useActions, useOpenSession, useSelect, useVerb } from "../../ui/context.tsx";
import { VerbButton } from "../../ui/fields.tsx";
import { Icon } from "../../ui/icons.tsx";
import { Card } from "../../ui/Page.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { qtumText } from "../../ui/Qtum.tsx";
import type { Scene } from "./scenes.ts";
import { type Cast, summon } from "./stage.ts";
import { changes, type Line } from "./tape.ts";

const LONGEST_TAPE = 200;

/** A guided scene: two people, one step at a time or all at once, with what it means. */
export function SceneCard({ scene, onTape }: { readonly scene: Scene; readonly onTape: (lines: readonly Line[]) => void }) {
  const openSession = useOpenSession();
  const { lab } = useActions();
  const tower = useSelect((state) => state.network?.tower ?? null);
  const [cast, setCast] = useState<Cast | null>(null);
  const [done, setDone] = useState(0);
  const living = useRef<Cast | null>(null);
  const gone = useRef(false);

  useEffect(() => {
    gone.current = false;
    return () => {
      gone.current = true;
      void living.current?.dismiss();
    };
  }, []);
  useTape(cast, onTape);

  const start = useVerb(async () => {
    await living.current?.dismiss();
    living.current = null;
    setDone(0);
    setCast(null);
    if (tower !== true) await lab.setTower(true);
    const summoned = await summon(openSession, scene.deposit);
    if (gone.current) return void summoned.dismiss();
    living.current = summoned;
    setCast(summoned);
  });
  const play = useVerb(async (last: number) => {
    if (!cast) return;
    for (const [index, step] of scene.steps.entries()) {
      if (index < done || index >= last) continue;
      await step.play(cast);
      setDone(index + 1);
      announce(step.title);
    }
  });
  const over = done === scene.steps.length;
  const problem = start.problem ?? play.problem;

  return (
    <Card title={scene.title} className="scene" aside={cast && <span className="chip" data-testid={`scene-${scene.id}-progress`}>{`${done} of ${scene.steps.length}`}</span>}>
      <p className="muted">{scene.lead}</p>
      {cast && (
        <>
          <Balances cast={cast} />
          <ol className="timeline" data-testid={`scene-${scene.id}`}>
            {scene.steps.map(({ title, text }, index) => (
              <li key={`${index} ${title}`} className={index < done ? "" : "coming"} aria-current={index === done ? "step" : undefined}>
                <span className="bullet" aria-hidden="true" />
                <div>
                  <p className={index === done ? "strong" : ""}>{title}</p>
                  {index <= done && <p className="muted small">{text}</p>}
                </div>
              </li>
            ))}
          </ol>
        </>
      )}
      {over && (
        <div className="note good" role="status" data-testid={`scene-${scene.id}-over`}>
          <Icon name="check" />
          <p>{scene.moral}</p>
        </div>
      )}
      {problem && <ProblemNote problem={problem} />}
      <div className="row">
        {cast && !over && (
          <>
            <VerbButton tone="primary" pending={play.pending} testId={`scene-${scene.id}-next`} onClick={() => void play.run(done + 1)}>
              Next step
            </VerbButton>
            <VerbButton pending={play.pending} testId={`scene-${scene.id}-all`} onClick={() => void play.run(scene.steps.length)}>
              Play to the end
            </VerbButton>
          </>
        )}
        {(!cast || over) && (
          <VerbButton tone={cast ? "" : "primary"} pending={start.pending} testId={`scene-${scene.id}-start`} onClick={() => void start.run()}>
            <Icon name="play" /> {cast ? "Play it again" : "Set the scene"}
          </VerbButton>
        )}
      </div>
    </Card>
  );
}

/** Hears both people and writes down what changes. */
function useTape(cast: Cast | null, onTape: (lines: readonly Line[]) => void): void {
  const write = useRef(onTape);
  write.current = onTape;
  useEffect(() => {
    if (!cast) return undefined;
    const follow = (name: string, partner: string, { store }: Session) => {
      let before = store.get();
      return store.subscribe(() => {
        const after = store.get();
        const lines = changes({ name, partner, blocks: false }, before, after, Date.now());
        before = after;
        if (lines.length > 0) write.current(lines);
      });
    };
    const leave = [follow("Alice", "Bob", cast.alice), follow("Bob", "Alice", cast.bob)];
    return () => leave.forEach((stop) => stop());
  }, [cast]);
}

const useStateOf = ({ store }: Session): State => useSyncExternalStore(store.subscribe, store.get, store.get);

function Balances({ cast }: { readonly cast: Cast }) {
  const alice = useStateOf(cast.alice);
  const bob = useStateOf(cast.bob);
  return (
    <div className="panes">
      <Person name="Alice" partner="Bob" state={alice} />
      <Person name="Bob" partner="Alice" state={bob} />
    </div>
  );
}

function Person({ name, partner, state }: { readonly name: string; readonly partner: string; readonly state: State }) {
  const channel = state.channels[0];
  const asleep = state.connection.status === "offline";
  return (
    <section className="sunken stack tight" aria-label={`${name}'s side`} data-testid={`person-${name.toLowerCase()}`}>
      <p className="row spread">
        <span className="strong">{name}</span>
        <span className="chip">
          <span className={asleep ? "dot" : "dot on"} aria-hidden="true" />
          {asleep ? "Asleep" : "Awake"}
        </span>
      </p>
      {channel?.payout ? (
        <p>
          Got <span data-testid={`person-${name.toLowerCase()}-payout`}>{qtumText(channel.payout.mine)}</span>
          {channel.payout.penalty > 0n && <span className="muted"> (penalty {qtumText(channel.payout.penalty)})</span>}
        </p>
      ) : channel ? (
        <BalanceBar balances={channel.balances} partner={partner} />
      ) : (
        <p className="muted small">{qtumText(state.onChain.spendable)} on chain</p>
      )}
    </section>
  );
}

/** Keeps the newest lines. */
export const appendTape = (tape: readonly Line[], lines: readonly Line[]): readonly Line[] => [...tape, ...lines].slice(-LONGEST_TAPE);

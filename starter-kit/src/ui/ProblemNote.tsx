import type { ReactNode } from "react";
import type { ProblemData } from "../session/problem.ts";
import { useActions } from "./context.tsx";
import { Icon } from "./icons.tsx";
import { moneyLine, remediesOf, type RemedyVerb, type Tone } from "./problems.ts";
import { Link } from "./router.tsx";

interface Props {
  readonly problem: ProblemData;
  readonly id?: string;
  /** Buttons of the screen, before the general ways out. */
  readonly children?: ReactNode;
}

/** A problem as it appears where it happened: what, why, the money, and the way out. */
export function ProblemNote({ problem, id, children }: Props) {
  return (
    <div className={noteClass(remediesOf(problem).tone)} role="alert" data-testid="error" data-code={problem.code} id={id}>
      <Icon name="alert" />
      <ProblemBody problem={problem}>{children}</ProblemBody>
    </div>
  );
}

/** The inside of a note, for alarms that are not answers to an action. */
export function ProblemBody({ problem, children }: { readonly problem: ProblemData; readonly children?: ReactNode }) {
  const actions = useActions();
  const verbs: Record<RemedyVerb, () => void> = {
    reconnect: () => actions.reconnect(),
    refresh: () => void actions.refresh(),
    "take-over": () => void actions.takeOver(),
    lock: () => void actions.lock(),
    reload: () => window.location.reload(),
  };
  const { remedies } = remediesOf(problem);
  const hints = remedies.flatMap((remedy) => (remedy.kind === "hint" ? [remedy.text] : []));
  const buttons = remedies.filter((remedy) => remedy.kind !== "hint");
  return (
    <div className="note-body">
      <p>
        <span className="title">{problem.title}</span> {problem.detail}
      </p>
      <p className="small">
        <em className="money">{moneyLine(problem)}</em> {hints.join(" ")}
      </p>
      {(buttons.length > 0 || children) && (
        <div className="row">
          {children}
          {buttons.map((remedy) =>
            remedy.kind === "go" ? (
              <Link key={remedy.label} className="button small" to={remedy.to}>
                {remedy.label}
              </Link>
            ) : (
              <button key={remedy.label} type="button" className="button small" onClick={verbs[remedy.verb]}>
                {remedy.label}
              </button>
            ),
          )}
        </div>
      )}
      <p className="code">Code: {problem.code}</p>
    </div>
  );
}

/** The look of a note of this gravity. */
export const noteClass = (tone: Tone | "good"): string => (tone === "info" ? "note" : `note ${tone}`);

import { Icon } from "./icons.tsx";

interface Props {
  readonly steps: readonly string[];
  /** How many are done; the next one is being worked on. */
  readonly at: number;
}

/** How far something is. */
export function Steps({ steps, at }: Props) {
  return (
    <ol className="steps">
      {steps.map((label, index) => (
        <li key={label} className={index < at ? "done" : ""} aria-current={index === at ? "step" : undefined}>
          <span className="bullet">{index < at ? <Icon name="check" size={16} /> : index === at ? <span className="spinner" /> : index + 1}</span>
          <span>
            {label}
            <span className="unseen">{index < at ? " (done)" : index === at ? " (under way)" : ""}</span>
          </span>
        </li>
      ))}
    </ol>
  );
}

import { type FormEvent, type InputHTMLAttributes, type ReactNode, useEffect, useId, useRef } from "react";
import type { ProblemData } from "../session/problem.ts";
import { ProblemNote } from "./ProblemNote.tsx";

interface FieldProps extends Omit<InputHTMLAttributes<HTMLInputElement>, "id"> {
  readonly label: string;
  readonly hint?: ReactNode;
  /** A problem of this very field: shown under it and tied to it; the field takes the focus. */
  readonly problem?: ProblemData | null;
  readonly testId?: string;
  /** Stands at the end of the input: a unit. */
  readonly unit?: string;
  /** Buttons beside the input. */
  readonly beside?: ReactNode;
}

/** One input with its visible label, hint and error. */
export function Field({ label, hint, problem, testId, unit, beside, className, ...input }: FieldProps) {
  const id = useId();
  const box = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (problem) box.current?.focus();
  }, [problem]);

  const described = [hint ? `${id}-hint` : "", problem ? `${id}-problem` : ""].filter(Boolean).join(" ");
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <div className="input-group">
        <div className="input-unit">
          <input
            ref={box}
            id={id}
            data-testid={testId}
            className={["input", className].filter(Boolean).join(" ")}
            aria-invalid={problem ? true : undefined}
            aria-describedby={described || undefined}
            autoComplete="off"
            spellCheck={false}
            {...input}
          />
          {unit && (
            <span className="unit" aria-hidden="true">
              {unit}
            </span>
          )}
        </div>
        {beside}
      </div>
      {hint && (
        <div className="hint" id={`${id}-hint`}>
          {hint}
        </div>
      )}
      {problem && <ProblemNote problem={problem} id={`${id}-problem`} />}
    </div>
  );
}

/** An amount of QTUM as text; it becomes a bigint only through `parseAmount`. */
export function AmountField({ label = "Amount", ...rest }: Omit<FieldProps, "label" | "unit"> & { readonly label?: string }) {
  return <Field label={`${label} in QTUM`} unit="QTUM" inputMode="decimal" className="amount-input" {...rest} />;
}

interface SubmitProps {
  readonly pending: boolean;
  readonly children: ReactNode;
  readonly testId?: string;
  readonly tone?: "primary" | "danger" | "";
  readonly wide?: boolean;
  readonly disabled?: boolean;
}

/** The button of a form. While the verb runs it stays focusable, says so, and does nothing. */
export function Submit({ pending, children, testId, tone = "primary", wide = false, disabled = false }: SubmitProps) {
  return (
    <button type="submit" className={`button ${tone}${wide ? " wide" : ""}`} data-testid={testId} aria-disabled={pending || undefined} disabled={disabled}>
      {pending && <span className="spinner" aria-hidden="true" />}
      {children}
    </button>
  );
}

/** A button that runs a verb. */
export function VerbButton({ pending, children, testId, tone = "", small = false, disabled = false, onClick }: Omit<SubmitProps, "wide"> & { readonly small?: boolean; readonly onClick: () => void }) {
  return (
    <button type="button" className={`button ${tone}${small ? " small" : ""}`} data-testid={testId} aria-disabled={pending || undefined} disabled={disabled} onClick={onClick}>
      {pending && <span className="spinner" aria-hidden="true" />}
      {children}
    </button>
  );
}

/** Hands a form's fields to a verb; Enter and the button do the same. */
export function submitTo(run: (form: FormData) => Promise<unknown>) {
  return (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    void run(new FormData(event.currentTarget));
  };
}

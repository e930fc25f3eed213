import { formatQtum } from "../session/amount.ts";

interface Props {
  readonly value: bigint;
  /** A sign in front, for money that came or went: never told by colour alone. */
  readonly sign?: "+" | "−";
  readonly testId?: string;
}

/** An amount: exact, in groups, with its unit. */
export function Qtum({ value, sign, testId }: Props) {
  return (
    <span className={sign === "+" ? "amount plus" : "amount"} data-testid={testId}>
      {sign}
      {formatQtum(value)} <span className="unit">QTUM</span>
    </span>
  );
}

/** The same as plain text, for sentences and for labels. */
export const qtumText = (value: bigint): string => `${formatQtum(value)} QTUM`;

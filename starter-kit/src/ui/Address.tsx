import { useState } from "react";
import { Icon } from "./icons.tsx";
import { announce } from "./announce.ts";

/** "qLn9vq…4x43Uf" to look at; the page still holds the whole text, and so does the tooltip. */
export function ShortAddress({ address, testId }: { readonly address: string; readonly testId?: string }) {
  return (
    <span className="address short" title={address} data-testid={testId}>
      <span>{address.slice(0, -6)}</span>
      <span>{address.slice(-6)}</span>
    </span>
  );
}

/** The same in sentences, where only text can stand. */
export const shortAddress = (address: string): string =>
  address.length > 14 ? `${address.slice(0, 6)}…${address.slice(-6)}` : address;

/** Copies, and says so only after it happened. */
export function CopyButton({ text, what }: { readonly text: string; readonly what: string }) {
  const [outcome, setOutcome] = useState<"none" | "copied" | "failed">("none");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setOutcome("copied");
      announce(`${what} copied`);
    } catch {
      setOutcome("failed");
      announce("Copying is not allowed here. Select the text and copy it.");
    }
  };
  return (
    <button type="button" className="button small" onClick={() => void copy()} onBlur={() => setOutcome("none")}>
      <Icon name={outcome === "copied" ? "check" : "copy"} size={16} />
      {outcome === "none" ? "Copy" : outcome === "copied" ? "Copied" : "Not allowed"}
      <span className="unseen"> {what}</span>
    </button>
  );
}

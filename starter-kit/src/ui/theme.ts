import { useEffect } from "react";
import type { Settings } from "../session/state.ts";

/** Shows the chosen theme; "system" leaves it to the browser's preference. */
export function useTheme(theme: Settings["theme"]): void {
  useEffect(() => {
    if (theme === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = theme;
  }, [theme]);
}

/** What the page looks like now, whoever decided it. */
export function isDark(theme: Settings["theme"]): boolean {
  if (theme !== "system") return theme === "dark";
  return typeof window !== "undefined" && window.matchMedia("(prefers-color-scheme: dark)").matches;
}

import { type AnchorHTMLAttributes, type MouseEvent, useSyncExternalStore } from "react";

/** Pages are told of a navigation by this event, because `pushState` itself tells nobody. */
const MOVED = "sparky:moved";

function subscribe(listener: () => void): () => void {
  window.addEventListener("popstate", listener);
  window.addEventListener(MOVED, listener);
  return () => {
    window.removeEventListener("popstate", listener);
    window.removeEventListener(MOVED, listener);
  };
}

/** Whether the person has moved since the page was loaded; before that, the browser owns the focus. */
let moved = false;
export const hasMoved = (): boolean => moved;
if (typeof window !== "undefined") window.addEventListener("popstate", () => (moved = true));

const read = () => window.location.pathname + window.location.search;

/** Where we are: the path without a slash at its end, and the query. */
export interface Place {
  readonly path: string;
  readonly query: URLSearchParams;
}

export function usePlace(): Place {
  const text = useSyncExternalStore(subscribe, read, () => "/");
  const [path = "/", query = ""] = text.split("?");
  return { path: path.replace(/(.)\/+$/, "$1"), query: new URLSearchParams(query) };
}

/** The same place for the same profile: `?profile=` stays through all navigation. */
export function href(to: string): string {
  if (typeof window === "undefined") return to;
  const profile = new URLSearchParams(window.location.search).get("profile");
  if (!profile) return to;
  return `${to}${to.includes("?") ? "&" : "?"}profile=${encodeURIComponent(profile)}`;
}

export function navigate(to: string, how: "push" | "replace" = "push"): void {
  moved = true;
  if (how === "push") window.history.pushState(null, "", href(to));
  else window.history.replaceState(null, "", href(to));
  window.dispatchEvent(new Event(MOVED));
  window.scrollTo(0, 0);
}

interface LinkProps extends AnchorHTMLAttributes<HTMLAnchorElement> {
  readonly to: string;
}

/** A real link: it opens in a new tab, shows its address, and moves without loading otherwise. */
export function Link({ to, onClick, ...rest }: LinkProps) {
  const move = (event: MouseEvent<HTMLAnchorElement>) => {
    onClick?.(event);
    const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    if (!plain || event.defaultPrevented) return;
    event.preventDefault();
    navigate(to);
  };
  return <a href={href(to)} onClick={move} {...rest} />;
}

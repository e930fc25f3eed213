import { type ReactNode, useEffect, useRef } from "react";
import { hasMoved } from "./router.tsx";

interface Props {
  readonly title: string;
  /** What stands in the heading when it is more than the title. */
  readonly heading?: ReactNode;
  readonly lead?: ReactNode;
  /** Beside the heading: chips, the page's main button. */
  readonly aside?: ReactNode;
  readonly narrow?: boolean;
  readonly children: ReactNode;
}

/** One page: its only h1, which takes the focus when one arrives, and the window's title. */
export function Page({ title, heading, lead, aside, narrow = false, children }: Props) {
  const head = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Sparky`;
  }, [title]);
  useEffect(() => {
    if (hasMoved()) head.current?.focus({ preventScroll: true });
  }, []);
  return (
    <div className={narrow ? "page-inner narrow" : "page-inner"}>
      <div className="page-head">
        <h1 ref={head} tabIndex={-1}>
          {heading ?? title}
        </h1>
        {aside && <div className="row">{aside}</div>}
        {lead && <p>{lead}</p>}
      </div>
      {children}
    </div>
  );
}

/** A titled part of a page. */
export function Card({ title, aside, children, className }: { readonly title: string; readonly aside?: ReactNode; readonly children: ReactNode; readonly className?: string }) {
  return (
    <section className={className ? `card ${className}` : "card"} aria-label={title}>
      <div className="card-head">
        <h2>{title}</h2>
        {aside}
      </div>
      {children}
    </section>
  );
}

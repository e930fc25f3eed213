import type { ReactNode } from "react";
import { Banners, NetworkChip, ThemeButton } from "../ui/Frame.tsx";
import { Mark } from "../ui/icons.tsx";
import { Page } from "../ui/Page.tsx";

/** A page before there is an account: no navigation, one column. */
export function PlainPage({ title, lead, children }: { readonly title: string; readonly lead?: string; readonly children: ReactNode }) {
  return (
    <div className="plain">
      <header className="top">
        <span className="brand">
          <Mark />
          Sparky
        </span>
        <NetworkChip />
        <div className="top-end">
          <ThemeButton />
        </div>
      </header>
      <main id="page">
        <Banners />
        <Page title={title} lead={lead}>
          {children}
        </Page>
      </main>
    </div>
  );
}

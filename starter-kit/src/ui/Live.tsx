import { useEffect, useRef, useState } from "react";
import type { Notice, NoticeEvent } from "../session/state.ts";
import { announce, listenToAnnouncements } from "./announce.ts";
import { useActions, useSelect } from "./context.tsx";
import { Icon, type IconName } from "./icons.tsx";
import { qtumText } from "./Qtum.tsx";

const TOAST_MS = 6_000;
const MOST_TOASTS = 3;

/** The page's two live regions and its toasts. */
export function Live() {
  const [polite, setPolite] = useState("");
  const [assertive, setAssertive] = useState("");
  useEffect(() => listenToAnnouncements(({ tone, text }) => (tone === "polite" ? setPolite(text) : setAssertive(text))), []);

  const notices = useSelect((state) => state.notices);
  const alerts = useSelect((state) => state.alerts);
  const saidNotices = useRef(new Set<number>());
  const saidAlerts = useRef(new Set<string>());
  useEffect(() => {
    for (const notice of notices) {
      if (saidNotices.current.has(notice.key)) continue;
      saidNotices.current.add(notice.key);
      announce(noticeText(notice.event));
    }
  }, [notices]);
  useEffect(() => {
    for (const alert of alerts) {
      if (alert.severity !== "danger" || saidAlerts.current.has(alert.key)) continue;
      saidAlerts.current.add(alert.key);
      announce(`${alert.problem.title} ${alert.problem.detail}`, "assertive");
    }
  }, [alerts]);

  return (
    <>
      <div className="unseen" aria-live="polite" data-testid="live-polite">
        {polite}
      </div>
      <div className="unseen" aria-live="assertive" data-testid="live-assertive">
        {assertive}
      </div>
      <div className="toasts">
        {notices.slice(-MOST_TOASTS).map((notice) => (
          <Toast key={notice.key} notice={notice} />
        ))}
      </div>
    </>
  );
}

function Toast({ notice }: { readonly notice: Notice }) {
  const { dismissNotice } = useActions();
  const [held, setHeld] = useState(false);
  // Bad news stays until it is read; the rest leaves unless somebody looks at it.
  const stays = held || notice.tone === "bad";
  useEffect(() => {
    if (stays) return undefined;
    const timer = setTimeout(() => dismissNotice(notice.key), TOAST_MS);
    return () => clearTimeout(timer);
  }, [stays, notice.key, dismissNotice]);
  return (
    <div className="toast" data-testid="toast" onMouseEnter={() => setHeld(true)} onMouseLeave={() => setHeld(false)} onFocus={() => setHeld(true)} onBlur={() => setHeld(false)}>
      <Icon name={noticeIcon(notice.event)} />
      <span>{noticeText(notice.event)}</span>
      <button type="button" className="icon-button" aria-label="Dismiss" onClick={() => dismissNotice(notice.key)}>
        <Icon name="close" size={16} />
      </button>
    </div>
  );
}

/** What happened, in one sentence: for the toast and for the ear. */
export function noticeText(event: NoticeEvent): string {
  switch (event.type) {
    case "received":
      return `${event.partner.name} paid you ${qtumText(event.amount)}`;
    case "restored":
      if (event.channels === 0) return "Restored: your history and settings";
      return event.channels === 1 ? "Restored: 1 channel" : `Restored: ${event.channels} channels`;
    case "relay-healed":
      return "The relay had forgotten something; it has it again from this device";
    case "channel-opened":
      return `${event.partner.name} opened a channel: ${qtumText(event.capacity)}`;
    case "proposal":
      return `${event.partner.name} made you an offer about your channel`;
    case "problem":
      return `${event.problem.title} ${event.problem.detail}`;
    case "paid-out":
      return `Paid out: ${qtumText(event.mine)} is back on chain`;
    case "recovered-own-state":
      return "Your channel was restored from the relay";
  }
}

function noticeIcon(event: NoticeEvent): IconName {
  switch (event.type) {
    case "received":
      return "receive";
    case "restored":
    case "relay-healed":
      return "download";
    case "channel-opened":
      return "channels";
    case "problem":
      return "alert";
    case "proposal":
      return "bell";
    case "paid-out":
    case "recovered-own-state":
      return "check";
  }
}

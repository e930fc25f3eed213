import { useState } from "react";
import type { Activity } from "../session/state.ts";
import { useSelect } from "../ui/context.tsx";
import { Icon, type IconName } from "../ui/icons.tsx";
import { Page } from "../ui/Page.tsx";
import { Qtum } from "../ui/Qtum.tsx";
import { Link } from "../ui/router.tsx";
import { amountAsInput } from "../ui/parseAmount.ts";
import { moment } from "../ui/time.ts";

type Filter = "all" | "payments" | "chain";

/** Everything that happened with the money, newest first. */
export function ActivityPage() {
  const activity = useSelect((state) => state.activity);
  const [filter, setFilter] = useState<Filter>("all");
  const [wanted, setWanted] = useState("");
  const shown = activity.filter((item) => matches(item, filter, wanted));
  return (
    <Page
      title="Activity"
      aside={
        activity.length > 0 && (
          <button type="button" className="button" onClick={() => download("sparky-activity.csv", toCsv(shown))}>
            <Icon name="download" /> Export CSV
          </button>
        )
      }
    >
      <div className="row spread">
        <div className="segments" role="group" aria-label="Which activities">
          {(
            [
              ["all", "All"],
              ["payments", "Payments"],
              ["chain", "On chain"],
            ] as const
          ).map(([name, label]) => (
            <button key={name} type="button" aria-pressed={filter === name} onClick={() => setFilter(name)}>
              {label}
            </button>
          ))}
        </div>
        <label className="row small">
          Search
          <input className="input search" type="search" value={wanted} onChange={(event) => setWanted(event.target.value)} />
        </label>
      </div>
      <section className="card" aria-label="Activities">
        {shown.length === 0 ? <p className="empty">{activity.length === 0 ? "Nothing happened yet." : "Nothing matches."}</p> : <ActivityList items={shown} detailed />}
      </section>
    </Page>
  );
}

function matches({ kind, partner, txid, note, channelNumber }: Activity, filter: Filter, wanted: string): boolean {
  const payment = kind === "sent" || kind === "received";
  if (filter === "payments" && !payment) return false;
  if (filter === "chain" && payment) return false;
  const text = `${partner?.name ?? ""} ${partner?.address ?? ""} ${txid ?? ""} ${note} #${channelNumber ?? ""} ${KINDS[kind][1]}`;
  return text.toLowerCase().includes(wanted.trim().toLowerCase());
}

/** Icon, words, and which way the money went. */
const KINDS: Readonly<Record<Activity["kind"], readonly [IconName, string, "+" | "−" | ""]>> = {
  sent: ["pay", "Paid", "−"],
  received: ["receive", "Received from", "+"],
  opened: ["plus", "New channel with", ""],
  deposited: ["plus", "Added funds with", ""],
  withdrawn: ["receive", "Withdrew from the channel with", ""],
  closed: ["lock", "Closed the channel with", ""],
  corrected: ["shield", "Newer proof posted in the channel with", ""],
  settled: ["check", "Paid out from the channel with", "+"],
  "on-chain-sent": ["block", "Sent on chain to", "−"],
  faucet: ["receive", "Test coins", "+"],
};

const STATUS: Readonly<Record<Activity["status"], string>> = {
  stored: "waits for the relay",
  delivered: "delivered",
  acked: "accepted",
  done: "",
  failed: "failed",
};

export function ActivityList({ items, detailed = false }: { readonly items: readonly Activity[]; readonly detailed?: boolean }) {
  const now = Date.now();
  return (
    <ul className="list" data-testid="activity-list">
      {items.map((item) => (
        <li key={item.id} className="list-item" data-testid="activity" data-kind={item.kind} data-status={item.status}>
          <span className={`disc ${item.kind === "received" ? "in" : item.kind === "sent" ? "out" : ""}`} aria-hidden="true">
            <Icon name={KINDS[item.kind][0]} size={18} />
          </span>
          <div>
            <p>
              {KINDS[item.kind][1]} <span className="strong">{item.partner?.name ?? ""}</span>
            </p>
            <p className="sub">
              <time dateTime={new Date(item.at).toISOString()}>{moment(item.at, now)}</time>
              {item.channelNumber !== null && (
                <>
                  {" · "}
                  <Link to={`/channels/${item.channelNumber}`}>#{item.channelNumber}</Link>
                </>
              )}
              {STATUS[item.status] && ` · ${STATUS[item.status]}`}
              {item.tookMs !== null && ` in ${item.tookMs} ms`}
              {item.note && ` · ${item.note}`}
            </p>
            {detailed && item.txid && <p className="sub tiny mono">{item.txid}</p>}
          </div>
          {item.amount > 0n ? <SignedAmount item={item} /> : <span />}
        </li>
      ))}
    </ul>
  );
}

function SignedAmount({ item }: { readonly item: Activity }) {
  const sign = KINDS[item.kind][2];
  return sign ? <Qtum value={item.amount} sign={sign} /> : <Qtum value={item.amount} />;
}

/** RFC 4180; amounts exact, as a spreadsheet reads them. */
export function toCsv(items: readonly Activity[]): string {
  const lines = items.map(({ at, kind, amount, partner, channelNumber, nonce, txid, note }) =>
    [
      new Date(at).toISOString(),
      kind,
      "QTUM",
      `${KINDS[kind][2] === "−" ? "-" : ""}${amountAsInput(amount)}`,
      partner?.address ?? "",
      channelNumber ?? "",
      nonce ?? "",
      txid ?? "",
      note,
    ]
      .map((cell) => csvCell(String(cell)))
      .join(","),
  );
  return ["utcDate,type,currency,amount,address,channel,nonce,txid,description", ...lines, ""].join("\r\n");
}

/** Quoted when it must be; a leading `=` or `@` is not for a spreadsheet to run. */
function csvCell(text: string): string {
  const safe = /^[=+@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Hands a text to the browser as a file. */
export function download(name: string, content: string | Blob): void {
  const url = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type: "text/plain" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}


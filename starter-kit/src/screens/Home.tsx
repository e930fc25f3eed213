import type { State } from "../session/state.ts";
import { AlertNote } from "../ui/AlertNote.tsx";
import { useSelect } from "../ui/context.tsx";
import { DEMO_ACCOUNTS } from "../ui/demo.ts";
import { Icon } from "../ui/icons.tsx";
import { Card, Page } from "../ui/Page.tsx";
import { Qtum, qtumText } from "../ui/Qtum.tsx";
import { Link } from "../ui/router.tsx";
import { blocksAndTime } from "../ui/time.ts";
import { ActivityList } from "./ActivityPage.tsx";
import { ChannelRow } from "./ChannelsPage.tsx";
import { hasBackup } from "./backupMark.ts";
import { Transactions } from "./Transactions.tsx";

const CHANNELS_SHOWN = 4;
const ACTIVITIES_SHOWN = 5;

/** What one owns, what needs attention, what happened last. */
export function Home() {
  const name = useSelect((state) => state.account?.name ?? "");
  const channels = useSelect((state) => state.channels);
  const activity = useSelect((state) => state.activity);
  const alerts = useSelect((state) => state.alerts);
  // Being read-only is told by the banner of every page.
  const ofChannels = alerts.filter(({ channelId }) => channelId !== null);
  const living = channels.filter(({ phase }) => phase !== "settled");
  const shown = (living.length > 0 ? living : channels).slice(0, CHANNELS_SHOWN);
  return (
    <Page title="Home" heading={name ? `Hello, ${name}` : "Home"}>
      {ofChannels.map((alert) => (
        <AlertNote key={alert.key} alert={alert} withLink />
      ))}
      <Figures />
      <div className="row">
        <Link to="/pay" className="button primary">
          <Icon name="pay" /> Pay
        </Link>
        <Link to="/receive" className="button">
          <Icon name="receive" /> Receive
        </Link>
      </div>
      <Transactions />
      <div className="columns">
        <section className="stack" aria-labelledby="home-channels">
          <div className="row spread">
            <h2 id="home-channels">Channels</h2>
            <Link to="/channels/new" className="button small" data-testid="open-channel">
              <Icon name="plus" size={16} /> Open channel
            </Link>
          </div>
          {shown.length === 0 ? (
            <div className="card empty">
              <p>No channel yet. Open one with a partner; after that, payments between you are instant and free.</p>
            </div>
          ) : (
            <ul className="stack">
              {shown.map((channel) => (
                <li key={channel.id}>
                  <ChannelRow channel={channel} />
                </li>
              ))}
            </ul>
          )}
        </section>
        <div className="stack">
          <Checklist />
          <SecondPerson />
          <Card title="Last activities" aside={activity.length > 0 && <Link to="/activity">All</Link>}>
            {activity.length === 0 ? <p className="muted">Nothing yet.</p> : <ActivityList items={activity.slice(0, ACTIVITIES_SHOWN)} />}
          </Card>
        </div>
      </div>
    </Page>
  );
}

function Figures() {
  const totals = useSelect((state) => state.totals);
  const onChain = useSelect((state) => state.onChain);
  const network = useSelect((state) => state.network);
  const height = useSelect((state) => state.tip?.height ?? 0);
  const left = totals.lockedUntil === null ? null : Math.max(0, totals.lockedUntil - height);
  return (
    <dl className="stats">
      <div className="stat first">
        <dt>Spendable now</dt>
        <dd>
          <Qtum value={totals.available} testId="spendable" />
        </dd>
        <dd>in your channels, instantly</dd>
      </div>
      <div className="stat">
        <dt>Can receive now</dt>
        <dd>
          <Qtum value={totals.receivable} testId="receivable" />
        </dd>
      </div>
      <div className="stat">
        <dt>On chain</dt>
        <dd>
          <Qtum value={onChain.spendable} testId="on-chain" />
        </dd>
        {onChain.unconfirmed > 0n && <dd>{qtumText(onChain.unconfirmed)} unconfirmed</dd>}
        {onChain.immature > 0n && <dd>{qtumText(onChain.immature)} maturing</dd>}
      </div>
      <div className="stat">
        <dt>Locked</dt>
        <dd>
          <Qtum value={totals.locked} testId="locked" />
        </dd>
        {left !== null && network && <dd>{left === 0 ? "can be paid out now" : `back in ${blocksAndTime(left, network.blockSeconds)}`}</dd>}
      </div>
    </dl>
  );
}

/** The demo needs two people; the other one lives in a second tab. */
function SecondPerson() {
  const account = useSelect((state) => state.account);
  const profiles = useSelect((state) => state.profiles);
  const dev = useSelect((state) => state.network?.dev ?? false);
  const other = DEMO_ACCOUNTS.find(({ address }) => address !== account?.address);
  const met = useSelect((state) => state.channels.some(({ partner }) => partner.address === other?.address));
  const known = met || profiles.some(({ address }) => address === other?.address);
  if (!dev || !other || known || account?.protection !== "public") return null;
  return (
    <Card title={`Play ${other.name}, too`}>
      <p className="small muted">Every profile of this browser has its own key. Open {other.name} in a second tab and watch the payments arrive.</p>
      <div>
        <a className="button small" href={`/welcome?profile=${other.key}`} target={`sparky-${other.key}`} data-testid="second-person">
          Open {other.name} in a new tab
        </a>
      </div>
    </Card>
  );
}

interface Step {
  readonly label: string;
  readonly done: boolean;
  readonly to: string;
}

/** The way to the first payment, in the order in which it is walked. */
export function checklist(state: Pick<State, "account" | "onChain" | "channels" | "activity">, backedUp: boolean): readonly Step[] {
  const paid = state.activity.some(({ kind }) => kind === "sent" || kind === "received");
  const hasChannel = state.channels.length > 0;
  return [
    { label: "Key", done: state.account !== null, to: "/account" },
    { label: "Backup", done: backedUp, to: "/account" },
    { label: "Funds on chain", done: state.onChain.spendable > 0n || hasChannel, to: "/receive" },
    { label: "First channel", done: hasChannel, to: "/channels/new" },
    { label: "First payment", done: paid, to: "/pay" },
  ];
}

function Checklist() {
  const account = useSelect((state) => state.account);
  const onChain = useSelect((state) => state.onChain);
  const channels = useSelect((state) => state.channels);
  const activity = useSelect((state) => state.activity);
  const backedUp = account !== null && (account.protection === "public" || hasBackup(account.address));
  const steps = checklist({ account, onChain, channels, activity }, backedUp);
  const done = steps.filter((step) => step.done).length;
  if (done === steps.length) return null;
  return (
    <Card title="Get started" aside={<span className="chip">{`${done} of ${steps.length}`}</span>} className="checklist">
      <ol>
        {steps.map(({ label, done: isDone, to }) => (
          <li key={label} className={isDone ? "done" : ""}>
            <Icon name={isDone ? "check" : "circle"} />
            {isDone ? (
              <span>
                {label}
                <span className="unseen"> (done)</span>
              </span>
            ) : (
              <Link to={to}>{label}</Link>
            )}
          </li>
        ))}
      </ol>
    </Card>
  );
}

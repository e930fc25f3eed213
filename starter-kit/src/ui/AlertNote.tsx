import type { Alert } from "../session/state.ts";
import { useActions, useSelect, useVerb } from "./context.tsx";
import { VerbButton } from "./fields.tsx";
import { Icon } from "./icons.tsx";
import { noteClass, ProblemBody, ProblemNote } from "./ProblemNote.tsx";
import { Link } from "./router.tsx";
import { blocksAndTime } from "./time.ts";

interface Props {
  readonly alert: Alert;
  /** A link to the channel, where the note does not stand on its page. */
  readonly withLink?: boolean;
}

const TONES = { info: "info", warning: "warn", danger: "bad" } as const;

/** Something that needs the user, with the one button that answers it. */
export function AlertNote({ alert, withLink = false }: Props) {
  const channel = useSelect((state) => state.channels.find(({ id }) => id === alert.channelId) ?? null);
  const blockSeconds = useSelect((state) => state.network?.blockSeconds ?? 32);
  const verb = useAlertVerb(alert);
  return (
    <div className={noteClass(TONES[alert.severity])} role={alert.severity === "danger" ? "alert" : "status"} data-testid="alert" data-code={alert.problem.code}>
      <Icon name={alert.severity === "info" ? "info" : "alert"} />
      <div className="stack tight">
        <ProblemBody problem={alert.problem}>
          {verb.label && (
            <VerbButton tone={alert.severity === "danger" ? "danger" : "primary"} small pending={verb.pending} testId={verb.testId} onClick={() => void verb.run()}>
              {verb.label}
            </VerbButton>
          )}
          {withLink && channel && (
            <Link to={`/channels/${channel.number}`} className="button small">
              See channel {channel.number}
            </Link>
          )}
        </ProblemBody>
        {alert.blocksLeft !== null && alert.blocksLeft > 0 && (
          <p className="row small">
            <Icon name="clock" size={16} /> {blocksAndTime(alert.blocksLeft, blockSeconds)} left
          </p>
        )}
        {verb.problem && <ProblemNote problem={verb.problem} />}
      </div>
    </div>
  );
}

function useAlertVerb({ action, channelId }: Alert) {
  const { counterClaim, settle, setWatch, giveWay } = useActions();
  const verb = useVerb(async () => {
    if (!channelId) return;
    if (action === "counter-claim") await counterClaim(channelId);
    if (action === "give-way") await giveWay(channelId);
    if (action === "settle") await settle(channelId);
    if (action === "enable-watch") await setWatch({ channelId, enabled: true });
  });
  const [label, testId] = LABELS[action ?? "none"] ?? ["", ""];
  return { ...verb, label, testId };
}

/** Offers are accepted on the channel's page, where their figures are. */
const LABELS: Readonly<Record<string, readonly [string, string]>> = {
  "counter-claim": ["Post newer proof", "post-newer-proof"],
  settle: ["Settle now", "settle"],
  "give-way": ["Take the relay's word", "give-way"],
  "enable-watch": ["Turn the watchtower on", "enable-watch"],
};

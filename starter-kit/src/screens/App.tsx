import { useSelect } from "../ui/context.tsx";
import { Frame } from "../ui/Frame.tsx";
import { Live } from "../ui/Live.tsx";
import { Page } from "../ui/Page.tsx";
import { ProblemNote } from "../ui/ProblemNote.tsx";
import { Link, usePlace } from "../ui/router.tsx";
import { useTheme } from "../ui/theme.ts";
import { AccountPage } from "./AccountPage.tsx";
import { ActivityPage } from "./ActivityPage.tsx";
import { ChannelPage } from "./ChannelPage.tsx";
import { ChannelsPage } from "./ChannelsPage.tsx";
import { Home } from "./Home.tsx";
import { Lab } from "./Lab.tsx";
import { Locked } from "./Locked.tsx";
import { MorePage } from "./MorePage.tsx";
import { OpenChannel } from "./OpenChannel.tsx";
import { Pay } from "./Pay.tsx";
import { PlainPage } from "./PlainPage.tsx";
import { Receive } from "./Receive.tsx";
import { SettingsPage } from "./SettingsPage.tsx";
import { Welcome } from "./Welcome.tsx";

/** The page that the stage and the address ask for. */
export function App() {
  const theme = useSelect((state) => state.settings.theme);
  useTheme(theme);
  return (
    <>
      <Stage />
      <Live />
    </>
  );
}

function Stage() {
  const stage = useSelect((state) => state.stage);
  switch (stage.type) {
    case "starting":
      return (
        <PlainPage title="One moment">
          <p className="row muted" role="status">
            <span className="spinner" /> Opening your profile…
          </p>
        </PlainPage>
      );
    case "failed":
      return (
        <PlainPage title="Sparky cannot start">
          <ProblemNote problem={stage.problem} />
        </PlainPage>
      );
    case "welcome":
      return <Welcome />;
    case "locked":
      return <Locked />;
    case "ready":
      return <Ready />;
  }
}

function Ready() {
  const { path } = usePlace();
  const dev = useSelect((state) => state.network?.dev ?? false);
  return <Frame>{screenFor(path, dev)}</Frame>;
}

/** The screen at an address. The lab exists where money is play money, however one gets there. */
export function screenFor(path: string, dev: boolean) {
  const number = /^\/channels\/(\d{1,15})$/.exec(path)?.[1];
  if (number) return <ChannelPage number={Number(number)} key={number} />;
  switch (path) {
    case "/":
    case "/welcome":
      return <Home />;
    case "/pay":
      return <Pay />;
    case "/receive":
      return <Receive />;
    case "/channels":
      return <ChannelsPage />;
    case "/channels/new":
      return <OpenChannel />;
    case "/activity":
      return <ActivityPage />;
    case "/account":
      return <AccountPage />;
    case "/settings":
      return <SettingsPage />;
    case "/more":
      return <MorePage />;
    case "/lab":
      if (dev) return <Lab />;
      return <NotFound />;
    default:
      return <NotFound />;
  }
}

function NotFound() {
  return (
    <Page title="There is no such page" narrow>
      <p>
        <Link to="/">Home</Link>
      </p>
    </Page>
  );
}

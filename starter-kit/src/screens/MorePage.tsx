import { useSelect } from "../ui/context.tsx";
import { pages } from "../ui/Frame.tsx";
import { Icon } from "../ui/icons.tsx";
import { Page } from "../ui/Page.tsx";
import { Link } from "../ui/router.tsx";

/** The pages that have no tab on a small screen. */
export function MorePage() {
  const dev = useSelect((state) => state.network?.dev ?? false);
  return (
    <Page title="More" narrow>
      <ul className="card list">
        {pages(dev)
          .filter(({ where }) => where === "only-wide")
          .map(({ to, label, icon }) => (
            <li key={to}>
              <Link to={to} className="list-item">
                <Icon name={icon} />
                {label}
                <Icon name="forward" />
              </Link>
            </li>
          ))}
      </ul>
    </Page>
  );
}

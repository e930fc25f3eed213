/** Line icons on a 24-pixel grid. Decoration only: every icon stands beside a word or in a named button. */
const PATHS = {
  home: "M4 11.5 12 4l8 7.5M6.5 9.5V20h11V9.5",
  pay: "M12 20V5M6 11l6-6 6 6",
  receive: "M12 4v15M6 13l6 6 6-6",
  channels: "M4 8h13l-3.5-3.5M20 16H7l3.5 3.5",
  activity: "M4 12h4l2.5-7 4 14 2.5-7h3",
  account: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM4.5 20.5c1-4 4-5.5 7.5-5.5s6.5 1.5 7.5 5.5",
  lab: "M9.5 3.5h5M10.5 3.5v6L5 19a1.2 1.2 0 0 0 1 1.8h12a1.2 1.2 0 0 0 1-1.8l-5.5-9.5v-6M7.5 15h9",
  settings: "M4 7h9M17 7h3M4 17h3M11 17h9M15 9.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5ZM9 19.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5Z",
  more: "M5.5 13a1 1 0 1 0 0-2 1 1 0 0 0 0 2ZM12 13a1 1 0 1 0 0-2 1 1 0 0 0 0 2ZM18.5 13a1 1 0 1 0 0-2 1 1 0 0 0 0 2Z",
  check: "m5 12.5 4.5 4.5L19 7.5",
  circle: "M12 20a8 8 0 1 0 0-16 8 8 0 0 0 0 16Z",
  clock: "M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17ZM12 7.5V12l3 2",
  alert: "M12 4 2.8 19.5h18.4L12 4ZM12 10v4.5M12 17h.01",
  info: "M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17ZM12 11v5M12 8h.01",
  eye: "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12ZM12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6Z",
  copy: "M9 9h10v11H9zM5 15V4h10",
  close: "M6 6l12 12M18 6 6 18",
  plus: "M12 5v14M5 12h14",
  moon: "M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10Z",
  sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4",
  bell: "M6 16.5V11a6 6 0 0 1 12 0v5.5l1.5 1.5h-15zM10 20.5h4",
  key: "M14.5 13a4.5 4.5 0 1 0-4.2-2.8L3.5 17v3.5H7V18h2.5v-2.5l1.6-1.6c.9.7 2.1 1.1 3.4 1.1ZM15.5 8h.01",
  shield: "M12 3.5 5 6v5.5c0 4.3 2.8 7.5 7 9 4.2-1.5 7-4.7 7-9V6zM9 12l2.2 2.2L15.5 10",
  lock: "M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
  block: "M12 3.5 4.5 7.5v9l7.5 4 7.5-4v-9zM4.5 7.5 12 11.5l7.5-4M12 11.5v9",
  down: "m6 9 6 6 6-6",
  forward: "m9 6 6 6-6 6",
  download: "M12 4v11M7 10.5l5 5 5-5M4.5 20h15",
  play: "M8 5.5v13l10.5-6.5z",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 20 }: { readonly name: IconName; readonly size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth={1.8} strokeLinecap="round" strokeLinejoin="round" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}

/** Our own mark: a spark in a hexagon. */
export function Mark({ size = 28 }: { readonly size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 48 48" aria-hidden="true" focusable="false">
      <path fill="#14648f" stroke="#14648f" strokeWidth={5} strokeLinejoin="round" d="M24 4.6 40.8 14.3v19.4L24 43.4 7.2 33.7V14.3z" />
      <path fill="#2e9ad0" d="M24 4.6 40.8 14.3 24 24 7.2 14.3z" />
      <path fill="#fff" d="M24 9.5c1.6 8.2 4.9 11.9 13.2 14.5-8.3 2.6-11.6 6.3-13.2 14.5-1.6-8.2-4.9-11.9-13.2-14.5 8.3-2.6 11.6-6.3 13.2-14.5z" />
    </svg>
  );
}

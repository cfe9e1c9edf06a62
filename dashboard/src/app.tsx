/**
 * The frame around every page: navigation, search, the connection's state, the time.
 *
 * @module
 */

import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ConnectionBanner, TokenDialog } from "./components/connection-banner.tsx";
import { Icon } from "./components/glyph.tsx";
import { KeyboardHelp } from "./components/keyboard-help.tsx";
import { SearchBox } from "./components/search-box.tsx";
import { TimeBar } from "./components/time-bar.tsx";
import { listenToKeys } from "./keyboard.ts";
import { connection } from "./live/connection.ts";
import { DoctorPage } from "./pages/doctor-page.tsx";
import { EventsPage } from "./pages/events-page.tsx";
import { GraphPage } from "./pages/graph-page.tsx";
import { JobPage } from "./pages/job-page.tsx";
import { JobsPage } from "./pages/jobs-page.tsx";
import { MissingPage } from "./pages/missing-page.tsx";
import { OverviewPage } from "./pages/overview-page.tsx";
import { QueuePage } from "./pages/queue-page.tsx";
import { StreamPage } from "./pages/stream-page.tsx";
import { TaskPage } from "./pages/task-page.tsx";
import { UsersPage } from "./pages/users-page.tsx";
import { WorkerPage } from "./pages/worker-page.tsx";
import { WorkersPage } from "./pages/workers-page.tsx";
import { instant, path } from "./router.ts";
import { sectionOf, sections } from "./routes.ts";
import { nextTheme, setTheme, theme } from "./theme.ts";

const exactPages: { readonly [path: string]: ComponentType } = {
  "/": OverviewPage,
  "/jobs": JobsPage,
  "/graph": GraphPage,
  "/stream": StreamPage,
  "/workers": WorkersPage,
  "/queue": QueuePage,
  "/users": UsersPage,
  "/events": EventsPage,
  "/doctor": DoctorPage,
};

function pageOf(at: string): ComponentType {
  if (Object.hasOwn(exactPages, at)) return exactPages[at];
  if (at.startsWith("/jobs/")) return JobPage;
  if (at.startsWith("/tasks/")) return TaskPage;
  if (at.startsWith("/workers/")) return WorkerPage;
  return MissingPage;
}

export function App() {
  const [menu, setMenu] = useState(false);
  useEffect(() => listenToKeys(), []);
  const at = path.value;
  const Page = pageOf(at);
  const section = sectionOf(at);
  useEffect(() => {
    setMenu(false);
    document.title = `${titleOf(at, section?.title)} · Capstan`;
  }, [at]);
  return (
    <div class={instant.value === null ? "frame" : "frame past"}>
      <a class="skip" href="#main">
        Skip to the page
      </a>
      <header class="top">
        <button
          type="button"
          class="button quiet menu-button"
          aria-label="Menu"
          aria-expanded={menu}
          onClick={() => setMenu(!menu)}
        >
          <Icon name={menu ? "close" : "menu"} />
        </button>
        <a class="brand" href="/">
          <Mark /> Capstan
        </a>
        <SearchBox />
        <div class="top-end">
          <LiveMark />
          <ThemeButton />
        </div>
      </header>
      <Navigation open={menu} current={section?.path} />
      <main id="main" tabIndex={-1}>
        <ConnectionBanner />
        <Page key={at} />
      </main>
      <TimeBar />
      <TokenDialog />
      <KeyboardHelp />
    </div>
  );
}

function titleOf(at: string, section: string | undefined): string {
  const rest = at.replace(/^\/(?:jobs|tasks|workers)/, "");
  return rest.length > 1 && rest !== at ? rest : (section ?? "Not found");
}

function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" />
      <path d="M16 5.5v6.3M16 20.2v6.3M5.5 16h6.3M20.2 16h6.3M8.6 8.6l4.4 4.4M19 19l4.4 4.4M8.6 23.4l4.4-4.4M19 13l4.4-4.4" />
      <circle cx="16" cy="16" r="4.2" />
    </svg>
  );
}

function Navigation({
  open,
  current,
}: {
  readonly open: boolean;
  readonly current: string | undefined;
}) {
  return (
    <nav class={open ? "side open" : "side"} aria-label="Pages">
      <ul>
        {sections.map(({ path: to, title, icon, key }) => (
          <li key={to}>
            <a href={to} aria-current={to === current ? "page" : undefined}>
              <Icon name={icon} />
              <span>{title}</span>
              <span class="kbd" aria-hidden="true">
                g {key}
              </span>
            </a>
          </li>
        ))}
      </ul>
      <ClusterNote />
    </nav>
  );
}

function ClusterNote() {
  const clock = connection.clock.value;
  if (clock === null) return null;
  return (
    <p class="cluster-note soft">
      journal <span class="mono">{clock.sequence.toLocaleString("en")}</span>
      <br />
      <kbd>?</kbd> keys
    </p>
  );
}

function LiveMark() {
  const state = connection.state.value;
  if (instant.value !== null) return <span class="live-mark past">Past</span>;
  if (connection.clock.value?.live === false) return <span class="live-mark past">Recording</span>;
  const word = { live: "Live", connecting: "Connecting", lost: "Lost", refused: "No access" }[
    state
  ];
  return (
    <span class={`live-mark ${state}`} role="status">
      {word}
    </span>
  );
}

function ThemeButton() {
  const icon = ({ system: "system", light: "sun", dark: "moon" } as const)[theme.value];
  return (
    <button
      type="button"
      class="button quiet"
      aria-label={`Colours: ${theme.value}`}
      title={`Colours: ${theme.value}`}
      onClick={() => setTheme(nextTheme())}
    >
      <Icon name={icon} />
    </button>
  );
}

/**
 * The pages, in the order of the navigation, with the keys that lead to them.
 *
 * @module
 */

import type { IconName } from "./components/glyph.tsx";

export interface Section {
  readonly path: string;
  readonly title: string;
  readonly icon: IconName;
  /** After `g`. */
  readonly key: string;
}

export const sections: readonly Section[] = [
  { path: "/", title: "Overview", icon: "overview", key: "o" },
  { path: "/jobs", title: "Jobs", icon: "jobs", key: "j" },
  { path: "/graph", title: "Graph", icon: "graph", key: "g" },
  { path: "/stream", title: "Task stream", icon: "stream", key: "t" },
  { path: "/workers", title: "Workers", icon: "workers", key: "w" },
  { path: "/queue", title: "Queue", icon: "queue", key: "q" },
  { path: "/users", title: "Users", icon: "users", key: "u" },
  { path: "/events", title: "Events", icon: "events", key: "e" },
  { path: "/doctor", title: "Doctor", icon: "doctor", key: "d" },
];

/** Which of them a path belongs to: tasks are found below jobs. */
export function sectionOf(path: string): Section | undefined {
  if (path.startsWith("/tasks/")) return sections.find((section) => section.path === "/jobs");
  return sections.find(
    (section) =>
      path === section.path || (section.path !== "/" && path.startsWith(`${section.path}/`)),
  );
}

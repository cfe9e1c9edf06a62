/**
 * Small drawings: the shapes of states, and the icons of pages and buttons. All are decoration: the
 * word stands beside them, or in the label of what they are on.
 *
 * @module
 */

import type { ComponentChildren } from "preact";
import type { Shape } from "../text/states.ts";

const filled = { fill: "currentColor", stroke: "none" } as const;

const shapes: { readonly [name in Shape]: ComponentChildren } = {
  ring: <circle cx="6" cy="6" r="4.2" stroke-dasharray="2.2 1.6" />,
  half: (
    <>
      <circle cx="6" cy="6" r="4.2" />
      <path d="M6 1.8a4.2 4.2 0 0 1 0 8.4z" {...filled} />
    </>
  ),
  dots: (
    <>
      <circle cx="2.2" cy="6" r="1.4" {...filled} />
      <circle cx="6" cy="6" r="1.4" {...filled} />
      <circle cx="9.8" cy="6" r="1.4" {...filled} />
    </>
  ),
  play: <path d="M3 1.6v8.8L10.4 6z" {...filled} />,
  check: <path d="M1.8 6.4l2.9 2.9 5.5-6.4" stroke-width="1.9" />,
  cross: <path d="M2.4 2.4l7.2 7.2M9.6 2.4L2.4 9.6" stroke-width="1.9" />,
  square: <rect x="2.2" y="2.2" width="7.6" height="7.6" rx="1.4" {...filled} />,
  bolt: <path d="M7 .8L2.2 7h3.2L4.6 11.2 9.8 4.8H6.4z" {...filled} />,
  eject: <path d="M6 1.6l4.4 5H1.6zM1.6 8.4h8.8v2H1.6z" {...filled} />,
  slash: (
    <>
      <circle cx="6" cy="6" r="4.4" stroke-width="1.6" />
      <path d="M3 9l6-6" stroke-width="1.6" />
    </>
  ),
  links: <path d="M1.4 6h2.8M7.8 6h2.8M6 1.4v2.2M6 8.4v2.2M3 3l6 6" stroke-width="1.7" />,
  up: <path d="M6 10.6V2M2.4 5.4L6 1.8l3.6 3.6" stroke-width="1.8" />,
  dot: <circle cx="6" cy="6" r="4" {...filled} />,
  question: (
    <path d="M3.6 4.2a2.5 2.5 0 1 1 3.6 2.3c-.8.4-1.2.8-1.2 1.5M6 10v.6" stroke-width="1.7" />
  ),
  bang: <path d="M6 1.2l5.2 9.4H.8zM6 4.4v3M6 8.8v.4" stroke-width="1.3" />,
  bar: (
    <>
      <circle cx="6" cy="6" r="4.4" stroke-width="1.5" />
      <path d="M3.6 6h4.8" stroke-width="1.7" />
    </>
  ),
  down: <path d="M6 1.4v8.4M2.4 6.4L6 10l3.6-3.6" stroke-width="1.8" />,
};

export function Glyph({ shape }: { readonly shape: Shape }) {
  return (
    <svg class="glyph" viewBox="0 0 12 12" aria-hidden="true" focusable="false">
      {shapes[shape]}
    </svg>
  );
}

const icons = {
  overview: "M2.5 9.5h3v4h-3zM6.5 5.5h3v8h-3zM10.5 2.5h3v11h-3z",
  jobs: "M2.5 4h11M2.5 8h11M2.5 12h7",
  graph: "M2 2h4v3.4H2zM2 10.6h4V14H2zM10 6.3h4v3.4h-4zM6 3.7h1.4L10 7.2M6 12.3h1.4L10 8.8",
  stream: "M2 4.2h5M9 4.2h5M2 8h8M12 8h2M2 11.8h3M7 11.8h7",
  workers: "M2.5 3h11v4h-11zM2.5 9h11v4h-11zM5 5h.1M5 11h.1",
  queue: "M3 3.5h10M3 6.5h10M5 9.5h6M6.5 12.5h3",
  users:
    "M6 7.4a2.4 2.4 0 1 0 0-4.8 2.4 2.4 0 0 0 0 4.8zM1.8 13.2c.3-2.3 2-3.6 4.2-3.6s3.9 1.3 4.2 3.6M10.6 2.9a2.3 2.3 0 0 1 0 4.3M12 9.9c1.3.5 2 1.6 2.2 3.3",
  events: "M8 4v4l2.6 1.8M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12z",
  doctor: "M1.8 8.4h2.8l1.7-4.6 3 8.6 1.9-4h3",
  search: "M7 11.4a4.4 4.4 0 1 0 0-8.8 4.4 4.4 0 0 0 0 8.8zM10.3 10.3l3.4 3.4",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
  sun: "M8 10.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6zM8 1.4v1.4M8 13.2v1.4M1.4 8h1.4M13.2 8h1.4M3.3 3.3l1 1M11.7 11.7l1 1M3.3 12.7l1-1M11.7 4.3l1-1",
  moon: "M13.4 9.6A5.8 5.8 0 0 1 6.4 2.6a5.8 5.8 0 1 0 7 7z",
  system: "M2 3h12v8H2zM6 13.6h4",
  menu: "M2.5 4.5h11M2.5 8h11M2.5 11.5h11",
  close: "M3.5 3.5l9 9M12.5 3.5l-9 9",
  back: "M9.8 3.2L5 8l4.8 4.8",
  forward: "M6.2 3.2L11 8l-4.8 4.8",
} as const;

export type IconName = keyof typeof icons;

export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class={`icon icon-${name}`} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={icons[name]} />
    </svg>
  );
}

/**
 * Small pieces that every page is made of: panels, facts, times, empty states, errors.
 *
 * @module
 */

import type { ComponentChildren } from "preact";
import type { ApiError } from "../api.ts";
import { now } from "../now.ts";
import { hrefs } from "../router.ts";
import {
  formatAgo,
  formatCount,
  formatDuration,
  formatExactTime,
  formatTime,
  timeOf,
} from "../text/format.ts";

interface PanelProps {
  readonly title?: ComponentChildren;
  readonly note?: ComponentChildren;
  readonly actions?: ComponentChildren;
  readonly class?: string;
  readonly children: ComponentChildren;
}

export function Panel({ title, note, actions, children, class: className = "" }: PanelProps) {
  return (
    <section class={`panel ${className}`}>
      {(title !== undefined || actions !== undefined) && (
        <header class="panel-head">
          {title !== undefined && <h2>{title}</h2>}
          {note !== undefined && <span class="soft">{note}</span>}
          {actions !== undefined && <div class="panel-actions">{actions}</div>}
        </header>
      )}
      {children}
    </section>
  );
}

export type Fact = readonly [name: string, value: ComponentChildren];

/** Names and values; what is null is left out. */
export function Facts({ facts }: { readonly facts: readonly (Fact | null)[] }) {
  return (
    <dl class="facts">
      {facts.map((fact) =>
        fact === null ? null : (
          <div key={fact[0]}>
            <dt>{fact[0]}</dt>
            <dd>{fact[1]}</dd>
          </div>
        ),
      )}
    </dl>
  );
}

/** A moment, with its age; exact on hovering. */
export function When({ at }: { readonly at: string | null }) {
  const ms = timeOf(at);
  if (at === null || Number.isNaN(ms)) return <span class="soft">–</span>;
  return (
    <time dateTime={at} title={`${formatTime(ms, now.value)} (${at})`}>
      {formatAgo(ms, now.value)}
    </time>
  );
}

export function ExactTime({ at }: { readonly at: string }) {
  return (
    <time dateTime={at} title={at}>
      {formatExactTime(Date.parse(at))}
    </time>
  );
}

/** From one moment to another, or to now. */
export function Span({ from, to }: { readonly from: string | null; readonly to: string | null }) {
  const start = timeOf(from);
  if (Number.isNaN(start)) return <span class="soft">–</span>;
  const end = to === null ? now.value : timeOf(to);
  return <span>{formatDuration(Math.max(0, end - start))}</span>;
}

interface EmptyProps {
  readonly title: string;
  readonly children?: ComponentChildren;
}

/** Nothing is there: what that means, and what to do next. */
export function Empty({ title, children }: EmptyProps) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children !== undefined && <div class="soft">{children}</div>}
    </div>
  );
}

export function ErrorNote({ error }: { readonly error: ApiError }) {
  return (
    <div class="note note-fail" role="alert">
      <b>{error.code}</b> {error.message}
    </div>
  );
}

/** Lines that stand for what is on its way. */
export function Loading({ lines = 3 }: { readonly lines?: number }) {
  return (
    <div class="loading" role="status" aria-label="loading">
      {Array.from({ length: lines }, (_, line) => (
        <i key={line} />
      ))}
    </div>
  );
}

export function JobLink({ id }: { readonly id: string }) {
  return (
    <a class="id" href={hrefs.job(id)}>
      {id}
    </a>
  );
}

export function TaskLink({
  id,
  children,
}: {
  readonly id: string;
  readonly children?: ComponentChildren;
}) {
  return (
    <a class="id" href={hrefs.task(id)}>
      {children ?? id}
    </a>
  );
}

export function WorkerLink({ id }: { readonly id: string | null }) {
  if (id === null || id === "") return <span class="soft">–</span>;
  return (
    <a class="id" href={hrefs.worker(id)}>
      {id}
    </a>
  );
}

interface TabsProps<Name extends string> {
  readonly label: string;
  readonly tabs: readonly {
    readonly name: Name;
    readonly title: string;
    readonly count?: number | undefined;
  }[];
  readonly current: Name;
  readonly onPick: (name: Name) => void;
}

export function Tabs<Name extends string>({ label, tabs, current, onPick }: TabsProps<Name>) {
  return (
    <div class="tabs" role="tablist" aria-label={label}>
      {tabs.map(({ name, title, count }) => (
        <button
          key={name}
          type="button"
          role="tab"
          aria-selected={name === current}
          class="tab"
          onClick={() => onPick(name)}
        >
          {title}
          {count !== undefined && <span class="tab-count">{formatCount(count)}</span>}
        </button>
      ))}
    </div>
  );
}

interface LinkedTextProps {
  readonly text: string;
  /** What of the text is a link; where the text does not have it, it stands behind. */
  readonly id: string;
  readonly href: string;
}

/** A sentence in which an id is a link. */
export function LinkedText({ text, id, href }: LinkedTextProps) {
  const at = id === "" ? -1 : text.indexOf(id);
  const link = (
    <a class="id" href={href}>
      {id}
    </a>
  );
  if (at === -1) {
    return (
      <span>
        {text}
        {id === "" ? null : <> · {link}</>}
      </span>
    );
  }
  return (
    <span>
      {text.slice(0, at)}
      {link}
      {text.slice(at + id.length)}
    </span>
  );
}

/** The page of one thing whose answer has not come, or was an error. */
export function NotThereYet(props: { readonly id: string; readonly error: ApiError | null }) {
  const { id, error } = props;
  return (
    <>
      <header class="page-head">
        <h1 class="id">{id}</h1>
      </header>
      {error === null ? <Loading lines={8} /> : <ErrorNote error={error} />}
    </>
  );
}

/**
 * Finds jobs by the beginning of their names, workers and tasks by a part of their ids.
 *
 * @module
 */

import { useRef, useState } from "preact/hooks";
import { CallError, call } from "../api.ts";
import { hrefs, navigate } from "../router.ts";
import { Icon } from "./glyph.tsx";
import { StateBadge } from "./state-badge.tsx";

interface Hit {
  readonly href: string;
  readonly title: string;
  readonly state: string;
}

/** Waits for the next letter before it asks. */
const restMs = 150;
const hitsMax = 8;

export function SearchBox() {
  const [text, setText] = useState("");
  const [hits, setHits] = useState<readonly Hit[] | null>(null);
  const [chosen, setChosen] = useState(0);
  const timer = useRef(0);
  const input = useRef<HTMLInputElement>(null);
  const search = (wanted: string) => {
    setText(wanted);
    setChosen(0);
    window.clearTimeout(timer.current);
    if (wanted.trim() === "") return setHits(null);
    timer.current = window.setTimeout(() => void findAll(wanted.trim()).then(setHits), restMs);
  };
  const close = () => {
    setHits(null);
    setText("");
    input.current?.blur();
  };
  const go = (href: string) => {
    close();
    navigate(href);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape") return close();
    if (hits === null || hits.length === 0) return;
    if (event.key === "Enter") go(hits[Math.min(chosen, hits.length - 1)].href);
    else if (event.key === "ArrowDown") setChosen((chosen + 1) % hits.length);
    else if (event.key === "ArrowUp") setChosen((chosen + hits.length - 1) % hits.length);
    else return;
    event.preventDefault();
  };
  return (
    <search class="search">
      <Icon name="search" />
      <input
        ref={input}
        id="search"
        type="text"
        role="combobox"
        inputMode="search"
        placeholder="Search jobs, tasks, workers"
        aria-label="Search jobs, tasks, workers"
        aria-expanded={hits !== null}
        aria-controls="search-hits"
        aria-activedescendant={hits === null || hits.length === 0 ? undefined : `hit-${chosen}`}
        autocomplete="off"
        value={text}
        onInput={(event) => search(event.currentTarget.value)}
        onKeyDown={onKeyDown}
        onBlur={() => window.setTimeout(() => setHits(null), 150)}
      />
      <span class="kbd" aria-hidden="true">
        /
      </span>
      {hits !== null && <Hits hits={hits} chosen={chosen} onPick={go} />}
    </search>
  );
}

interface HitsProps {
  readonly hits: readonly Hit[];
  readonly chosen: number;
  readonly onPick: (href: string) => void;
}

function Hits({ hits, chosen, onPick }: HitsProps) {
  return (
    <div id="search-hits" class="hits" role="listbox" aria-label="Found" tabIndex={-1}>
      {hits.length === 0 && <p class="soft hit">Nothing is called so. A job is /user/name.</p>}
      {hits.map(({ href, title, state }, index) => (
        <div
          key={href}
          id={`hit-${index}`}
          role="option"
          tabIndex={-1}
          aria-selected={index === chosen}
          class="hit"
          onMouseDown={() => onPick(href)}
        >
          <span class="id">{title}</span>
          <StateBadge state={state} />
        </div>
      ))}
    </div>
  );
}

async function findAll(text: string): Promise<readonly Hit[]> {
  const found = await Promise.all([findJobs(text), findWorkers(text), findTasks(text)]);
  return found.flat().slice(0, hitsMax);
}

async function findJobs(text: string): Promise<readonly Hit[]> {
  const filter = { namePrefix: text.startsWith("/") ? text : `/${text}` };
  const answer = await quiet(call("ListJobs", { filter, pageSize: hitsMax }));
  return (answer?.jobs ?? []).map(({ jobId, state }) => ({
    href: hrefs.job(jobId),
    title: jobId,
    state,
  }));
}

async function findTasks(text: string): Promise<readonly Hit[]> {
  const answer = await quiet(call("ListTasks", { filter: { id: text }, pageSize: 4 }));
  return (answer?.tasks ?? []).map(({ taskId, state }) => {
    return { href: hrefs.task(taskId), title: taskId, state };
  });
}

async function findWorkers(text: string): Promise<readonly Hit[]> {
  const answer = await quiet(call("ListWorkers", { filter: { text }, pageSize: 4 }));
  return (answer?.workers ?? []).map(({ workerId, state }) => {
    return { href: hrefs.worker(workerId), title: workerId, state };
  });
}

/** The list stays empty where something is not to be seen: that is no error. */
function quiet<Value>(asked: Promise<Value>): Promise<Value | null> {
  return asked.catch((error: unknown) => {
    if (error instanceof CallError) return null;
    throw error;
  });
}

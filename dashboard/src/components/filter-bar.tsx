/**
 * The filters of a list. They live in the URL, so that a filtered list is a link.
 *
 * @module
 */

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { query, setQuery } from "../router.ts";
import { lookOf } from "../text/states.ts";
import { Glyph } from "./glyph.tsx";

interface TextField {
  readonly name: string;
  readonly label: string;
  readonly placeholder: string;
}

interface Props {
  readonly fields: readonly TextField[];
  readonly toggles?: readonly { readonly name: string; readonly label: string }[];
  readonly children?: ComponentChildren;
}

/** Letters are waited for this long before the server is asked. */
const restMs = 200;

export function FilterBar({ fields, toggles = [], children }: Props) {
  return (
    <search class="filters" aria-label="Filters">
      {fields.map((field, index) => (
        <TextFilter key={field.name} field={field} first={index === 0} />
      ))}
      {toggles.map(({ name, label }) => (
        <label key={name} class="check">
          <input
            type="checkbox"
            checked={query.value.has(name)}
            onChange={(event) =>
              setQuery({ [name]: event.currentTarget.checked ? "1" : null, page: null })
            }
          />
          {label}
        </label>
      ))}
      {children}
    </search>
  );
}

function TextFilter({ field, first }: { readonly field: TextField; readonly first: boolean }) {
  const { name, label, placeholder } = field;
  const present = query.value.get(name) ?? "";
  const [text, setText] = useState(present);
  const timer = useRef(0);
  useEffect(() => setText(present), [present]);
  const write = (next: string) => {
    setText(next);
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => setQuery({ [name]: next.trim(), page: null }), restMs);
  };
  return (
    <label class="field inline">
      <span>{label}</span>
      <input
        type="search"
        placeholder={placeholder}
        value={text}
        data-filter={first ? "" : undefined}
        onInput={(event) => write(event.currentTarget.value)}
      />
    </label>
  );
}

/** What a field of the query lists, between commas. */
export function listOf(text: string): readonly string[] {
  return text.split(",").filter((each) => each !== "");
}

/** States to show; none picked shows all. */
export function StateFilter({ states }: { readonly states: readonly string[] }) {
  const picked = listOf(query.value.get("states") ?? "");
  const toggle = (state: string) => {
    const next = picked.includes(state)
      ? picked.filter((each) => each !== state)
      : [...picked, state];
    setQuery({ states: next.join(","), page: null });
  };
  return (
    <fieldset class="chips" aria-label="States">
      {states.map((state) => {
        const { word, shape, tone } = lookOf(state);
        return (
          <button
            key={state}
            type="button"
            class={`chip tone-${tone}`}
            aria-pressed={picked.includes(state)}
            onClick={() => toggle(state)}
          >
            <Glyph shape={shape} />
            {word}
          </button>
        );
      })}
    </fieldset>
  );
}

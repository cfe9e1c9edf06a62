/**
 * All keys, on `?`.
 *
 * @module
 */

import { useEffect, useRef } from "preact/hooks";
import { helpOpen } from "../keyboard.ts";
import { sections } from "../routes.ts";

const others: readonly (readonly [keys: string, meaning: string])[] = [
  ["/", "search for a job, a task, a worker"],
  ["f", "to the filter of this page"],
  ["j k", "next and previous row"],
  ["Enter", "open it"],
  ["[ ]", "one fact back, one fact on"],
  ["n", "back to now"],
  ["?", "these keys"],
];

export function KeyboardHelp() {
  const dialog = useRef<HTMLDialogElement>(null);
  const open = helpOpen.value;
  useEffect(() => {
    if (open) dialog.current?.showModal();
  }, [open]);
  const pages = sections.map(({ key, title }) => [`g ${key}`, title] as const);
  return (
    <dialog
      ref={dialog}
      class="dialog"
      aria-label="Keys"
      onClose={() => {
        helpOpen.value = false;
      }}
    >
      <h2>Keys</h2>
      <dl class="keys">
        {[...others, ...pages].map(([keys, meaning]) => (
          <div key={keys}>
            <dt>
              {keys.split(" ").map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
      <div class="dialog-buttons">
        <button type="button" class="button" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </div>
    </dialog>
  );
}

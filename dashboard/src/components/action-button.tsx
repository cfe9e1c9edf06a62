/**
 * A button that acts on the cluster: it says what will happen, shows the command that does the same,
 * asks, and tells what came of it. In the past nothing can be done.
 *
 * @module
 */

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { CallError } from "../api.ts";
import { showsPast } from "../moment.ts";
import { quoted } from "../text/quoted.ts";
import { CommandLine } from "./copy-button.tsx";

interface Props {
  readonly title: string;
  /** The question, as a sentence or two. */
  readonly children: ComponentChildren;
  readonly command: string;
  readonly dangerous?: boolean;
  readonly disabled?: boolean;
  /** Why it would be refused; null if it would not. */
  readonly refusal?: string | null;
  /** Adds a field for the reason, which the audit keeps. */
  readonly asksReason?: boolean;
  /** Acts, and says what came of it. */
  readonly act: (reason: string) => Promise<string>;
}

export function ActionButton(props: Props) {
  const { title, dangerous = false, disabled = false, refusal = null } = props;
  const [open, setOpen] = useState(false);
  const past = showsPast.value;
  return (
    <>
      <button
        type="button"
        class={dangerous ? "button danger" : "button"}
        disabled={disabled || past || refusal !== null}
        title={past ? "This is the past: nothing can be done about it" : (refusal ?? undefined)}
        onClick={() => setOpen(true)}
      >
        {title}…
      </button>
      {open && <ActionDialog {...props} onClose={() => setOpen(false)} />}
    </>
  );
}

interface DialogProps extends Props {
  readonly onClose: () => void;
}

interface Outcome {
  readonly ok: boolean;
  readonly text: string;
}

function ActionDialog(present: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const [busy, setBusy] = useState(false);
  const [reason, setReason] = useState("");
  // Once it was asked for, it stays what it was: the page behind it moves on.
  const asked = useRef(present);
  if (!busy && outcome === null && present.title === asked.current.title) asked.current = present;
  const { title, children, command, dangerous = false, asksReason = false } = asked.current;
  useEffect(() => dialog.current?.showModal(), []);
  const confirm = async () => {
    setBusy(true);
    setOutcome(await outcomeOf(() => asked.current.act(reason)));
    setBusy(false);
  };
  return (
    <dialog ref={dialog} class="dialog" aria-label={title} onClose={present.onClose}>
      <h2>{title}</h2>
      <div class="dialog-text">{children}</div>
      {asksReason && outcome === null && (
        <label class="field">
          Reason, for the audit
          <input value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
        </label>
      )}
      <p class="soft dialog-same">The same from a terminal:</p>
      <CommandLine command={withReason(command, reason)} />
      {outcome !== null && (
        <p class={outcome.ok ? "note note-done" : "note note-fail"} role="status">
          {outcome.text}
        </p>
      )}
      <div class="dialog-buttons">
        <button type="button" class="button" onClick={() => dialog.current?.close()}>
          {outcome?.ok === true ? "Close" : "Keep as it is"}
        </button>
        {outcome?.ok !== true && (
          <button
            type="button"
            class={dangerous ? "button solid danger" : "button solid"}
            disabled={busy}
            onClick={confirm}
          >
            {title}
          </button>
        )}
      </div>
    </dialog>
  );
}

function withReason(command: string, reason: string): string {
  return reason === "" ? command : `${command} --reason ${quoted(reason)}`;
}

async function outcomeOf(act: () => Promise<string>): Promise<Outcome> {
  try {
    return { ok: true, text: await act() };
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    return { ok: false, text: `${error.code}: ${error.message}` };
  }
}

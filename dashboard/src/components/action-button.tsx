/**
 * A button that acts on the cluster: it says what will happen, shows the command that does the same,
 * asks, and tells what came of it. In the past nothing can be done.
 *
 * @module
 */

import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import { CallError } from "../api.ts";
import { instant } from "../router.ts";
import { CommandLine } from "./copy-button.tsx";

interface Props {
  readonly title: string;
  /** The question, as a sentence or two. */
  readonly children: ComponentChildren;
  readonly command: string;
  readonly dangerous?: boolean;
  readonly disabled?: boolean;
  /** Adds a field for the reason, which the audit keeps. */
  readonly asksReason?: boolean;
  /** Acts, and says what came of it. */
  readonly act: (reason: string) => Promise<string>;
}

export function ActionButton(props: Props) {
  const {
    title,
    children,
    command,
    dangerous = false,
    disabled = false,
    asksReason = false,
  } = props;
  const dialog = useRef<HTMLDialogElement>(null);
  const [outcome, setOutcome] = useState<{ readonly ok: boolean; readonly text: string } | null>(
    null,
  );
  const [busy, setBusy] = useState(false);
  const [reason, setReason] = useState("");
  const past = instant.value !== null;
  const confirm = async () => {
    setBusy(true);
    setOutcome(await outcomeOf(() => props.act(reason)));
    setBusy(false);
  };
  const open = () => {
    setOutcome(null);
    dialog.current?.showModal();
  };
  return (
    <>
      <button
        type="button"
        class={dangerous ? "button danger" : "button"}
        disabled={disabled || past}
        title={past ? "You look at the past: go back to now to act" : undefined}
        onClick={open}
      >
        {title}…
      </button>
      <dialog ref={dialog} class="dialog" aria-label={title}>
        <h2>{title}</h2>
        <div class="dialog-text">{children}</div>
        {asksReason && outcome === null && (
          <label class="field">
            Reason, for the audit
            <input value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
          </label>
        )}
        <p class="soft dialog-same">The same from a terminal:</p>
        <CommandLine command={command} />
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
    </>
  );
}

async function outcomeOf(act: () => Promise<string>) {
  try {
    return { ok: true, text: await act() };
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    return { ok: false, text: `${error.code}: ${error.message}` };
  }
}

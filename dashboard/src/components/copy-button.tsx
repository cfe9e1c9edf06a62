/**
 * Copies a text, and says that it did.
 *
 * @module
 */

import { useState } from "preact/hooks";
import { Icon } from "./glyph.tsx";

interface Props {
  readonly text: string;
  readonly label: string;
  /** Shown beside the icon. */
  readonly children?: string;
}

export function CopyButton({ text, label, children }: Props) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    const done = await copyText(text);
    setCopied(done);
    window.setTimeout(() => setCopied(false), 1_500);
  };
  return (
    <button type="button" class="button quiet" title={text} aria-label={label} onClick={copy}>
      <Icon name="copy" />
      <span aria-live="polite">{copied ? "Copied" : (children ?? "")}</span>
    </button>
  );
}

/** Where the clipboard is not open to pages (plain HTTP beyond loopback) the text is selected. */
async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

/** A command line that does what the page shows or does. */
export function CommandLine({ command }: { readonly command: string }) {
  return (
    <div class="command-line">
      <code>{command}</code>
      <CopyButton text={command} label={`Copy: ${command}`} />
    </div>
  );
}

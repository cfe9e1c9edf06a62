/**
 * Says that the controller is gone, and since when; what is shown stays, and is marked as old. It
 * goes away by itself.
 *
 * @module
 */

import { useState } from "preact/hooks";
import { setToken, token } from "../api.ts";
import { connection } from "../live/connection.ts";
import { tick } from "../now.ts";
import { formatDuration } from "../text/format.ts";

/** A connection that comes back within this is not worth a word. */
const patienceMs = 1_500;

export function ConnectionBanner() {
  const since = connection.lostSince.value;
  if (since === null || connection.state.value === "refused") return null;
  const goneMs = tick.value - since;
  if (goneMs < patienceMs) return null;
  return (
    <div class="banner" role="alert">
      <b>The controller does not answer</b> for {formatDuration(goneMs)}. What you see is as it was
      then; this page connects again by itself. Tasks that run go on without it.
    </div>
  );
}

/** Asked for when the controller lets nobody in without one. */
export function TokenDialog() {
  const refusal = connection.refusal.value;
  const [text, setText] = useState("");
  if (refusal === null) return null;
  const submit = (event: Event) => {
    event.preventDefault();
    setToken(text.trim());
    connection.open();
  };
  return (
    <div class="cover">
      <form class="dialog-like" onSubmit={submit} aria-labelledby="token-title">
        <h2 id="token-title">This controller asks for a token</h2>
        <p class="soft">
          {token.value === "" ? "" : `It says: ${refusal.message.split(": send")[0]}. `}
          <code>capstan token create</code> makes one; it stays in this tab.
        </p>
        <input
          type="password"
          autocomplete="off"
          aria-label="Token"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <button type="submit" class="button solid">
          Show the cluster
        </button>
      </form>
    </div>
  );
}

/**
 * Tasks that go on when their session has ended: what they do is wanted, their value is not.
 *
 * @module
 */

import { isTerminalCode } from "../model/states.ts";
import type { Detach } from "../protocol/shared-messages.ts";
import type { ClientIndex } from "./events.ts";
import type { Outbox } from "./outbox.ts";
import { type ControllerState, openClient } from "./state.ts";
import { stage } from "./tables/task-table.ts";
import { takeSequence } from "./wants.ts";

/** Those that have ended, or are not known, need nothing; what a client brings goes with it. */
export function onDetach(
  state: ControllerState,
  out: Outbox,
  { client: index, message }: { client: ClientIndex; message: Detach },
): void {
  const client = openClient(state, index);
  if (!takeSequence(state, out, client, message.sequence)) return;
  const { tasks, shared } = state;
  const rows = message.tasks.map((number) => client.handles.get(number));
  const open = rows.filter(
    (task) =>
      task >= 0 &&
      !isTerminalCode(tasks.state[task]) &&
      tasks.stage[task] !== stage.offered &&
      !shared.detached.has(task),
  );
  if (open.length === 0) return;
  out.record(state, { type: "tasks-detached", tasks: Uint32Array.from(new Set(open)) });
}

/**
 * How far a running task says it is.
 *
 * @module
 */

import type { Responses } from "../api.ts";
import { When } from "./pieces.tsx";

type Progress = NonNullable<Responses["GetTaskStatus"]["task"]["progress"]>;

interface Props {
  readonly progress: Progress;
  /** Says the note and its age too. */
  readonly words?: boolean;
}

export function TaskProgress({ progress, words = false }: Props) {
  const { fraction, note, at } = progress;
  const percent = Math.floor(fraction * 100);
  return (
    <div class="task-progress">
      <div class="progress">
        <div
          class="progress-bar"
          role="progressbar"
          aria-label="progress"
          aria-valuemin={0}
          aria-valuemax={100}
          aria-valuenow={percent}
          title={note === "" ? `${percent} %` : `${percent} %: ${note}`}
        >
          <i class="tone-run" style={{ flexGrow: fraction }} />
          <i class="part-pending" style={{ flexGrow: 1 - fraction }} />
        </div>
        <span class="progress-words">{percent} %</span>
      </div>
      {words && (
        <p class="soft">
          {note === "" ? "" : `${note} · `}said <When at={at} />
        </p>
      )}
    </div>
  );
}

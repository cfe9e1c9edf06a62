/**
 * Every task of a job as one small cell, in the colour of its state: a hundred thousand at a glance.
 *
 * @module
 */

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { Responses } from "../api.ts";
import { hatch } from "../charts/hatch.ts";
import { type Painting, useCanvas } from "../charts/paint.ts";
import { readPalette } from "../charts/palette.ts";
import { useLive } from "../live/use-live.ts";
import { hrefs, navigate } from "../router.ts";
import { lookOf } from "../text/states.ts";

/** The cells of a page of tasks; a job of more shows its first ones. */
const cellsMax = 1_000;

type Task = Responses["ListTasks"]["tasks"][number];

export function TaskGrid({ jobId }: { readonly jobId: string }) {
  const { value } = useLive("ListTasks", { jobId, pageSize: cellsMax });
  if (value === null || value.tasks.length < 2) return null;
  const inOrder = [...value.tasks].sort((a, b) => a.index - b.index);
  return <Grid tasks={inOrder} total={value.totalCount} />;
}

interface GridProps {
  readonly tasks: readonly Task[];
  readonly total: number;
}

function Grid({ tasks, total }: GridProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [hovered, setHovered] = useState<number | null>(null);
  const [width, setWidth] = useState(600);
  const size = tasks.length > 400 ? 9 : 14;
  const columns = Math.max(1, Math.floor(width / size));
  const rows = Math.ceil(tasks.length / columns);
  const states = tasks.map(({ state }) => state).join();
  const paint = useCallback(
    (painting: Painting) =>
      paintCells(painting, { states: states.split(","), columns, size, hovered }),
    [states, size, columns, hovered],
  );
  const measured = useCanvas(canvas, rows * size, paint);
  useEffect(() => setWidth(measured), [measured]);
  const cellAt = (event: PointerEvent | MouseEvent): number | null => {
    const column = Math.floor(event.offsetX / size);
    const cell = Math.floor(event.offsetY / size) * columns + column;
    return column < columns && cell < tasks.length ? cell : null;
  };
  const task = hovered === null ? undefined : tasks[hovered];
  return (
    <div class="task-grid">
      <div class="chart-box">
        <canvas
          ref={canvas}
          class="pointing"
          role="img"
          aria-label={`${tasks.length} tasks by state; the table below has the same`}
          onPointerMove={(event) => setHovered(cellAt(event))}
          onPointerLeave={() => setHovered(null)}
          onClick={(event) => {
            const cell = cellAt(event);
            if (cell !== null) navigate(hrefs.task(tasks[cell].taskId));
          }}
        />
      </div>
      <p class="soft task-grid-caption">
        {task === undefined ? gridCaption(tasks.length, total) : captionOf(task)}
      </p>
    </div>
  );
}

function captionOf({ taskId, state, workerId }: Task): string {
  const where = workerId === null ? "" : ` on ${workerId}`;
  return `${taskId} · ${lookOf(state).word}${where}`;
}

function gridCaption(shown: number, total: number): string {
  if (shown === total) return "Each cell is a task; point at one, or open it.";
  return `The first ${shown.toLocaleString("en")} of ${total.toLocaleString("en")} tasks, each a cell.`;
}

interface CellOptions {
  readonly states: readonly string[];
  readonly columns: number;
  readonly size: number;
  readonly hovered: number | null;
}

function paintCells({ context }: Painting, { states, columns, size, hovered }: CellOptions): void {
  const palette = readPalette();
  const fills = new Map<string, CanvasPattern | string>();
  for (const [at, state] of states.entries()) {
    let fill = fills.get(state);
    if (fill === undefined) {
      const { tone } = lookOf(state);
      const colour = tone === "wait" ? palette.track : palette.tone(tone);
      fill = tone === "fail" ? hatch(context, colour, palette.panel) : colour;
      fills.set(state, fill);
    }
    const x = (at % columns) * size;
    const y = Math.floor(at / columns) * size;
    context.fillStyle = fill;
    context.fillRect(x, y, size - 2, size - 2);
    if (at === hovered) {
      context.strokeStyle = palette.text;
      context.lineWidth = 1.5;
      context.strokeRect(x, y, size - 2, size - 2);
    }
  }
}

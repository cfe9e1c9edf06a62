/**
 * Every task of a job as one small cell, in the colour of its state: ten thousand at a glance, and
 * more by the window.
 *
 * @module
 */

import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { taskStates } from "../../../src/model/states.ts";
import type { Responses } from "../api.ts";
import { hatch } from "../charts/hatch.ts";
import { type Painting, useCanvas } from "../charts/paint.ts";
import { readPalette } from "../charts/palette.ts";
import { useLive } from "../live/use-live.ts";
import { hrefs, navigate } from "../router.ts";
import { formatCount } from "../text/format.ts";
import { lookOf } from "../text/states.ts";

type GridValue = Responses["GetTaskGrid"];

const cellsMax = 10_000;

/** Smaller, the more there are. */
function sizeOf(cells: number): number {
  if (cells > 4_000) return 6;
  return cells > 400 ? 9 : 14;
}

export function TaskGrid({ jobId }: { readonly jobId: string }) {
  const [asked, setFromIndex] = useState<number | null>(null);
  const from = asked === null ? {} : { fromIndex: asked };
  const { value } = useLive("GetTaskGrid", { jobId, cellsMax, ...from });
  if (value === null || value.taskCount < 2) return null;
  const { fromIndex, indexBegin, indexEnd, taskCount } = value;
  return (
    <div class="task-grid">
      <Grid grid={value} />
      {indexEnd - indexBegin > cellsMax && (
        <nav class="pager" aria-label="Parts of the grid">
          <span class="soft">
            {formatCount(fromIndex)} to {formatCount(Math.min(fromIndex + cellsMax, indexEnd) - 1)}{" "}
            of {formatCount(indexEnd)}, {formatCount(taskCount)} remembered
          </span>
          <button
            type="button"
            class="button small"
            disabled={fromIndex <= indexBegin}
            onClick={() => setFromIndex(Math.max(0, fromIndex - cellsMax))}
          >
            Earlier
          </button>
          <button
            type="button"
            class="button small"
            disabled={fromIndex + cellsMax >= indexEnd}
            onClick={() => setFromIndex(fromIndex + cellsMax)}
          >
            Later
          </button>
        </nav>
      )}
    </div>
  );
}

function Grid({ grid }: { readonly grid: GridValue }) {
  const { jobId, fromIndex, rows } = grid;
  const canvas = useRef<HTMLCanvasElement>(null);
  const [hovered, setHovered] = useState<number | null>(null);
  const [width, setWidth] = useState(600);
  const cells = rows.join("");
  const size = sizeOf(cells.length);
  const columns = Math.max(1, Math.floor(width / size));
  const lines = useMemo(() => linesOf(cells, columns), [cells, columns]);
  const paint = useCallback(
    (painting: Painting) => paintCells(painting, { cells, lines, columns, size, hovered }),
    [cells, lines, size, columns, hovered],
  );
  const measured = useCanvas(canvas, lines.length * size, paint);
  useEffect(() => {
    if (measured > 0) setWidth(measured);
  }, [measured]);
  const cellAt = ({ offsetX, offsetY }: MouseEvent): number | null => {
    const column = Math.floor(offsetX / size);
    const cell = lines[Math.floor(offsetY / size)] * columns + column;
    return column < columns && cells[cell] !== undefined && cells[cell] !== "-" ? cell : null;
  };
  const idOf = (cell: number) => `${jobId}/${fromIndex + cell}`;
  return (
    <>
      <div class="chart-box">
        <canvas
          ref={canvas}
          class="pointing"
          role="img"
          aria-label={`${formatCount(cells.length)} tasks by state; the table below has the same`}
          onPointerMove={(event) => setHovered(cellAt(event))}
          onPointerLeave={() => setHovered(null)}
          onClick={(event) => {
            const cell = cellAt(event);
            if (cell !== null) navigate(hrefs.task(idOf(cell)));
          }}
        />
      </div>
      <p class="soft task-grid-caption">
        {hovered === null
          ? "Each cell is a task; point at one, or open it."
          : `${idOf(hovered)} · ${lookOf(stateAt(cells, hovered)).word}`}
      </p>
    </>
  );
}

/** The lines that have something: what is forgotten leaves gaps, which may be long. */
function linesOf(cells: string, columns: number): readonly number[] {
  const lines: number[] = [];
  for (let line = 0; line * columns < cells.length; line++) {
    if (/[^-]/.test(cells.slice(line * columns, (line + 1) * columns))) lines.push(line);
  }
  return lines;
}

function stateAt(cells: string, cell: number): string {
  return taskStates[Number.parseInt(cells[cell], 36)] ?? "";
}

interface CellOptions {
  readonly cells: string;
  readonly lines: readonly number[];
  readonly columns: number;
  readonly size: number;
  readonly hovered: number | null;
}

function paintCells({ context }: Painting, options: CellOptions): void {
  const { cells, lines, columns, size, hovered } = options;
  const palette = readPalette();
  const fills = taskStates.map((state) => {
    const { tone } = lookOf(state);
    if (tone === "wait") return palette.track;
    return tone === "fail" ? hatch(context, palette.tone(tone), palette.panel) : palette.tone(tone);
  });
  const gap = size > 8 ? 2 : 1;
  for (const [drawn, line] of lines.entries()) {
    const begin = line * columns;
    for (let at = begin; at < Math.min(begin + columns, cells.length); at++) {
      if (cells[at] === "-") continue;
      context.fillStyle = fills[Number.parseInt(cells[at], 36)];
      const x = (at - begin) * size;
      const y = drawn * size;
      context.fillRect(x, y, size - gap, size - gap);
      if (at !== hovered) continue;
      context.strokeStyle = palette.text;
      context.lineWidth = 1.5;
      context.strokeRect(x, y, size - gap, size - gap);
    }
  }
}

/**
 * A graph as boxes and curves. Drag to move, Ctrl and wheel or the buttons to zoom.
 *
 * @module
 */

import { useEffect, useRef, useState } from "preact/hooks";
import type { Responses } from "../api.ts";
import { Loading } from "../components/pieces.tsx";
import { hrefs } from "../router.ts";
import { formatCount, formatShort } from "../text/format.ts";
import { countOf, lookOf, progressParts, totalOf } from "../text/states.ts";
import type { Layout, Point } from "./layout-messages.ts";
import { type LaidOut, useLayout } from "./use-layout.ts";

type Graph = Responses["GetGraph"];
type Node = Graph["nodes"][number];
type Edge = Graph["edges"][number];

const boxHeight = { GROUPS: 54, TASKS: 30 } as const;

interface Props {
  readonly graph: Graph;
  /** The task in the middle of a neighbourhood. */
  readonly around: string;
}

export function GraphView({ graph, around }: Props) {
  const { nodes, edges, kind } = graph;
  const height = boxHeight[kind];
  const laidOut = useLayout(
    nodes.map((node) => ({ id: node.nodeId, width: widthOf(node, kind), height })),
    edges,
    window.innerWidth < 700 ? "TB" : "LR",
  );
  if (laidOut === null) return <Loading lines={6} />;
  return <Drawing graph={graph} laidOut={laidOut} around={around} />;
}

function widthOf({ name, nodeId, taskId }: Node, kind: Graph["kind"]): number {
  const text = kind === "TASKS" ? shortId(taskId ?? nodeId, name) : name;
  return Math.max(kind === "GROUPS" ? 148 : 96, Math.min(240, 34 + text.length * 6.8));
}

function shortId(id: string, name: string): string {
  return `${name} ${id.slice(id.lastIndexOf("/") + 1)}`;
}

interface DrawingProps extends Props {
  readonly laidOut: LaidOut;
}

/** Where the drawing lies under the window that one sees it through. */
interface View {
  readonly x: number;
  readonly y: number;
  readonly scale: number;
}

const heightMax = 620;
const heightMin = 260;
/** Smaller than this nothing can be read: then a part is shown, and the buttons show the whole. */
const readableScale = 0.6;

/** The whole drawing, in the middle. */
function viewOfAll(layout: Layout, width: number): View {
  const height = Math.min(heightMax, Math.max(heightMin, layout.height));
  const scale = Math.min(1.15, width / layout.width, height / layout.height);
  return {
    x: (width - layout.width * scale) / 2,
    y: (height - layout.height * scale) / 2,
    scale,
  };
}

/** What one sees first: all, if it can be read, else what is around a point. */
function firstView(layout: Layout, width: number, middle: Point | undefined): View {
  const all = viewOfAll(layout, width);
  if (all.scale >= readableScale) return all;
  const scale = readableScale + 0.2;
  if (middle === undefined) return { x: 0, y: 0, scale };
  return { x: width / 2 - middle.x * scale, y: heightMax / 2 - middle.y * scale, scale };
}

/** Zooms around the middle of the window. */
function zoomed({ x, y, scale }: View, factor: number, width: number): View {
  const next = Math.max(0.05, Math.min(3, scale * factor));
  const [left, top] = [width / 2, heightMax / 2];
  return {
    scale: next,
    x: left - ((left - x) * next) / scale,
    y: top - ((top - y) * next) / scale,
  };
}

function Drawing({ graph, laidOut, around }: DrawingProps) {
  const { layout, places } = laidOut;
  const box = useRef<HTMLElement>(null);
  const [view, setView] = useState<View>({ x: 0, y: 0, scale: 1 });
  const widthOfBox = () => box.current?.clientWidth ?? layout.width;
  const middle = layout.nodes[places.get(around) ?? -1];
  useEffect(
    () => setView(firstView(layout, widthOfBox(), middle)),
    [layout.width, layout.height, around],
  );
  const drag = useDrag((dx, dy) => setView((at) => ({ ...at, x: at.x + dx, y: at.y + dy })));
  const height = Math.min(heightMax, Math.max(heightMin, layout.height * view.scale + 24));
  return (
    <section
      class="graph"
      ref={box}
      aria-label={`Graph of ${graph.nodes.length} nodes and ${graph.edges.length} edges`}
    >
      <GraphButtons
        onZoom={(factor) => setView((at) => zoomed(at, factor, widthOfBox()))}
        onAll={() => setView(viewOfAll(layout, widthOfBox()))}
      />
      <svg class="graph-canvas" width="100%" height={height} {...drag}>
        <title>Graph</title>
        <g transform={`translate(${view.x} ${view.y}) scale(${view.scale})`}>
          <Curves graph={graph} laidOut={laidOut} />
          {graph.nodes.map((node) => {
            const at = layout.nodes[places.get(node.nodeId) ?? -1];
            if (at === undefined) return null;
            return <Box key={node.nodeId} node={node} at={at} graph={graph} around={around} />;
          })}
        </g>
      </svg>
    </section>
  );
}

interface GraphButtonsProps {
  readonly onZoom: (factor: number) => void;
  readonly onAll: () => void;
}

function GraphButtons({ onZoom, onAll }: GraphButtonsProps) {
  return (
    <div class="graph-buttons">
      <button type="button" class="button small" aria-label="Zoom in" onClick={() => onZoom(1.3)}>
        +
      </button>
      <button
        type="button"
        class="button small"
        aria-label="Zoom out"
        onClick={() => onZoom(1 / 1.3)}
      >
        −
      </button>
      <button type="button" class="button small" onClick={onAll}>
        All
      </button>
    </div>
  );
}

function useDrag(onMove: (dx: number, dy: number) => void) {
  const from = useRef<{ x: number; y: number } | null>(null);
  return {
    onPointerDown: (event: PointerEvent) => {
      if (event.target instanceof Element && event.target.closest("a") !== null) return;
      from.current = { x: event.clientX, y: event.clientY };
      if (event.currentTarget instanceof Element)
        event.currentTarget.setPointerCapture(event.pointerId);
    },
    onPointerMove: (event: PointerEvent) => {
      const last = from.current;
      if (last === null) return;
      from.current = { x: event.clientX, y: event.clientY };
      onMove(event.clientX - last.x, event.clientY - last.y);
    },
    onPointerUp: () => {
      from.current = null;
    },
  };
}

function Curves({ graph, laidOut }: { readonly graph: Graph; readonly laidOut: LaidOut }) {
  const counts = new Map(graph.edges.map((edge) => [`${edge.from}>${edge.to}`, edge]));
  return (
    <g class="edges">
      {laidOut.edges.map(({ from, to }, index) => {
        const points = laidOut.layout.edges[index];
        const edge = counts.get(`${from}>${to}`);
        if (edge === undefined || points.length === 0) return null;
        return (
          <Curve
            key={`${from}>${to}`}
            edge={edge}
            points={points}
            grouped={graph.kind === "GROUPS"}
          />
        );
      })}
    </g>
  );
}

interface CurveProps {
  readonly edge: Edge;
  readonly points: readonly Point[];
  readonly grouped: boolean;
}

function Curve({ edge, points, grouped }: CurveProps) {
  const middle = points[Math.floor(points.length / 2)];
  const thick = grouped ? Math.min(5, 1 + Math.log10(Math.max(1, edge.count))) : 1.2;
  return (
    <>
      <path d={smooth(points)} stroke-width={thick} />
      {grouped && edge.count > 1 && (
        <text x={middle.x} y={middle.y - 5} text-anchor="middle">
          {formatShort(edge.count)}
        </text>
      )}
    </>
  );
}

/** Through the middles between the bends. */
function smooth(points: readonly Point[]): string {
  const [first, ...rest] = points;
  const parts = [`M${first.x} ${first.y}`];
  for (let at = 0; at < rest.length - 1; at++) {
    const bend = rest[at];
    const next = rest[at + 1];
    parts.push(`Q${bend.x} ${bend.y} ${(bend.x + next.x) / 2} ${(bend.y + next.y) / 2}`);
  }
  const last = rest.at(-1) ?? first;
  parts.push(`L${last.x} ${last.y}`);
  return parts.join("");
}

interface BoxProps {
  readonly node: Node;
  readonly at: Point;
  readonly graph: Graph;
  readonly around: string;
}

function Box({ node, at, graph, around }: BoxProps) {
  const { kind, jobId } = graph;
  const width = widthOf(node, kind);
  const height = boxHeight[kind];
  const total = totalOf(node.taskStateCounts);
  const state =
    Object.entries(node.taskStateCounts).find(([, count]) => (count ?? 0) > 0)?.[0] ?? "";
  const name = kind === "TASKS" ? shortId(node.taskId ?? node.nodeId, node.name) : node.name;
  const room = Math.floor((width - 20) / 6.6);
  const href =
    node.taskId === null
      ? `${hrefs.job(jobId)}?function=${encodeURIComponent(node.name)}`
      : hrefs.task(node.taskId);
  const label =
    kind === "TASKS"
      ? `${name}, ${lookOf(state).word}`
      : `${name}, ${formatCount(total)} tasks: ${summary(node)}`;
  return (
    <a href={href} class={node.taskId === around ? "node around" : "node"}>
      <g transform={`translate(${at.x - width / 2} ${at.y - height / 2})`}>
        <title>{label}</title>
        <rect
          width={width}
          height={height}
          rx="7"
          class={kind === "TASKS" ? `box tone-${lookOf(state).tone}` : "box"}
        />
        <text x="10" y={kind === "GROUPS" ? 20 : 19} class="node-name">
          {name.length > room ? `${name.slice(0, room - 1)}…` : name}
        </text>
        {kind === "GROUPS" && <Progress node={node} width={width - 20} />}
      </g>
    </a>
  );
}

function summary({ taskStateCounts }: Node): string {
  return progressParts
    .map(({ name, states }) => ({ name, count: countOf(taskStateCounts, states) }))
    .filter(({ count }) => count > 0)
    .map(({ name, count }) => `${formatShort(count)} ${name}`)
    .join(", ");
}

function Progress({ node, width }: { readonly node: Node; readonly width: number }) {
  const total = Math.max(1, totalOf(node.taskStateCounts));
  let left = 10;
  const done = countOf(node.taskStateCounts, ["SUCCEEDED"]);
  return (
    <>
      <rect x="10" y="30" width={width} height="5" rx="2.5" class="node-track" />
      {progressParts.map(({ name, tone, states }) => {
        const part = (width * countOf(node.taskStateCounts, states)) / total;
        const x = left;
        left += part;
        return part === 0 || name === "pending" ? null : (
          <rect key={name} x={x} y="30" width={part} height="5" class={`tone-${tone} part`} />
        );
      })}
      <text x="10" y="47" class="node-count">
        {formatShort(done)} of {formatShort(node.taskCount)}
      </text>
    </>
  );
}

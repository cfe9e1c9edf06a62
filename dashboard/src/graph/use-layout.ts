/**
 * The layout of a graph, from a worker. It is made anew when nodes or edges come or go, not when
 * their counts move; until it is there the one before stays.
 *
 * @module
 */

import { useEffect, useRef, useState } from "preact/hooks";
import type { Layout, LayoutEdge, LayoutNode, LayoutOrder } from "./layout-messages.ts";

/** A layout with the graph that it is of. */
export interface LaidOut {
  readonly layout: Layout;
  readonly places: ReadonlyMap<string, number>;
  readonly edges: readonly LayoutEdge[];
}

export function useLayout(
  nodes: readonly LayoutNode[],
  edges: readonly LayoutEdge[],
  direction: "LR" | "TB",
): LaidOut | null {
  const worker = useRef<Worker | null>(null);
  const sent = useRef<LayoutOrder | null>(null);
  const [laidOut, setLaidOut] = useState<LaidOut | null>(null);
  useEffect(() => {
    const made = new Worker(new URL("./layout-worker.ts", import.meta.url), { type: "module" });
    worker.current = made;
    made.addEventListener("message", ({ data: layout }: MessageEvent<Layout>) => {
      const order = sent.current;
      if (order === null || layout.order !== order.order) return; // A later one is on its way.
      const places = new Map(order.nodes.map(({ id }, place) => [id, place]));
      setLaidOut({ layout, places, edges: order.edges });
    });
    return () => made.terminate();
  }, []);
  const key = [
    direction,
    ...nodes.map(({ id, width }) => `${id} ${width}`),
    ...edges.map(({ from, to }) => `${from}>${to}`),
  ].join("\n");
  useEffect(() => {
    const order = { order: (sent.current?.order ?? 0) + 1, nodes, edges, direction };
    sent.current = order;
    worker.current?.postMessage(order);
  }, [key]);
  return laidOut;
}

/**
 * Lays a graph out in layers, off the thread that paints.
 *
 * @module
 */

import dagre from "@dagrejs/dagre";
import type { Layout, LayoutOrder } from "./layout-messages.ts";

self.addEventListener("message", ({ data }: MessageEvent<LayoutOrder>) => {
  self.postMessage(layOut(data));
});

function layOut({ order, nodes, edges, direction }: LayoutOrder): Layout {
  const begun = performance.now();
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({
    ...{ rankdir: direction, nodesep: 18, ranksep: 64, marginx: 16, marginy: 16 },
    // The simplex is slow beyond some hundreds of nodes, and its gain small.
    ranker: nodes.length > 300 ? "longest-path" : "network-simplex",
  });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const { id, width, height } of nodes) graph.setNode(id, { width, height });
  for (const { from, to } of edges) graph.setEdge(from, to);
  dagre.layout(graph);
  const { width = 0, height = 0 } = graph.graph();
  return {
    ...{ order, width, height },
    nodes: nodes.map(({ id }) => pointOf(graph.node(id))),
    edges: edges.map(({ from, to }) => (graph.edge(from, to)?.points ?? []).map(pointOf)),
    tookMs: performance.now() - begun,
  };
}

function pointOf({ x, y }: { readonly x?: number; readonly y?: number }) {
  return { x: x ?? 0, y: y ?? 0 };
}

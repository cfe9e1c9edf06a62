/**
 * What stands around a task, as a tree of text and in the language of Graphviz.
 *
 * @module
 */

import { type Paint, paintState } from "./print.ts";
import type { Responses } from "./responses.ts";

export type Graph = Responses["GetGraph"];

type Node = Graph["nodes"][number];

/** Of one node, so many inputs or dependents are shown; the others are counted. */
const branchesShown = 12;

/** The task, below it what it needs and what needs it, each level by two spaces. */
export function describeGraph(paint: Paint, graph: Graph, centre: string): readonly string[] {
  const tree = new Tree(paint, graph);
  const { nodes, tasks } = graph.omitted;
  const rest = nodes === 0 ? [] : [paint.dim(`and ${tasks} more tasks around it`)];
  return [
    tree.labelOf(centre),
    ...tree.below("needs", centre, "inputs"),
    ...tree.below("is needed by", centre, "dependents"),
    ...rest,
  ];
}

/** A digraph from inputs to what needs them; the task itself has a double border. */
export function graphAsDot(graph: Graph, centre: string): readonly string[] {
  const nodes = graph.nodes.map(({ nodeId, name, taskStateCounts }) => {
    const label = `${name}\n${nodeId}\n${Object.keys(taskStateCounts).join(" ")}`;
    const border = nodeId === centre ? ", peripheries=2" : "";
    return `  ${quoted(nodeId)} [label=${quoted(label)}${border}];`;
  });
  const edges = graph.edges.map(({ from, to }) => `  ${quoted(from)} -> ${quoted(to)};`);
  return ["digraph capstan {", "  rankdir=LR;", "  node [shape=box];", ...nodes, ...edges, "}"];
}

class Tree {
  readonly #paint: Paint;
  readonly #nodes: ReadonlyMap<string, Node>;
  readonly #inputs: ReadonlyMap<string, readonly string[]>;
  readonly #dependents: ReadonlyMap<string, readonly string[]>;

  constructor(paint: Paint, { nodes, edges }: Graph) {
    this.#paint = paint;
    this.#nodes = new Map(nodes.map((node) => [node.nodeId, node]));
    this.#inputs = neighbours(edges.map(({ from, to }) => [to, from]));
    this.#dependents = neighbours(edges.map(({ from, to }) => [from, to]));
  }

  labelOf(id: string): string {
    const node = this.#nodes.get(id);
    if (node === undefined) return id;
    const [state = ""] = Object.keys(node.taskStateCounts);
    return `${this.#paint.bold(id)} ${node.name} ${paintState(this.#paint, state)}`;
  }

  /** One side of the tree. What was shown before is not followed again. */
  below(title: string, centre: string, side: "inputs" | "dependents"): readonly string[] {
    const next = side === "inputs" ? this.#inputs : this.#dependents;
    const lines: string[] = [];
    const seen = new Set([centre]);
    const open = this.#branches(next.get(centre) ?? [], 2);
    for (let branch = open.pop(); branch !== undefined; branch = open.pop()) {
      const { text, id, depth } = branch;
      const isNew = id !== null && !seen.has(id);
      const again = id !== null && !isNew ? this.#paint.dim(" (see above)") : "";
      lines.push(`${"  ".repeat(depth)}${text}${again}`);
      if (!isNew) continue;
      seen.add(id);
      open.push(...this.#branches(next.get(id) ?? [], depth + 1));
    }
    return lines.length === 0 ? [] : [this.#paint.dim(`  ${title}`), ...lines];
  }

  /** In the order in which they are taken off: the last one first. */
  #branches(ids: readonly string[], depth: number): Branch[] {
    const shown: Branch[] = ids
      .slice(0, branchesShown)
      .map((id) => ({ id, text: this.labelOf(id), depth }));
    const left = ids.length - shown.length;
    if (left > 0) shown.push({ id: null, text: this.#paint.dim(`and ${left} more`), depth });
    return shown.reverse();
  }
}

interface Branch {
  /** Null of a line that only counts. */
  readonly id: string | null;
  readonly text: string;
  readonly depth: number;
}

function neighbours(
  pairs: readonly (readonly [string, string])[],
): ReadonlyMap<string, readonly string[]> {
  const lists = new Map<string, string[]>();
  for (const [of, other] of pairs) {
    const list = lists.get(of);
    if (list === undefined) lists.set(of, [other]);
    else list.push(other);
  }
  return lists;
}

/** A text of Graphviz: only a quotation mark, a backslash and the end of a line are special. */
function quoted(text: string): string {
  const escaped = text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
  return `"${escaped}"`;
}

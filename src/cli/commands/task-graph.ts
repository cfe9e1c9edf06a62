/**
 * `capstan task graph ID`: what a task needs and what needs it.
 *
 * @module
 */

import { buildCommand, numberParser } from "@stricli/core";
import { callApi } from "../api.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { describeGraph, graphAsDot } from "../describe-graph.ts";
import { type GlobalFlags, globalFlags, targetOf } from "../global-flags.ts";
import { idArgument } from "../id-argument.ts";
import { paintFor, printJson, printLines } from "../print.ts";
import { askAbout } from "../resolve-id.ts";

interface GraphFlags extends GlobalFlags {
  readonly depth: number;
  readonly dot: boolean;
}

async function showGraph(terminal: Terminal, flags: GraphFlags, id: string): Promise<number> {
  const target = targetOf(flags, terminal);
  const { depth } = flags;
  const graph = await askAbout(target, id, (around) =>
    callApi(target, "GetGraph", { around, depth }),
  );
  const [{ nodeId: centre }] = graph.nodes; // Its neighbourhood begins with the task itself.
  if (flags.json) printJson(terminal, graph);
  else if (flags.dot) printLines(terminal, graphAsDot(graph, centre));
  else printLines(terminal, describeGraph(paintFor(terminal), graph, centre));
  return exitCodes.ok;
}

export const taskGraphCommand = buildCommand<GraphFlags, [string], CliContext>({
  func: command(showGraph),
  parameters: {
    flags: {
      ...globalFlags,
      depth: {
        kind: "parsed",
        parse: numberParser,
        default: "2",
        placeholder: "N",
        brief: "So many edges away, both ways, at most 10",
      },
      dot: { kind: "boolean", default: false, brief: "In the language of Graphviz" },
    },
    positional: idArgument,
  },
  docs: { brief: "Show what a task needs and what needs it" },
});

/**
 * A worker's state as plain text, with references written as ids: two states that would behave
 * alike have the same text.
 *
 * @module
 */

import type {
  Execution,
  Peer,
  Run,
  Shape,
  TaskState,
  Value,
  WorkerState,
} from "../../src/worker/state.ts";

function runText(run: Run): unknown {
  const { attempt, task, spec, shape, granted, dependencies, arrival, queue } = run;
  const queued = queue !== null;
  return { attempt, task, spec: spec.id, shape: shape.id, granted, dependencies, arrival, queued };
}

function executionText(execution: Execution): unknown {
  const { lane, run, values, ...rest } = execution;
  return { ...rest, lane: lane.index, run: runText(run), values };
}

function taskText(state: TaskState): unknown {
  switch (state.type) {
    case "waiting":
      return { type: state.type, run: runText(state.run), missing: [...state.missing] };
    case "ready":
    case "blocked":
      return { type: state.type, run: runText(state.run) };
    case "executing":
      return { type: state.type, execution: state.execution.id };
    case "to-fetch":
      return { type: state.type, sources: [...state.sources] };
    case "in-flight":
      return { type: state.type, transfer: state.transfer.id, sources: [...state.sources] };
    default:
      return state;
  }
}

function shapeText(shape: Shape): unknown {
  const attempts = (runs: Iterable<Run>) => [...runs].map((run) => run.attempt);
  const { id, kind, meanUs } = shape;
  return {
    id,
    kind,
    meanUs,
    granted: attempts(shape.granted),
    prefetched: attempts(shape.prefetched),
  };
}

function peerText({ queue, ...rest }: Peer): unknown {
  return { ...rest, queue: [...queue] };
}

function residenceText({ files, spillable, ...rest }: WorkerState["residence"]): unknown {
  const tasks = (values: Iterable<Value>) => [...values].map(({ task }) => task);
  return { ...rest, files: [...files.keys()], spillable: tasks(spillable) };
}

export function snapshotOf(state: WorkerState): string {
  const { specs, shapes, peers, tasks, executions, transfers, lanes, reports, ...rest } = state;
  const ids = (executionsOf: Iterable<Execution>) => [...executionsOf].map(({ id }) => id);
  return JSON.stringify({
    ...rest,
    residence: residenceText(state.residence),
    specs: [...specs.values()],
    shapes: [...shapes.values()].map(shapeText),
    commandShapes: [...state.commandShapes.values()].map(shapeText),
    callShapes: [...state.callShapes.values()].map(shapeText),
    peers: [...peers.values()].map(peerText),
    tasks: [...tasks.values()].map(({ state: taskState, neededBy, ...record }) => ({
      ...record,
      state: taskText(taskState),
      neededBy: [...(neededBy ?? [])],
    })),
    executions: [...executions.values()].map(executionText),
    transfers: [...transfers.values()].map((transfer) => ({
      ...transfer,
      wanted: [...transfer.wanted],
    })),
    lanes: lanes.map(({ entries }) => ids(entries)),
    commandLanes: state.commandLanes.map(({ entries }) => ids(entries)),
    commands: ids(state.commands),
    orphans: [...state.orphans.keys()],
    unsentStops: [...state.unsentStops].map(([execution, at]) => [execution.id, at]),
    startable: [...state.startable].map((shape) => shape.id),
    startableCommands: [...state.startableCommands].map((shape) => shape.id),
    fetchable: [...state.fetchable].map((peer) => peer.index),
    missing: [...state.missing],
    collected: reports.count,
  });
}

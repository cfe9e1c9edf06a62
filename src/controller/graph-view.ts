/**
 * A graph that people can look at: groups of tasks of one name with the edges between the groups,
 * however many tasks there are; or what stands around one task.
 *
 * @module
 */

import { CapstanError } from "../model/errors.ts";
import { taskStates } from "../model/states.ts";
import { findJob } from "./jobs.ts";
import { findTask } from "./lookup.ts";
import { endsStep, finish, type Scan } from "./scan.ts";
import { type ControllerState, type Job, jobOf, specOf, taskIdOf } from "./state.ts";
import { noEdge } from "./tables/edges.ts";

/** A request of GetGraph as it was parsed. */
export interface GraphRequest {
  readonly jobId?: string;
  readonly around?: string;
  readonly depth?: number;
  readonly nodesMax?: number;
}

const depthDefault = 2;
const nodesDefault = 500;

/** Edges that are shown for each node that may be. */
const edgesPerNode = 4;

/** The GetGraph response. Throws NOT_FOUND. */
export function* graphView(state: ControllerState, request: GraphRequest): Scan<GraphView> {
  const { jobId = "", around = "", depth = depthDefault, nodesMax = nodesDefault } = request;
  if (around !== "") return neighbourhood(state, findTask(state, around), { depth, nodesMax });
  if (jobId !== "") return yield* groupsOf(state, findJob(state, jobId), nodesMax);
  throw new CapstanError("INVALID_ARGUMENT", "jobId: give a job, or a task in `around`");
}

/** The same at once. */
export function wholeGraphView(state: ControllerState, request: GraphRequest): GraphView {
  return finish(graphView(state, request));
}

export interface GraphView {
  readonly jobId: string;
  readonly kind: "GROUPS" | "TASKS";
  readonly taskCount: number;
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  readonly omitted: { readonly nodes: number; readonly edges: number; readonly tasks: number };
}

interface GraphNode {
  readonly nodeId: string;
  readonly name: string;
  readonly taskId: string | null;
  readonly taskCount: number;
  readonly taskStateCounts: { readonly [state: string]: number };
}

interface GraphEdge {
  readonly edgeId: string;
  readonly from: string;
  readonly to: string;
  readonly count: number;
}

/** Tasks of one name. */
interface Group {
  readonly name: string;
  readonly counts: Float64Array;
  tasks: number;
}

function* groupsOf(state: ControllerState, job: Job, nodesMax: number): Scan<GraphView> {
  const groups = new Groups(state);
  // The columns are looked up anew after each step: they may have grown.
  for (let task = 0; task < state.tasks.length; task++) {
    if (state.tasks.job[task] === job.index) groups.add(task);
    if (endsStep(task)) yield;
  }
  return groups.view(job, nodesMax);
}

class Groups {
  readonly #state: ControllerState;
  readonly #byName = new Map<string, number>();
  readonly #groups: Group[] = [];
  /** By (from, to): how many inputs. */
  readonly #edges = new Map<number, number>();
  /** Neighbours have the same spec most often. */
  #lastSpec = -1;
  #lastGroup = -1;

  constructor(state: ControllerState) {
    this.#state = state;
  }

  add(task: number): void {
    const { tasks } = this.#state;
    const place = this.#placeOf(task);
    const group = this.#groups[place];
    group.tasks++;
    group.counts[tasks.state[task]]++;
    for (let position = 0; position < tasks.dependencyCount[task]; position++) {
      const edge = edgeCode(this.#placeOf(tasks.dependency(task, position)), place);
      this.#edges.set(edge, (this.#edges.get(edge) ?? 0) + 1);
    }
  }

  /** The largest groups, in the order in which they were met. */
  view(job: Job, nodesMax: number): GraphView {
    const places = [...this.#groups.keys()].sort(
      (a, b) => this.#groups[b].tasks - this.#groups[a].tasks || a - b,
    );
    const shown = new Set(places.slice(0, nodesMax));
    const inside = [...this.#edges].filter(([code]) => {
      const [from, to] = endsOf(code);
      return shown.has(from) && shown.has(to);
    });
    const edges = inside.sort(([, a], [, b]) => b - a).slice(0, nodesMax * edgesPerNode);
    const taskCount = this.#groups.reduce((sum, { tasks }) => sum + tasks, 0);
    const nodes = this.#groups.filter((_, place) => shown.has(place));
    return {
      jobId: job.id,
      kind: "GROUPS",
      taskCount,
      nodes: nodes.map(nodeOfGroup),
      edges: edges.map(([code, count]) => this.#edgeOf(code, count)),
      omitted: {
        nodes: this.#groups.length - nodes.length,
        edges: this.#edges.size - edges.length,
        tasks: taskCount - nodes.reduce((sum, { tasks }) => sum + tasks, 0),
      },
    };
  }

  #placeOf(task: number): number {
    const spec = this.#state.tasks.spec[task];
    if (spec === this.#lastSpec) return this.#lastGroup;
    const { name } = specOf(this.#state, task);
    let place = this.#byName.get(name);
    if (place === undefined) {
      place = this.#groups.length;
      this.#byName.set(name, place);
      this.#groups.push({ name, counts: new Float64Array(taskStates.length), tasks: 0 });
    }
    this.#lastSpec = spec;
    this.#lastGroup = place;
    return place;
  }

  #edgeOf(code: number, count: number): GraphEdge {
    const [from, to] = endsOf(code).map((place) => this.#groups[place].name);
    return { edgeId: `${from} → ${to}`, from, to, count };
  }
}

/** Two places in one number: there are fewer names than 2 ** 26. */
const codeBase = 67_108_864;

function edgeCode(from: number, to: number): number {
  return from * codeBase + to;
}

function endsOf(code: number): readonly [from: number, to: number] {
  return [Math.floor(code / codeBase), code % codeBase];
}

function nodeOfGroup({ name, counts, tasks }: Group): GraphNode {
  return { nodeId: name, name, taskId: null, taskCount: tasks, taskStateCounts: named(counts) };
}

function named(counts: Float64Array): { [state: string]: number } {
  const byName: { [state: string]: number } = {};
  for (const [code, name] of taskStates.entries())
    if (counts[code] > 0) byName[name] = counts[code];
  return byName;
}

/** Inputs and dependents, level by level, until there are too many. */
function neighbourhood(
  state: ControllerState,
  centre: number,
  { depth, nodesMax }: { readonly depth: number; readonly nodesMax: number },
): GraphView {
  const shown = new Set([centre]);
  const left = new Set<number>();
  let level = [centre];
  for (let away = 0; away < depth && level.length > 0; away++) {
    const next: number[] = [];
    for (const task of level) {
      for (const other of neighboursOf(state, task)) {
        if (shown.has(other)) continue;
        if (shown.size >= nodesMax) {
          left.add(other);
          if (left.size >= nodesMax) break; // Enough to say that there are more.
        } else {
          shown.add(other);
          next.push(other);
        }
      }
    }
    level = next;
  }
  const job = jobOf(state, centre);
  const edges = edgesWithin(state, shown);
  const edgesMax = nodesMax * edgesPerNode;
  return {
    jobId: job.id,
    kind: "TASKS",
    taskCount: job.liveTasks,
    nodes: [...shown].map((task) => nodeOfTask(state, task)),
    edges: edges.slice(0, edgesMax),
    omitted: { nodes: left.size, edges: Math.max(0, edges.length - edgesMax), tasks: left.size },
  };
}

function* neighboursOf({ tasks }: ControllerState, task: number): Generator<number> {
  for (let position = 0; position < tasks.dependencyCount[task]; position++) {
    yield tasks.dependency(task, position);
  }
  const { owner, next } = tasks.edges;
  for (let edge = tasks.dependentsHead[task]; edge !== noEdge; edge = next[edge]) {
    yield owner[edge];
  }
}

function edgesWithin(state: ControllerState, shown: ReadonlySet<number>): GraphEdge[] {
  const { tasks } = state;
  const edges = new Map<string, { edgeId: string; from: string; to: string; count: number }>();
  for (const task of shown) {
    for (let position = 0; position < tasks.dependencyCount[task]; position++) {
      const input = tasks.dependency(task, position);
      if (!shown.has(input)) continue;
      const [from, to] = [taskIdOf(state, input), taskIdOf(state, task)];
      const edgeId = `${from} → ${to}`;
      const known = edges.get(edgeId);
      if (known === undefined) edges.set(edgeId, { edgeId, from, to, count: 1 });
      else known.count++;
    }
  }
  return [...edges.values()];
}

function nodeOfTask(state: ControllerState, task: number): GraphNode {
  const taskId = taskIdOf(state, task);
  return {
    ...{ nodeId: taskId, name: specOf(state, task).name, taskId, taskCount: 1 },
    taskStateCounts: { [taskStates[state.tasks.state[task]]]: 1 },
  };
}

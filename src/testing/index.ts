/**
 * Simulated clusters for the tests of programs: everything that `import … from "capstan/testing"`
 * gives. No code of its own.
 *
 * @module
 */

export type { ClusterOptions, RunReport } from "../simulator/cluster.ts";
export { type PlayOptions, ScenarioError } from "../simulator/scenario.ts";
export type { CommandEnd, CommandHandler, SimulatedCommand } from "./command-behaviour.ts";
export { everySeed, SeedError, type SeedsOptions } from "./every-seed.ts";
export type { FaultOptions } from "./fault-options.ts";
export type { SimulateOptions, WorkerOptions } from "./options.ts";
export { simulateCluster } from "./simulate-cluster.ts";
export { playClusterScenario, SimulatedCluster } from "./simulator-door.ts";
export { StandstillError } from "./standstill-error.ts";
export type { Takes } from "./takes.ts";
export type { TraceEntry } from "./trace.ts";
export type { Outage, VirtualCluster } from "./virtual-cluster.ts";

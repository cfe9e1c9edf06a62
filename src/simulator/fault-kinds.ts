/**
 * The kinds of faults that the simulator injects, for counting.
 *
 * @module
 */

export const faultKinds = [
  "connection lost",
  "connection half open",
  "client lost",
  "client half open",
  "client vanished",
  "partition, both ways",
  "partition, one way",
  "network clogged",
  "worker agent killed",
  "machine died",
  "worker storm",
  "worker under a new identity",
  "capacity changed",
  "worker left",
  "worker paused",
  "controller paused",
  "controller killed",
  "controller killed before append",
  "controller killed before sync",
  "controller killed after sync",
  "controller killed between sends",
  "controller killed in recovery",
  "disk failed",
  "clock set back",
  "task failed",
  "setup failed",
  "process killed",
  "build failed",
  "task hung",
  "stop ignored",
  "end at the instant of a stop",
  "input unreadable",
  "value poisoned",
  "value corrupted",
  "value lost",
  "fetch failed",
  "upload failed",
  "peer busy",
  "cancel",
  "cancel storm",
  "worker sick",
  "worker short of memory",
  "disk refused a value",
  "file unreadable",
] as const;

export type FaultKind = (typeof faultKinds)[number];

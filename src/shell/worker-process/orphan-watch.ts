/**
 * A worker must not outlive the process that started it: nobody would know that it is there.
 *
 * @module
 */

import { fstatSync } from "node:fs";
import { parentCheckMs } from "./limits.ts";

/**
 * Calls `onOrphaned` once when the parent is gone: its pid is not `parentPid` any more, its IPC
 * channel has closed, or the pipe that it gave as stdin has. Returns what ends the watch.
 */
export function watchForParent(
  parentPid: number | undefined,
  onOrphaned: (reason: string) => void,
): () => void {
  const timer = setInterval(() => {
    if (parentPid !== undefined && process.ppid !== parentPid) onOrphaned("the parent has gone");
  }, parentCheckMs);
  timer.unref();
  const onDisconnect = () => onOrphaned("the IPC channel to the parent has closed");
  const onStdinClosed = () => onOrphaned("stdin has closed");
  if (process.channel !== undefined) process.once("disconnect", onDisconnect);
  const hasPipe = isPipe(0);
  if (hasPipe) process.stdin.once("close", onStdinClosed).resume().unref?.();
  return () => {
    clearInterval(timer);
    process.off("disconnect", onDisconnect);
    if (hasPipe) process.stdin.off("close", onStdinClosed).destroy();
  };
}

/** True if a parent holds the other end: a pipe or a socket, not a terminal or a file. */
function isPipe(descriptor: number): boolean {
  try {
    const stat = fstatSync(descriptor);
    return stat.isFIFO() || stat.isSocket();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EBADF") return false;
    throw error;
  }
}

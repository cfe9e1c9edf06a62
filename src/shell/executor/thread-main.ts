/**
 * The program of a lane's thread. Started by `lane.ts`, never imported.
 *
 * @module
 */

import { parentPort, workerData } from "node:worker_threads";
import { present } from "../../base/assert.ts";
import { LaneMemory } from "./lane-memory.ts";
import { LaneThread } from "./lane-thread.ts";
import { copyStderrTo } from "./task-environment.ts";
import { resolvePackageToItself } from "./task-modules.ts";
import { TextTail } from "./text-tail.ts";
import type { FromThread, Sealed, ThreadData, ToThread } from "./thread-messages.ts";
import { ThreadOutput } from "./thread-output.ts";
import { UncaughtErrors } from "./uncaught-errors.ts";

const port = present(parentPort, "a lane's program runs in a worker thread");
const data = workerData as ThreadData;
const post = (message: FromThread): void => {
  port.postMessage({ key: data.key, message } satisfies Sealed);
};
new ThreadOutput(post).takeOver();
const stderr = new TextTail();
copyStderrTo(stderr);
resolvePackageToItself();
const memory = new LaneMemory(data.shared);
const end = (): void => port.close();
const lane = new LaneThread({ post, end, memory, workerId: data.workerId, stderr });
const actor = (): number | null => (data.isActor ? lane.oldest : null);
new UncaughtErrors({
  blame: (sequence, error) => post({ type: "blame", sequence, error }),
  leftover: (message, fields) => post({ type: "leftover-error", message, fields }),
  actor,
}).takeOver();
port.on("message", (message: ToThread) => lane.onMessage(message));
post({ type: "ready" });

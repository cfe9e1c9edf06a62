/**
 * A worker in a process of its own, so that a test can kill it: launches the orders that it is
 * given, acknowledges nothing, and makes files for what it hears.
 *
 *     launcher-worker.ts <state directory> <orders as JSON>
 *
 * @module
 */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { openLauncher } from "../../src/shell/launcher/launcher-client.ts";
import { createLogger } from "../../src/shell/logging/logger.ts";

const [stateDirectory, orders] = process.argv.slice(2);
const note = (name: string): void => writeFileSync(join(stateDirectory, name), "");
const sink = {
  started: (attemptId: string) => note(`started-${attemptId}`),
  ended: ({ attemptId }: { attemptId: string }) => note(`ended-${attemptId}`),
  lost: () => process.exit(1),
};
const logger = createLogger({ name: "worker", level: "silent" });
const launcher = await openLauncher({ stateDirectory, sink, logger });
for (const order of JSON.parse(orders)) launcher.launch(order);

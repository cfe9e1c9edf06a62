/**
 * What a worker process refuses to start with.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { noResources } from "../../model/resources.ts";
import { parseWorkerOptions } from "./worker-options.ts";

const options = {
  ...{ controllerUrl: "http://127.0.0.1:7070", workerId: "w-1", slots: 1, workDir: "/tmp/w-1" },
  capacity: { ...noResources, cpuMilli: 1_000 },
};

test("a worker that listens on all addresses must say by which one it is reached", () => {
  for (const listen of ["0.0.0.0:7071", "[::]:7071"]) {
    assert.throws(() => parseWorkerOptions({ ...options, listen }), {
      code: "INVALID_ARGUMENT",
      message: `advertise: expected what others can reach, as listen is ${listen}, got nothing`,
    });
    const advertise = "192.0.2.3:7071";
    assert.equal(parseWorkerOptions({ ...options, listen, advertise }).advertise, advertise);
  }
  assert.equal(parseWorkerOptions(options).listen, "127.0.0.1:0");
});

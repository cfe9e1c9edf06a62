/**
 * The explorer closes its small configurations, finds what is planted, and says how to see it
 * again.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";
import type { ControllerEvent } from "../../src/controller/events.ts";
import type { ControllerState } from "../../src/controller/state.ts";
import {
  type Configuration,
  type FaultBudget,
  noFaults,
} from "../../src/simulator/explorer/configuration.ts";
import {
  configurations,
  smallConfigurations,
} from "../../src/simulator/explorer/configurations.ts";
import { type Kernels, realKernels } from "../../src/simulator/explorer/kernels.ts";
import {
  configurationNamedIn,
  replay,
  scenarioText,
} from "../../src/simulator/explorer/scenario.ts";
import { explore, type SearchReport } from "../../src/simulator/explorer/search.ts";

/** Enough for every planted fault here. */
const statesMax = 60_000;

function named(name: string, all = configurations): Configuration {
  const found = all.find((one) => one.name === name);
  assert.ok(found !== undefined, name);
  return found;
}

function withFaults(name: string, faults: Partial<FaultBudget>): Configuration {
  return { ...named(name), faults: { ...noFaults, ...faults } };
}

/** Explores with a broken kernel; what it finds must break again when it is played back. */
function findPlanted(configuration: Configuration, kernels: Kernels): string {
  const { counterexample } = explore(configuration, { kernels, statesMax });
  assert.ok(counterexample !== null, "the planted fault was not found");
  const text = scenarioText(configuration.name, counterexample);
  assert.equal(replay(configuration, text, kernels).broken, counterexample.rule);
  return counterexample.rule;
}

/** A controller that hears `event` as `change` makes it. */
function mishearing(
  change: (state: ControllerState, event: ControllerEvent) => ControllerEvent,
): Kernels {
  return {
    ...realKernels,
    stepController: (state, event) => realKernels.stepController(state, change(state, event)),
  };
}

describe("the explorer", () => {
  for (const configuration of smallConfigurations) {
    test(`closes ${configuration.name} (small): ${configuration.about}`, () => {
      const report = explore(configuration);
      assert.equal(report.counterexample, null);
      assert.ok(report.isClosed);
      assert.ok(report.restStates > 0, "it comes to rest somewhere");
    });
  }

  test("reaches the same states of rest with and without reduction", () => {
    const reports: SearchReport[] = [];
    for (const isReduced of [true, false]) {
      reports.push(explore(withFaults("X6", { controllerTicks: 1 }), { isReduced }));
    }
    const [reduced, full] = reports;
    assert.deepEqual([reduced.isClosed, full.isClosed], [true, true]);
    assert.equal(reduced.restStates, full.restStates);
    assert.ok(reduced.states < full.states, `${reduced.states} of ${full.states}`);
  });

  test("does not call closed what it gave up", () => {
    const report = explore(named("X1"), { statesMax: 1_000 });
    assert.equal(report.isClosed, false);
    assert.equal(report.counterexample, null);
  });
});

describe("what the explorer found comes to rest now:", () => {
  const folder = new URL("counterexamples/", import.meta.url);
  for (const file of readdirSync(folder)) {
    test(file.replace(".txt", "").replaceAll("-", " "), () => {
      const text = readFileSync(new URL(file, folder), "utf8");
      assert.equal(replay(named(configurationNamedIn(text)), text).broken, null);
    });
  }
});

describe("the explorer finds", () => {
  test("reports of stopped attempts that are dropped: their grant never comes back", () => {
    const kernels = mishearing((state, event) => {
      const isReport = event.type === "worker-messaged" && event.message.type === "reports";
      const isLate = isReport && event.message.attempts.some((id) => state.strays.has(id));
      return isLate ? { type: "tick", at: event.at } : event;
    });
    const rule = findPlanted(withFaults("X6", {}), kernels);
    assert.match(rule, /never comes to rest: 1 attempts have not ended/);
  });

  test("a hello that keeps the running set which the controller believed in", () => {
    const kernels = mishearing((state, event) => {
      if (event.type !== "worker-connected") return event;
      const { attempts, tasks } = state;
      const rows = [...attempts.id.keys()].filter((row) => attempts.id[row] !== 0);
      return {
        ...event,
        inventory: {
          ...event.inventory,
          attempts: Float64Array.from(rows, (row) => attempts.id[row]),
          attemptTasks: Float64Array.from(rows, (row) => tasks.ref(attempts.task[row])),
          phases: new Uint8Array(rows.length).fill(1),
        },
      };
    });
    assert.match(
      findPlanted(withFaults("X1", { losses: 1 }), kernels),
      /never comes to rest: .* is /,
    );
  });

  test("a greeting that acknowledges what a crash has lost", () => {
    const kernels: Kernels = {
      ...realKernels,
      stepController: (state, event) => {
        if (event.type === "controller-started") {
          for (const client of state.clients) if (client !== null) client.lastSequence = 1;
        }
        return realKernels.stepController(state, event);
      },
    };
    const rule = findPlanted(withFaults("X8", { controllerCrashes: 1 }), kernels);
    assert.match(rule, /never comes to rest: c0 waits for task 0/);
  });

  test("a worker that counts an ended run as free before its thread is", () => {
    const kernels: Kernels = {
      ...realKernels,
      stepWorker: (state, events) => {
        const output = realKernels.stepWorker(state, events);
        const isStopped = events.some(
          (event) => event.type === "ordered" && event.message.type === "stop",
        );
        if (isStopped) state.used.fill(0);
        return output;
      },
    };
    assert.match(findPlanted(named("X6"), kernels), /^w0: /);
  });

  test("a device that is granted to two", () => {
    const kernels: Kernels = {
      ...realKernels,
      // Its books would show it first.
      checkController: () => {},
      stepController: (state, event) => {
        for (const { deviceUse } of state.workers)
          for (const use of deviceUse.values()) use.fill(0);
        return realKernels.stepController(state, event);
      },
    };
    const devices = [{ kind: "gpu", variant: "h100", countMilli: 2000, indices: [] }];
    const { workers, ...rest } = withFaults("X4", {});
    const roomy = { ...rest, workers: workers.map((worker) => ({ ...worker, devices })) };
    assert.match(findPlanted(roomy, kernels), /gpu:h100:0 is used 2000 of 1000/);
  });
});

/**
 * What the real calls of the API need of the simulated controller around them.
 *
 * @module
 */

import { InvariantError } from "../base/assert.ts";
import type { StackTarget } from "../controller/stack-target.ts";
import type { Principal } from "../model/job.ts";
import type { ApiContext } from "../shell/controller-process/api-calls.ts";
import { controllerKernel } from "../shell/controller-process/controller-kernel.ts";
import { LogFetcher } from "../shell/controller-process/fetch-logs.ts";
import { unseen } from "../shell/controller-process/read-stack.ts";
import {
  clusterInfoOf,
  doctorReportOf,
  type KernelOverview,
  type KernelReport,
  overviewOf,
} from "../shell/controller-process/shell-methods.ts";
import { Throughput } from "../shell/controller-process/throughput.ts";
import { createLogger } from "../shell/logging/logger.ts";
import type { SimulatedController } from "../simulator/simulated-controller.ts";
import type { VirtualLogs } from "./virtual-logs.ts";

export const simulatedClusterId = "simulated";

const silent = createLogger({ name: "simulated", level: "silent" });

/** What the calls need besides the controller. */
export interface ApiSurroundings {
  readonly logs: VirtualLogs;
  /** What was asked outside the kernel is answered by promises: they get a real turn. */
  onAsked(): void;
}

export function apiContextOf(
  controller: SimulatedController,
  { logs, onAsked }: ApiSurroundings,
): ApiContext {
  const fetcher = new LogFetcher(logs, () => controller.now() / 1000);
  const kernel = controllerKernel;
  return {
    logger: silent,
    at: () => controller.now(),
    handle: (event) => {
      controller.take(event);
      return true;
    },
    hold: (act) => controller.hold(() => act(controller.journal.length)),
    overload: () => null,
    authorise: (principal, method, request) =>
      kernel.authorise(controller.state, principal, method, request),
    budgetOf: (user) => kernel.budgetOf(controller.state, user),
    logSources: (question, principal) => kernel.logSources(controller.state, question, principal),
    fetchLogs: (request, selection) => {
      onAsked();
      return fetcher.fetch(request, selection);
    },
    readStack: ({ taskId }, principal) => {
      const target = kernel.answerCall(controller.state, "StackTarget", { taskId }, principal);
      return () => {
        onAsked();
        return Promise.resolve(unseen(target as StackTarget, "a simulated task has no stack"));
      };
    },
    count: () => undefined,
    *read(method, request, principal) {
      yield* []; // Nothing else waits while it reads.
      return read(controller, method, request, principal);
    },
  };
}

function read(
  controller: SimulatedController,
  method: string,
  request: unknown,
  principal: Principal,
): unknown {
  const { state } = controller;
  const answer = () => controllerKernel.answerCall(state, method, request, principal);
  if (method === "GetClusterInfo") return clusterInfo(controller);
  if (method === "GetOverview") return overview(controller, answer() as KernelOverview);
  if (method === "GetDoctorReport") {
    const loops = [{ name: "controller", lastTickAgoMs: 0 }];
    const journalSeq = controller.journal.length;
    return doctorReportOf(answer() as KernelReport, { journalSeq, loops });
  }
  if (method === "ReportWorkerExit") throw new InvariantError("no supervisor is simulated");
  return answer();
}

/** Nobody looks at the clock between two calls, so nothing is told of the time past. */
function overview(controller: SimulatedController, seen: KernelOverview): unknown {
  return overviewOf(seen, {
    clusterId: simulatedClusterId,
    startedAt: null,
    series: new Throughput().series(controller.now() / 1000),
    problems: [],
  });
}

function clusterInfo(controller: SimulatedController): unknown {
  const { epoch, journal } = controller;
  const { length: sequence } = journal;
  return clusterInfoOf(controllerKernel.summaryOf(controller.state), {
    journal: { clusterId: simulatedClusterId, epoch, sequence, durableSequence: sequence },
    url: "simulated:",
    startedAt: 0,
    durable: true,
    clientCount: controller.state.clients.filter((client) => client?.connected).length,
    readiness: { ready: true, reasons: [], degraded: [] },
  });
}

/**
 * What the real kernel answers is what the schemas promise, for every method; and the kernel's own
 * table of roles says what the shell's says.
 *
 * @module
 */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { anInventory, aWorker, cleanUp, Peer } from "../../../test/shell/toy-controller.ts";
import { methodRoles } from "../../controller/authorise.ts";
import { noResources } from "../../model/resources.ts";
import { type MethodName, methodNames, methods, type Requests } from "../api/schemas.ts";
import { runController } from "./real-controller.ts";
import type { ControllerProcess } from "./run-controller.ts";

let controller: ControllerProcess;

before(async () => {
  const options = { listen: "127.0.0.1:0", logLevel: "silent" } as const;
  controller = await runController(options, ({ error }) => {
    throw error;
  });
});
after(async () => {
  await cleanUp();
  await controller.close();
});

async function call<Name extends MethodName>(
  method: Name,
  request: Requests[Name],
): Promise<{ readonly error?: { readonly code: string; readonly message: string } }> {
  const response = await fetch(`${controller.url}/v1/rpc/${method}`, {
    method: "POST",
    headers: { "x-capstan-user": "ann" },
    body: JSON.stringify(request),
  });
  return (await response.json()) as { error?: { code: string; message: string } };
}

/** Calls, and holds the answer to its schema. */
async function checked<Name extends MethodName>(method: Name, request: Requests[Name]) {
  const answer = await call(method, request);
  assert.equal(answer.error, undefined, `${method}: ${answer.error?.message}`);
  const parsed = methods[method].response.safeParse(answer);
  assert.ok(parsed.success, `${method}: ${JSON.stringify(parsed.error?.issues)}`);
}

describe("the real kernel", () => {
  it("answers every method as its schema says", async () => {
    const capacity = { ...noResources, cpuMilli: 4_000 };
    const worker = await Peer.connect(
      controller.url,
      aWorker({ capacity, attributes: { region: "x" } }),
    );
    const nothing = new Float64Array(0);
    worker.stream.send({ ...anInventory, values: nothing, valueSizes: nothing });
    const jobId = "/ann/train";
    const command = { argv: ["true"], env: { API_KEY: "k" } };
    const constraints = [{ key: "region", op: "=", values: ["y"] }] as const;
    const requests: Requests = {
      LaunchJob: { name: "train", command, replicas: 2, constraints },
      GetJobStatus: { jobId },
      GetJobResults: { jobId },
      ListJobs: { filter: { user: "ann", states: ["PENDING"] }, orderBy: "name desc" },
      GetTaskStatus: { taskId: `${jobId}/0` },
      GetTaskStack: { taskId: `${jobId}/0` },
      RetryTask: { taskId: `${jobId}/0` },
      ReportProgress: { taskId: `${jobId}/0`, attemptId: "0.0", fraction: 0.5 },
      RetryJob: { jobId },
      ListTasks: { jobId, filter: { name: "true", user: "ann" }, orderBy: "name desc" },
      ListWorkers: { filter: { states: ["HEALTHY"], text: "region=x" }, orderBy: "cpu desc" },
      GetWorkerStatus: { workerId: "w1" },
      CordonWorker: { workerId: "w1" },
      DrainWorker: { workerId: "w1", deadline: "1m" },
      FetchLogs: { jobId },
      GetSchedulerState: {},
      GetOverview: {},
      GetQueue: {},
      GetTaskGrid: { jobId },
      GetGraph: { jobId },
      GetTaskStream: { last: "5m" },
      Explain: { id: jobId },
      GetStory: { id: `${jobId}/0` },
      ListEvents: { filter: { type: "worker" }, orderBy: "sequence desc" },
      GetDoctorReport: {},
      Repair: { dryRun: true },
      RestartCluster: { reason: "a new library" },
      ListUsers: { filter: { user: "an" }, orderBy: "spend desc" },
      SetUserBudget: { user: "ann", bandMax: "BATCH", cap: { cpuMilli: 9 } },
      CreateToken: { user: "ann", role: "user" },
      ListTokens: {},
      RevokeToken: { tokenId: "none" },
      WhoAmI: {},
      RegisterEndpoint: {
        ...{ endpointId: "e", name: "n", address: "h:1", taskId: `${jobId}/0`, attemptId: "1.1" },
      },
      UnregisterEndpoint: { endpointId: "e" },
      ListEndpoints: {},
      ...{ ListPublishedValues: { user: "ann" }, UnpublishValue: { name: "none" } },
      ReplicateValue: { taskId: "/ann/graph-99/0", copies: 2 },
      ...{ ListLocks: {}, RebalanceValues: {} },
      GetClusterInfo: {},
      TerminateJob: { jobId, reason: "enough" },
      GetTaskCredentials: { attemptId: "1.1" },
      ReportWorkerExit: { workerId: "w1", incarnation: "i1", exitCode: 0 },
    };
    assert.deepEqual(new Set(Object.keys(requests)), new Set(methodNames));
    const refused = new Set([
      ...["RevokeToken", "RegisterEndpoint", "UnpublishValue", "ReportProgress"],
      ...["ReplicateValue", "GetTaskCredentials"],
    ]);
    for (const name of Object.keys(requests) as MethodName[]) {
      if (!refused.has(name)) await checked(name, requests[name]);
      else assert.equal((await call(name, requests[name])).error?.code, "NOT_FOUND", name);
    }
    await checked("Explain", { id: `${jobId}/1` });
  });

  it("names the same roles for each method as the shell does", () => {
    const shell = Object.fromEntries(methodNames.map((name) => [name, methods[name].access]));
    assert.deepEqual(shell, { ...methodRoles });
  });

  it("does not answer from outside what only the shell may ask", async () => {
    const response = await fetch(`${controller.url}/v1/rpc/LogSources`, { method: "POST" });
    assert.equal(response.status, 404);
    await response.text();
  });
});

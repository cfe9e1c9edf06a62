/**
 * Runs inside a job: serves on the port that the job asked for, and registers where.
 *
 * @module
 */

import { createServer } from "node:http";
import { connect } from "capstan";

const { CAPSTAN_PORT_HTTP, CAPSTAN_TASK_ID, CAPSTAN_ATTEMPT_ID } = process.env;

const server = createServer((request, response) => {
  const value = Number(new URL(`${request.url}`, "http://localhost").searchParams.get("value"));
  response.end(String(value * value));
});
await new Promise<void>((resolve) => server.listen(Number(CAPSTAN_PORT_HTTP), resolve));

const client = await connect();
await client.call("RegisterEndpoint", {
  endpointId: `scorer-${CAPSTAN_ATTEMPT_ID}`,
  name: "api", // Within this job: for everybody else it is `/<user>/scorer/api`.
  address: `127.0.0.1:${CAPSTAN_PORT_HTTP}`,
  taskId: CAPSTAN_TASK_ID,
  attemptId: CAPSTAN_ATTEMPT_ID,
  lease: "60s", // A server that lives longer renews it.
});
console.log("registered");

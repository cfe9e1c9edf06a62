/**
 * What the status page does in the browser: asks the API, draws the answers, asks again. Plain
 * text only: nothing that a peer said becomes markup.
 *
 * @module
 */

export const statusScript = `
"use strict";
const at = (id) => document.getElementById(id);
const groups = {
  done: ["SUCCEEDED"], run: ["RUNNING", "BUILDING", "ASSIGNED"], wait: ["PENDING"],
  fail: ["FAILED", "WORKER_FAILED", "UPSTREAM_FAILED", "UNSCHEDULABLE", "COSCHED_FAILED",
    "PREEMPTED", "KILLED"],
};
const tiles = { succeeded: "done", "on workers": "run", pending: "wait" };
let token = sessionStorage.getItem("capstan-token") ?? "";

async function call(method, request = {}) {
  const headers = { "Content-Type": "application/json" };
  if (token !== "") headers.Authorization = "Bearer " + token;
  const response = await fetch("/v1/rpc/" + method,
    { method: "POST", headers, body: JSON.stringify(request) });
  const answer = await response.json();
  if (response.ok) return answer;
  throw Object.assign(new Error(answer.error.message), { code: answer.error.code });
}

function element(tag, text, className = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  made.className = className;
  return made;
}

const words = (state) => state.toLowerCase().replaceAll("_", " ");
const count = (n) => Number(n ?? 0).toLocaleString("en");
function bytes(n) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = Number(n ?? 0), unit = 0;
  while (value >= 1024 && unit < 4) { value /= 1024; unit++; }
  return (unit === 0 ? value : value.toFixed(1)) + " " + units[unit];
}
function since(time) {
  const s = Math.max(0, Math.round((Date.now() - Date.parse(time)) / 1000));
  if (Number.isNaN(s)) return "–";
  if (s < 2) return "now";
  if (s < 120) return s + " s ago";
  return s < 7200 ? Math.round(s / 60) + " min ago" : Math.round(s / 3600) + " h ago";
}

function drawCluster(info) {
  const degraded = info.degraded ?? [];
  at("state").className = degraded.length > 0 ? "warn" : "";
  at("state").textContent = degraded.length > 0 ? degraded.join("; ") : "serving";
  at("cluster").textContent = "cluster " + info.clusterId + " · epoch " + info.epoch +
    " · started " + since(info.startedAt) + " · " +
    (info.durable ? "journal at " + count(info.journalSequence) : "in memory") +
    " · version " + info.version;
}

function drawTasks(counts) {
  const sum = (states) => states.reduce((all, state) => all + (counts[state] ?? 0), 0);
  const total = sum(Object.keys(counts));
  at("total").textContent = total === 0 ? "none yet" :
    count(total) + " · " +
    Math.floor(100 * (sum(groups.done) + sum(groups.fail)) / total) + " % done";
  at("bar").replaceChildren(...Object.entries(groups).map(([name, states]) => {
    const part = element("i", "", name);
    part.style.flexGrow = sum(states);
    return part;
  }));
  const failures = groups.fail.filter((state) => counts[state] > 0 || state === "FAILED");
  const shown = [
    ...Object.entries(tiles).map(([title, group]) => [title, sum(groups[group]), ""]),
    ...failures.map((state) => [words(state), counts[state] ?? 0, counts[state] > 0 ? "bad" : ""]),
  ];
  at("bar").setAttribute("aria-label",
    shown.map(([title, amount]) => count(amount) + " " + title).join(", "));
  at("counts").replaceChildren(...shown.map(([title, amount, tone]) => {
    const cell = document.createElement("div");
    cell.append(element("dt", title), element("dd", count(amount), tone));
    return cell;
  }));
}

function drawWorkers(workers) {
  at("workers-total").textContent = workers.length === 0 ? "none connected" : count(workers.length);
  const byId = (a, b) => a.workerId.localeCompare(b.workerId, "en", { numeric: true });
  at("workers").replaceChildren(...workers.sort(byId).map((worker) => {
    const cpu = (part) => ((part?.cpuMilli ?? 0) / 1000).toLocaleString("en");
    const row = document.createElement("tr");
    const tone = worker.state === "HEALTHY" ? "" : worker.state === "LOST" ? "bad" : "odd";
    const state = element("td", words(worker.state), tone);
    state.title = worker.stateReason ?? "";
    row.append(
      element("td", worker.workerId), state,
      element("td", count(worker.runningTaskIds?.length), "number"),
      element("td", cpu(worker.committed) + " / " + cpu(worker.total), "number"),
      element("td", bytes(worker.rssBytes), "number"),
      element("td", bytes(worker.heldValueBytes), "number"),
      element("td", worker.address), element("td", since(worker.lastHeartbeatAt)));
    return row;
  }));
}

function drawFailures(tasks) {
  at("failed").hidden = tasks.length === 0;
  at("failures").replaceChildren(...tasks.map((task) => {
    const item = document.createElement("li");
    const last = task.attempts?.at(-1);
    const cause = last?.cause === words(task.state) ? "" : last?.cause;
    const why = [words(task.state), cause, last?.workerId && "on " + last.workerId];
    item.append(element("code", task.taskId), document.createTextNode(" "),
      element("span", why.filter(Boolean).join(" · "), "bad"));
    const blame = task.error?.blame ?? task.taskId;
    const root = blame === task.taskId ? "" : "because of " + blame + ": ";
    const said = task.error?.message || last?.stderrTail;
    if (said) item.append(element("div", (root + said).slice(0, 300), "soft"));
    return item;
  }));
}

async function refresh() {
  const info = await call("GetClusterInfo");
  const [workers, failures] = await Promise.all([
    call("ListWorkers"),
    call("ListTasks", { states: groups.fail.filter((s) => s !== "KILLED"), pageSize: 8 }),
  ]);
  at("ask").hidden = true;
  drawCluster(info);
  drawTasks(info.taskStateCounts ?? {});
  drawWorkers(workers.workers ?? []);
  drawFailures(failures.tasks ?? []);
}

async function run() {
  try {
    if (!document.hidden) await refresh();
  } catch (error) {
    at("state").className = "down";
    at("state").textContent = error.code ? error.message : "the controller does not answer";
    if (error.code === "UNAUTHENTICATED") at("ask").hidden = false;
  }
  setTimeout(run, 1000);
}

document.querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  token = at("token").value.trim();
  sessionStorage.setItem("capstan-token", token);
});
run();
`;

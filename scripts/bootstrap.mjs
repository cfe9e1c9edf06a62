/**
 * Makes a fresh clone ready: installs what `package-lock.json` says, compiles `src/` into `dist/`
 * and builds the dashboard there, each only when something changed since the last time. Every npm
 * script runs it first.
 *
 * It runs on the machine's own Node (20 or later) and needs no package. What comes after it runs on
 * the Node that the devDependency `node` brings: `node_modules/.bin/node`.
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const at = (/** @type {string[]} */ ...parts) => join(root, ...parts);

const oldestNodeMajor = 20;
const neededNodeMajor = 24;
const ownNode = at("node_modules", ".bin", "node");
const installStamp = at("node_modules", ".capstan-install");
const buildStamp = at("dist", ".capstan-build");
const dashboardPage = at("dist", "dashboard", "index.html");

/** What npm prints when it cannot reach its registry. */
const networkTrouble =
  /ENOTFOUND|ECONNREFUSED|ECONNRESET|EAI_AGAIN|ETIMEDOUT|ERR_SOCKET_TIMEOUT|network/;

/** A sentence for the person at the terminal; ends the program. */
class Refusal extends Error {}

function main() {
  requireNode();
  install();
  build();
  buildDashboard();
}

function requireNode() {
  const major = Number(process.versions.node.split(".")[0]);
  if (major >= oldestNodeMajor) return;
  throw new Refusal(
    `Capstan needs Node ${oldestNodeMajor} or later to set itself up (this is ` +
      `${process.version}). It brings its own Node ${neededNodeMajor} for everything else.`,
  );
}

/** `npm ci` unless the stamp says that it was done for this very lock file. */
function install() {
  const wanted = installFingerprint();
  if (readIfThere(installStamp) === wanted && existsSync(ownNode)) return;
  say("installing packages (npm ci) …");
  const begun = Date.now();
  runNpm(["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
  requireOwnNode();
  writeFileSync(installStamp, wanted);
  say(`packages installed in ${seconds(begun)} s`);
}

function installFingerprint() {
  const hash = createHash("sha256");
  hash.update(readFileSync(at("package.json"))).update(readFileSync(at("package-lock.json")));
  return hash.update(`${process.platform}-${process.arch}`).digest("hex");
}

function runNpm(/** @type {string[]} */ args) {
  const stdio = /** @type {const} */ (["ignore", "inherit", "pipe"]);
  const done = spawnSync("npm", args, { cwd: root, stdio, encoding: "utf8" });
  if (done.error !== undefined) {
    throw new Refusal(
      `npm could not be started (${done.error.message}). Install npm, which comes with Node, and ` +
        "make sure that it is on the PATH.",
    );
  }
  if (done.status === 0) return;
  process.stderr.write(done.stderr);
  const why = networkTrouble.test(done.stderr)
    ? "The package registry could not be reached: check the network and `npm config get registry`."
    : "The messages above are npm's.";
  throw new Refusal(`npm ${args[0]} failed with exit code ${done.status}. ${why}`);
}

/** Install scripts may be switched off, and then the package `node` has no binary. */
function requireOwnNode() {
  const asked = spawnSync(ownNode, ["--version"], { encoding: "utf8" });
  const major = Number(/^v(\d+)\./.exec(asked.stdout ?? "")?.[1] ?? 0);
  if (major >= neededNodeMajor) return;
  throw new Refusal(
    `npm did not bring Node ${neededNodeMajor} (node_modules/.bin/node does not run). The ` +
      "package `node` fetches it in an install script: allow install scripts " +
      "(`npm config set ignore-scripts false`) and try again.",
  );
}

/** `tsc -b` unless nothing under `src/` is newer than the last build that succeeded. */
function build() {
  const built = statIfThere(buildStamp);
  if (built !== undefined && newestSourceMs() <= built.mtimeMs) return;
  say("compiling (tsc -b) …");
  const begun = Date.now();
  const compiler = at("node_modules", "typescript", "bin", "tsc");
  const done = spawnSync(ownNode, [compiler, "-b"], { cwd: root, stdio: "inherit" });
  if (done.status !== 0) throw new Refusal("The sources do not compile; see the messages above.");
  mkdirSync(at("dist"), { recursive: true });
  chmodSync(at("dist", "cli", "main.js"), 0o755); // npm does so only where it links it first.
  writeFileSync(buildStamp, "");
  // What changes during a build is newer than it.
  utimesSync(buildStamp, begun / 1000, begun / 1000);
  say(`compiled in ${seconds(begun)} s`);
}

/** Vite, unless nothing that the page is made of is newer than it. */
function buildDashboard() {
  const built = statIfThere(dashboardPage);
  const shared = ["src/base", "src/model", "src/shell/api"].map((room) => newestMs(at(room)));
  if (built !== undefined && Math.max(newestMs(at("dashboard")), ...shared) <= built.mtimeMs)
    return;
  say("building the dashboard (vite) …");
  const begun = Date.now();
  const script = at("scripts", "build-dashboard.ts");
  const done = spawnSync(ownNode, ["--disable-warning=ExperimentalWarning", script], {
    cwd: root,
    stdio: "inherit",
  });
  if (done.status !== 0) throw new Refusal("The dashboard does not build; see the messages above.");
  // What changes during a build is newer than it.
  utimesSync(dashboardPage, begun / 1000, begun / 1000);
  say(`dashboard built in ${seconds(begun)} s`);
}

function newestSourceMs() {
  const names = readdirSync(root).filter((name) => /^tsconfig.*\.json$/.test(name));
  return Math.max(newestMs(at("src")), ...names.map((name) => statSync(at(name)).mtimeMs));
}

/** Folders count too: theirs changes when a file is removed. */
function newestMs(/** @type {string} */ folder) {
  let newest = statSync(folder).mtimeMs;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.name.endsWith(".test.ts")) continue;
    const path = join(entry.parentPath ?? entry.path, entry.name);
    newest = Math.max(newest, statSync(path).mtimeMs);
  }
  return newest;
}

function readIfThere(/** @type {string} */ path) {
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}

function statIfThere(/** @type {string} */ path) {
  return statSync(path, { throwIfNoEntry: false });
}

function seconds(/** @type {number} */ begun) {
  return ((Date.now() - begun) / 1000).toFixed(1);
}

function say(/** @type {string} */ line) {
  process.stderr.write(`bootstrap: ${line}\n`);
}

try {
  main();
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  rmSync(buildStamp, { force: true });
  say(error.message);
  process.exitCode = 1;
}

/**
 * The names of jobs: paths `/user/name[/child…]`. `/ada/train` is a root job of depth 1,
 * `/ada/train/eval` its child, and `/ada/train/3` is no job but task 3 of `/ada/train`.
 *
 * Must not know whether such a job exists, nor who may use its name.
 *
 * @module
 */

import { jobDepthMax, jobPathCharactersMax } from "./limits.ts";
import { invalidArgument, invalidSpec, showValue } from "./parse-fields.ts";

const componentPattern = /^[A-Za-z0-9._@-]+$/;
const numberPattern = /^[0-9]+$/;

/**
 * The whole path of a job: `name` itself if it begins with `/`, else `/<user>/<name>`.
 *
 * @throws CapstanError INVALID_SPEC naming `field` and the component that is wrong, or
 * INVALID_ARGUMENT if `name` is no string
 */
export function parseJobPath(field: string, name: unknown, user: string): string {
  if (typeof name !== "string") {
    throw invalidArgument(field, name, 'the name of a job, such as "train" or "/ada/train"');
  }
  const path = name.startsWith("/") ? name : `/${user}/${name}`;
  if (path.length > jobPathCharactersMax) {
    const why = `the path of the job has ${path.length} characters`;
    throw invalidSpec(field, `${why}, at most ${jobPathCharactersMax} are allowed`);
  }
  const [owner, ...names] = path.slice(1).split("/");
  checkComponent(field, owner, "the user");
  for (const component of names) checkComponent(field, component, "a component");
  checkNames(field, path, names);
  return path;
}

function checkComponent(field: string, component: string, what: string): void {
  const isDots = component === "." || component === "..";
  if (componentPattern.test(component) && !isDots) return;
  throw invalidSpec(
    field,
    `${what} of the path is ${showValue(component)}; use one or more of letters, digits, ` +
      '".", "_", "@" and "-", and not "." or ".." alone',
  );
}

function checkNames(field: string, path: string, names: readonly string[]): void {
  const last = names.at(-1);
  if (last === undefined) {
    const shown = showValue(path);
    throw invalidSpec(field, `${shown} is a user and no job; write ${showValue(`${path}/name`)}`);
  }
  if (names.length > jobDepthMax) {
    throw invalidSpec(field, `a job ${names.length} levels deep; at most ${jobDepthMax} levels`);
  }
  if (numberPattern.test(last)) {
    const why = "a last component of digits alone is the number of a task";
    throw invalidSpec(field, `${showValue(path)} cannot name a job: ${why}; add a letter`);
  }
}

/** The job above: of `/ada/train/eval` it is `/ada/train`; "" for a root job. */
export function parentOf(path: string): string {
  return depthOf(path) === 1 ? "" : path.slice(0, path.lastIndexOf("/"));
}

/** The topmost job of the tree: of `/ada/train/eval/x` it is `/ada/train`. */
export function rootOf(path: string): string {
  return path.split("/", 3).join("/");
}

/** How deep a job is in its tree: 1 for a root job. */
export function depthOf(path: string): number {
  return path.split("/").length - 2;
}

/** Whose job it is: of `/ada/train` it is `ada`. */
export function userOf(path: string): string {
  return path.split("/", 2)[1];
}

/** The last component: of `/ada/train/eval` it is `eval`. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/**
 * The wall between the rooms: who may import whom, and what the pure rooms may not touch.
 *
 * @module
 */

import { posix } from "node:path";
import { blankCode } from "./blank-code.ts";
import type { Problem, SourceFile } from "./repository.ts";
import { isTest, lineAt, roomOf } from "./repository.ts";

/**
 * In order: a room imports only itself and rooms before it. `testing` is the one that puts the
 * simulator, the shell and the client together; nobody who ships a cluster imports it.
 */
export const rooms = [
  "base",
  "model",
  "protocol",
  "scheduler",
  "controller",
  "worker",
  "simulator",
  "planning",
  "shell",
  "backends",
  "client",
  "testing",
  "cli",
] as const;

export const pureRooms: readonly string[] = rooms.slice(0, rooms.indexOf("shell"));

const importForms = [
  /\b(?:import|export)\b[^;"'`]*?\bfrom\s*["']([^"'\n]+)["']/g,
  /\bimport\s*["']([^"'\n]+)["']/g,
  /\bimport\s*\(\s*["'`]([^"'`\n]+)["'`]/g,
  /\brequire\s*\(\s*["']([^"'\n]+)["']/g,
];

interface Import {
  readonly specifier: string;
  readonly line: number;
}

/** Static, dynamic and type-only imports, and re-exports. */
export function importsOf(file: SourceFile): readonly Import[] {
  const code = blankCode(file.text, { keepStrings: true });
  return importForms.flatMap((form) =>
    [...code.matchAll(form)].map((match) => ({
      specifier: match[1],
      line: lineAt(file.text, match.index),
    })),
  );
}

/** A room imports rooms before it, controller and worker never each other; tests share `test/`. */
export function checkRooms(file: SourceFile): readonly Problem[] {
  const room = roomOf(file.path);
  if (room === "") return [];
  if (!(rooms as readonly string[]).includes(room)) return [problem(file, 0, `no room "${room}"`)];
  return importsOf(file)
    .filter(({ specifier }) => specifier.startsWith("."))
    .flatMap(({ specifier, line }) => {
      const target = posix.join(posix.dirname(file.path), specifier);
      if (isTest(file) && target.startsWith("test/")) return [];
      const why = refusedRoom(room, target);
      return why === "" ? [] : [problem(file, line, `imports ${specifier}: ${why}`)];
    });
}

function refusedRoom(room: string, target: string): string {
  const other = roomOf(target);
  if (other === "") return "src imports nothing outside src";
  if (other === room) return "";
  const order: readonly string[] = rooms;
  if (order.indexOf(other) > order.indexOf(room)) return `"${other}" stands above "${room}"`;
  return room === "worker" && other === "controller" ? "the kernels do not know each other" : "";
}

/** The dashboard is a client: of `src` it knows the pure base and model, and the API's schemas. */
export function checkDashboardImports(file: SourceFile): readonly Problem[] {
  return importsOf(file)
    .filter(({ specifier }) => specifier.startsWith("."))
    .flatMap(({ specifier, line }) => {
      const target = posix.join(posix.dirname(file.path), specifier);
      if (/^(?:dashboard\/src|src\/base|src\/model|src\/shell\/api)\//.test(target)) return [];
      return [problem(file, line, `imports ${specifier}: not of the dashboard's`)];
    });
}

/** Pure rooms import no `node:` module and no package; their tests may. */
export function checkPureImports(file: SourceFile): readonly Problem[] {
  if (!pureRooms.includes(roomOf(file.path)) || isTest(file)) return [];
  return importsOf(file)
    .filter(({ specifier }) => !specifier.startsWith("."))
    .map(({ specifier, line }) => problem(file, line, `a pure room imports ${specifier}`));
}

/** What the rest of `src` imports is a dependency and not a devDependency. */
export function checkPackages(
  file: SourceFile,
  dependencies: readonly string[],
): readonly Problem[] {
  if (roomOf(file.path) === "" || isTest(file)) return [];
  return importsOf(file)
    .filter(({ specifier }) => /^[a-z@]/.test(specifier) && !specifier.startsWith("node:"))
    .filter(({ specifier }) => !dependencies.includes(packageOf(specifier)))
    .map(({ specifier, line }) => problem(file, line, `${specifier} is not a dependency`));
}

function packageOf(specifier: string): string {
  const parts = specifier.split("/");
  return parts.slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
}

/** What makes a decision depend on anything but its event and its state. */
const banned: readonly (readonly [RegExp, string])[] = [
  [/\bDate\b/g, "Date: time comes in with the event"],
  [/\bMath\s*\.\s*random\b/g, "Math.random: nothing that decides is random"],
  [/\b(?:Promise|async|await)\b/g, "asynchrony: a step is one call"],
  [/\bIntl\b/g, "Intl: results differ between engines"],
  [/\.\s*(?:localeCompare|toLocale\w+)\b/g, "locales: results differ between machines"],
  [/\b(?:setTimeout|setInterval|setImmediate|queueMicrotask)\b/g, "timers belong to the shell"],
  [/\b(?:TextEncoder|TextDecoder|structuredClone)\b/g, "not of the language: the shell's"],
  [/\b(?:console|process|Buffer|performance|crypto|fetch|globalThis)\b(?=\s*[.([])/g, "a host API"],
  [/\b(?:WeakRef|FinalizationRegistry)\b/g, "garbage collection decides nothing"],
  [
    /\bMath\s*\.\s*(?:a?(?:sin|cos|tan)h?|atan2|exp|expm1|log|log2|log10|log1p|pow|cbrt|hypot)\b/g,
    "results differ between engines",
  ],
  [/(?<![\d_]\s*)\*\*/g, "powers of anything but a literal: results differ between engines"],
  [/\.\s*(?:sort|toSorted)\s*\(\s*\)/g, "sort without a comparator compares strings"],
  [/\b(?:eval|Function)\s*\(/g, "code made at run time"],
];

/** The pure rooms' own rules, beyond what their compiler options already catch. */
export function checkPurity(file: SourceFile): readonly Problem[] {
  if (!pureRooms.includes(roomOf(file.path)) || isTest(file)) return [];
  const code = blankCode(file.text, { keepStrings: false });
  return banned.flatMap(([pattern, why]) =>
    [...code.matchAll(pattern)].map((match) =>
      problem(file, lineAt(code, match.index), `${match[0].trim()}: ${why}`),
    ),
  );
}

function problem(file: SourceFile, line: number, message: string): Problem {
  return { path: file.path, line, message };
}

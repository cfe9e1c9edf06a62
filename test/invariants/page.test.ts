/**
 * `docs/invariants.md` names every rule that there is, and none that there is not.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { invariants } from "../../src/controller/invariants.ts";
import { workerRules } from "../../src/worker/invariants.ts";

const url = new URL("../../docs/invariants.md", import.meta.url);
const page = readFileSync(url, "utf8").replaceAll(/\s+/g, " ");
const lists = page.slice(page.indexOf("## Rules of the controller"));
const named = new Set([...lists.matchAll(/\*([^*]+)\*/g)].map(([, sentence]) => sentence));

const rules = Object.values(invariants)
  .flat()
  .map(({ name }) => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`));
const sentences = new Set<string>([...rules, ...workerRules]);

test("the page of invariants names every rule, and no other", () => {
  assert.deepEqual([...sentences].filter((one) => !named.has(one)).sort(), []);
  assert.deepEqual([...named].filter((one) => !sentences.has(one)).sort(), []);
});

test("what the auditor and the history rules are said to hold, they hold", () => {
  const said = [...lists.matchAll(/(?:auditor|history): ([^;|*]+)/g)].flatMap(([, text]) =>
    text.split(",").map((one) => one.trim()),
  );
  const judges = ["auditor", "decision-rules", "execution-rules", "agreement-rules", "quiet-rules"];
  const sources = judges.map((name) =>
    readFileSync(new URL(`../../src/simulator/${name}.ts`, import.meta.url), "utf8"),
  );
  const missing = said.filter((rule) => !sources.some((text) => text.includes(rule)));
  assert.deepEqual(missing, []);
  assert.ok(said.length > 15);
});

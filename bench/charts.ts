/**
 * Writes what docs/benchmarks.md has of figures: the charts, the tables and single numbers.
 *
 *     npm run bench -- --json docs/benchmarks/cases.json
 *     npm run bench -- --peers --json docs/benchmarks/peers.json
 *     node_modules/.bin/node bench/charts.ts
 *
 * In the page, what is between `<!-- table: NAME -->` and `<!-- end -->` is written anew, and so is
 * what is between `<!-- figures: CASE -->` (or `CASE.DETAIL`) and `<!-- end -->`. A figure that the
 * files do not have stays as it is.
 *
 * @module
 */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { peersChart, ratiosChart } from "./chart-svg.ts";
import { fillPage, type Report } from "./page.ts";

const docs = new URL("../docs/", import.meta.url);

/** Null if it was not written. */
function readReport(name: string): Report | null {
  const path = new URL(`benchmarks/${name}.json`, docs);
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : null;
}

function main(): void {
  const cases = readReport("cases");
  const peers = readReport("peers");
  const write = (path: string, text: string) => {
    writeFileSync(new URL(path, docs), text);
    process.stdout.write(`${fileURLToPath(new URL(path, docs))}\n`);
  };
  if (peers !== null) {
    write("images/benchmarks-peers.svg", peersChart(peers.cases));
    write("images/benchmarks-ratios.svg", ratiosChart(peers.cases));
  }
  const page = readFileSync(new URL("benchmarks.md", docs), "utf8");
  write("benchmarks.md", fillPage(page, cases, peers));
}

main();

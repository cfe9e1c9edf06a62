import { configurations } from "../src/simulator/explorer/configurations.ts";
import { explore } from "../src/simulator/explorer/search.ts";
const names = process.argv.slice(2).filter((a) => a.startsWith("X"));
const max = Number(process.argv.find((a) => a.startsWith("--states="))?.slice(9) ?? 1e6);
for (const c of configurations) {
  if (names.length && !names.includes(c.name)) continue;
  const t = process.cpuUsage();
  const cpu = () => (process.cpuUsage(t).user / 1e6).toFixed(1);
  const r = explore(c, { statesMax: max, isReduced: !process.argv.includes("--full"), onProgress: (p) => process.argv.includes("-v") && console.error(p.states, p.frontier, cpu()) });
  console.log(JSON.stringify({ ...r, counterexample: r.counterexample?.rule, s: cpu(), mb: process.memoryUsage().rss >> 20 }));
  if (r.counterexample) { for (const [i, m] of r.counterexample.moves.entries()) console.log(i + 1, m); }
}

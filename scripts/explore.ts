import { configurations } from "../src/simulator/explorer/configurations.ts";
import { explore } from "../src/simulator/explorer/search.ts";
const names = process.argv.slice(2).filter((a) => a.startsWith("X"));
for (const c of configurations) {
  if (names.length && !names.includes(c.name)) continue;
  const t = performance.now();
  const r = explore(c, { isReduced: !process.argv.includes("--full"), onProgress: (p) => console.error(p.states, p.frontier, ((performance.now() - t) / 1000).toFixed(1)) });
  console.log(JSON.stringify({ ...r, counterexample: r.counterexample?.rule, s: (performance.now() - t) / 1000 }));
  if (r.counterexample) { console.log(r.counterexample.rule); r.counterexample.moves.forEach((m, i) => console.log(i + 1, m)); }
}

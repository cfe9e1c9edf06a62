/**
 * A process that appends facts until it is killed, and prints each sequence that became durable.
 *
 * @module
 */

import { openJournal } from "../../../src/shell/journal/journal.ts";
import { aFact, type ToyFact } from "./toy-kernel.ts";

const journal = await openJournal<ToyFact>({ dataDir: process.argv[2] ?? "" });
journal.onDurable = (sequence) => process.stdout.write(`${sequence}\n`);
process.stdout.write("open\n");
setInterval(() => {
  for (let i = 0; i < 10; i++) journal.append([aFact(journal.sequence + 1)], journal.sequence + 1);
}, 1);

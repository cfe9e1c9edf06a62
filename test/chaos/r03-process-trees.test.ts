/**
 * R3: trees of processes.
 *
 * @module
 */

import { processTrees } from "./faults/r03-process-trees.ts";
import { proveFault } from "./support/prove-fault.ts";

proveFault(processTrees);

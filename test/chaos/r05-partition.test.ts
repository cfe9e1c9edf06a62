/**
 * R5: partitions.
 *
 * @module
 */

import { partition } from "./faults/r05-partition.ts";
import { proveFault } from "./support/prove-fault.ts";

proveFault(partition);

/**
 * R7: full disks.
 *
 * @module
 */

import { diskFull } from "./faults/r07-disk-full.ts";
import { proveFault } from "./support/prove-fault.ts";

proveFault(diskFull);

/**
 * R4: processes that stand still.
 *
 * @module
 */

import { stoppedProcesses } from "./faults/r04-stopped.ts";
import { proveFault } from "./support/prove-fault.ts";

proveFault(stoppedProcesses);

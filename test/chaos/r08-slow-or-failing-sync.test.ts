/**
 * R8: slow and failing syncs.
 *
 * @module
 */

import { slowOrFailingSync } from "./faults/r08-slow-or-failing-sync.ts";
import { proveFault } from "./support/prove-fault.ts";

proveFault(slowOrFailingSync);

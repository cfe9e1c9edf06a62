/**
 * R17: floods of output.
 *
 * @module
 */

import { outputFlood } from "./faults/r17-output-flood.ts";
import { proveFault } from "./support/prove-fault.ts";

proveFault(outputFlood);

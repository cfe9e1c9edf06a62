/**
 * R16: two controllers on one directory.
 *
 * @module
 */

import { twoControllers } from "./faults/r16-two-controllers.ts";
import { proveFault } from "./support/prove-fault.ts";

proveFault(twoControllers);

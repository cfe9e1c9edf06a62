/**
 * R6: a bad network.
 *
 * @module
 */

import { badNetwork } from "./faults/r06-bad-network.ts";
import { proveFault } from "./support/prove-fault.ts";

proveFault(badNetwork);

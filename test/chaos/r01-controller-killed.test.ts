/**
 * R1: a controller that is killed.
 *
 * @module
 */

import { controllerKilled } from "./faults/r01-controller-killed.ts";
import { proveFault } from "./support/prove-fault.ts";

proveFault(controllerKilled);

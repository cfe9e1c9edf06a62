/**
 * R12: no descriptors and no processes.
 *
 * @module
 */

import { descriptorsExhausted } from "./faults/r12-descriptors-exhausted.ts";
import { proveFault } from "./support/prove-fault.ts";

proveFault(descriptorsExhausted);

/**
 * R9: unsynced loss, torn tails and turned bits.
 *
 * @module
 */

import { unsyncedLoss } from "./faults/r09-unsynced-loss.ts";
import { proveFault } from "./support/prove-fault.ts";

proveFault(unsyncedLoss);

/**
 * R2: an agent that is killed.
 *
 * @module
 */

import { agentKilled } from "./faults/r02-agent-killed.ts";
import { proveFault } from "./support/prove-fault.ts";

proveFault(agentKilled);

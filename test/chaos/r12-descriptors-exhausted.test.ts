import { descriptorsExhausted } from "./faults/r12-descriptors-exhausted.ts";
import { proveFault } from "./support/prove-fault.ts";

proveFault(descriptorsExhausted);

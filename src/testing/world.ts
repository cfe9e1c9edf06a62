/**
 * The world of one simulated cluster: a controller, machines, a network, clients and a clock, put
 * together from the parts of the simulator.
 *
 * @module
 */

import { nextDeadline } from "../controller/deadlines.ts";
import type { ControllerSend } from "../controller/events.ts";
import { isDurable } from "../controller/facts.ts";
import { ApiCalls } from "../shell/controller-process/api-calls.ts";
import { type Behaviour, noNews } from "../simulator/behaviour.ts";
import { Randomness } from "../simulator/draws.ts";
import { type Faults, noFaults } from "../simulator/faults.ts";
import { combineObservers } from "../simulator/observer.ts";
import { Sessions } from "../simulator/sessions.ts";
import { SimulatedController } from "../simulator/simulated-controller.ts";
import { apiContextOf } from "./api-context.ts";
import { ClientLinks } from "./client-links.ts";
import { CommandBehaviour } from "./command-behaviour.ts";
import { Drive, type DriveHost } from "./drive.ts";
import { explainStandstill } from "./explain-standstill.ts";
import { drawFaultRates, type FaultRates } from "./fault-options.ts";
import { FunctionBehaviour } from "./function-behaviour.ts";
import { FunctionRegistry } from "./function-registry.ts";
import { Machines } from "./machines.ts";
import type { SimulateSettings } from "./options.ts";
import { Trace } from "./trace.ts";
import { VirtualLogs } from "./virtual-logs.ts";
import { VirtualTime } from "./virtual-time.ts";

export class World {
  readonly time = new VirtualTime();
  readonly trace = new Trace(this.time);
  readonly randomness: Randomness;
  readonly rates: FaultRates;
  readonly drive: Drive;
  readonly controller: SimulatedController;
  readonly sessions: Sessions;
  readonly machines: Machines;
  readonly clients: ClientLinks;
  readonly functions: FunctionBehaviour;
  readonly commands: CommandBehaviour;
  /** An execution begins, or a client asks for something. */
  onProgress: () => void = () => {};
  readonly #logs = new VirtualLogs();
  #calls: ApiCalls;
  /** When anything was decided last. */
  #decidedAt = 0;

  constructor(settings: SimulateSettings) {
    const { seed, takes, patienceMs } = settings;
    const { time, trace } = this;
    const { timeline } = time;
    const randomness = new Randomness({ seed });
    const rates =
      settings.faults === "swarm" ? drawFaultRates(randomness.stream("swarm")) : settings.faults;
    const faults = faultsOf(settings, rates);
    const observer = this.#observer();
    const registry = new FunctionRegistry();
    this.randomness = randomness;
    this.rates = rates;
    this.drive = new Drive(time, randomness.stream("clients"), patienceMs, this.#driveHost());
    const { drive } = this;
    const around = {
      ...{ time, trace, drive, functions: registry, draws: randomness.stream("takes") },
      transportInside: () => this.clients.transportInside(),
    };
    this.functions = new FunctionBehaviour(around, takes);
    this.commands = new CommandBehaviour(around, takes, this.#logs);
    this.controller = new SimulatedController({
      ...{ timeline, randomness, faults, observer, checks: false, foldChecks: false },
      deliver: (send) => this.#deliver(send),
      onDeath: () => this.#onControllerDeath(),
    });
    const { controller } = this;
    this.#calls = this.#newCalls();
    this.sessions = new Sessions({ timeline, randomness, faults, controller, observer });
    this.machines = new Machines({
      ...{ time, randomness, faults, observer, behaviour: this.#behaviour() },
      send: (worker, message) => this.sessions.fromWorker(worker, message),
      isReachable: (workerId) => !this.sessions.pathTo(workerId).isStalled,
      workerIdAt: (index) => controller.state.workers[index]?.workerId,
    });
    this.clients = new ClientLinks({
      ...{ controller, drive, time, faults, functions: registry },
      draws: randomness.stream("client links"),
      calls: () => this.#calls,
      valueAt: (address, task) => this.machines.valueAt(address, task),
      bringTo: (address, task, bytes) => this.machines.bringTo(address, task, bytes),
      onRequest: () => this.onProgress(),
    });
  }

  startController(): void {
    this.#calls = this.#newCalls();
    this.time.stir();
    this.controller.start();
  }

  /** Does what comes next until `isThere`; nobody waits yet. */
  runUntil(isThere: () => boolean): void {
    while (!isThere() && this.time.runNext()) {
      // Everything happens in there.
    }
  }

  /** The calls of a controller process, which end with it. */
  #newCalls(): ApiCalls {
    const around = { logs: this.#logs, onAsked: () => this.drive.news() };
    return new ApiCalls(apiContextOf(this.controller, around));
  }

  #deliver(send: ControllerSend): void {
    switch (send.type) {
      case "reply-to-call":
        return this.#calls.deliver(send, this.controller.journal.length);
      case "send-to-client":
      case "disconnect-client":
        return this.clients.deliver(send);
      default:
        return this.sessions.deliver(send);
    }
  }

  #onControllerDeath(): void {
    this.sessions.onControllerDeath();
    this.clients.dropAll();
  }

  #observer() {
    return combineObservers([
      {
        onControllerStep: (_controller, _event, { facts, sends }) => {
          if (sends.length > 0 || facts.some(isDurable)) this.#decidedAt = this.time.now;
        },
      },
    ]);
  }

  #behaviour(): Behaviour {
    return {
      begin: (execution, end, news = noNews) => {
        this.time.stir();
        this.onProgress();
        const { run } = execution.definition;
        if (run.kind === "function") this.functions.begin(execution, run, { end, news });
        else if (run.kind === "command") this.commands.begin(execution, run, end);
      },
      abort: (attempt, reason) => this.functions.abort(attempt, reason),
    };
  }

  #driveHost(): DriveHost {
    const decidedAt = (): number => this.#decidedAt;
    return {
      get decidedAt() {
        return decidedAt();
      },
      nextDeadline: () =>
        Math.min(this.machines.nextDeadline(), controllerDeadline(this.controller)),
      skipped: (pausedUs) => {
        const { controller } = this;
        const at = controller.now();
        if (controller.isUp) controller.take({ type: "controller-paused", at, pausedUs });
      },
      explain: () => explainStandstill(this.controller),
    };
  }
}

function faultsOf({ delayUsMax, syncUsMax }: SimulateSettings, { fetchFailure }: FaultRates) {
  const faults: Faults = { ...noFaults, delayUsMax, syncUsMax, fetchFailure };
  return faults;
}

/** When the controller has something to do, silence aside; infinity for never. */
function controllerDeadline({ isUp, state }: SimulatedController): number {
  if (!isUp) return Number.POSITIVE_INFINITY;
  const withoutSilence = { ...state, nextSilenceCheckAt: Number.POSITIVE_INFINITY };
  return nextDeadline(withoutSilence) ?? Number.POSITIVE_INFINITY;
}

/**
 * Everything about the workers that is kept in order, so that placement need not look at all of
 * them. None of it is truth: all of it can be made anew from the workers.
 *
 * It holds; what goes into it is for the controller to say (`fleet.ts` there).
 *
 * @module
 */

import { AlikeWorkers } from "./alike-workers.ts";
import { AttributeIndex } from "./attribute-index.ts";
import { ChangeLog } from "./change-log.ts";
import { DeviceKinds } from "./device-rooms.ts";
import { GroupTally } from "./group-tally.ts";
import { evictionOffersMax, linePlacesMax, turnUnitsMax } from "./limits.ts";
import { LineUp } from "./line-up.ts";
import type { HostOffer } from "./preemption.ts";
import { RoomTree } from "./room-tree.ts";

export class FleetIndex {
  /** Whoever changes what a worker can take marks it here. */
  readonly changes = new ChangeLog();
  readonly rooms = new RoomTree();
  readonly devices = new DeviceKinds();
  readonly attributes = new AttributeIndex();
  readonly alikes = new AlikeWorkers();
  /** Attribute → its values on whose workers a gang's reservation lies. */
  readonly takenGroups = new Map<string, ReadonlySet<string>>();
  /** Counts whatever changes who runs where, or until when. */
  ledger = 0;
  /** The same by worker. */
  readonly ledgers: number[] = [];
  /** Rows of granted attempts on a worker, as of its own ledger. */
  readonly grantedOn = new Map<number, { ledger: number; rows: readonly number[] }>();
  /** Rows of granted attempts by worker, as of a ledger. */
  granted: GrantedRows | null = null;
  /** Reservation → when it is used at the latest, as of a ledger and a moment. */
  readonly certainStarts = new Map<number, CertainStart>();
  /** When the last pass was: what is kept for a turn changes with time alone until the next. */
  passedAt = -1;
  /** Units of placement that a turn may spend, and those that this turn has spent. */
  turnUnits = turnUnitsMax;
  spentUnits = 0;
  /** When somebody late was last given a turn under the policy `fair`, microseconds. */
  lateTurnAt = Number.NEGATIVE_INFINITY;
  /** What all workers that are not lost have, by dimension; null where it must be added up. */
  total: Float64Array | null = null;
  /** Position in the change log up to which rooms, attributes and alikes are right. */
  seen = -1;
  readonly #lineUps = new Kept(() => new LineUp());
  readonly #tallies = new Kept(() => new GroupTally());
  readonly #offers = new Kept(() => new EvictionOffers(), evictionOffersMax);

  /** A fleet of `workers` has come to be: longer lines are fewer. */
  bound(workers: number): void {
    const count = Math.ceil(linePlacesMax / Math.max(1, workers));
    this.#lineUps.max = count;
    this.#tallies.max = count;
  }

  ledgerOf(worker: number): number {
    return this.ledgers[worker] ?? 0;
  }

  /** The line of the queue `index`, as it was left. Another `owner` at that place has a new one. */
  lineUp(index: number, owner: object): LineUp {
    return this.#lineUps.of(index, owner);
  }

  /** The groups for the gang in the queue `index`, as they were left. */
  tally(index: number, owner: object): GroupTally {
    return this.#tallies.of(index, owner);
  }

  /** The offers of evictions for the queue `index`, as they were left. */
  offers(index: number, owner: object): EvictionOffers {
    return this.#offers.of(index, owner);
  }
}

/** Where evictions for a queue may make room, and for what harm at least. */
export class EvictionOffers {
  /** Position in the change log up to which it is right. */
  seen = -1;
  /** The band of the queue that it is about. */
  band = -1;
  /** By worker: null where no eviction helps; none where that is not known. */
  byWorker: (HostOffer | null | undefined)[] = [];
}

interface GrantedRows {
  readonly ledger: number;
  /** Where the rows of each worker begin; one more entry than there are workers. */
  readonly starts: Uint32Array;
  readonly rows: Uint32Array;
}

export interface CertainStart {
  readonly ledger: number;
  readonly at: number;
  readonly startsAt: number;
  /** What has come free by then on its worker, where it is one. */
  readonly released: Float64Array;
}

/** Up to `max` things by place; the one that was made first goes. */
class Kept<T> {
  max: number;
  readonly #entries = new Map<number, { readonly owner: object; readonly thing: T }>();
  readonly #make: () => T;

  constructor(make: () => T, max = Number.POSITIVE_INFINITY) {
    this.#make = make;
    this.max = max;
  }

  of(index: number, owner: object): T {
    const known = this.#entries.get(index);
    if (known?.owner === owner) return known.thing;
    const thing = this.#make();
    this.#entries.delete(index);
    this.#entries.set(index, { owner, thing });
    this.#dropPastMax();
    return thing;
  }

  #dropPastMax(): void {
    for (const first of this.#entries.keys()) {
      if (this.#entries.size <= this.max) return;
      this.#entries.delete(first);
    }
  }
}

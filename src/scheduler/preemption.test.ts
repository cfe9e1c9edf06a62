/**
 * Preemption: only lower bands, only what helps, gangs whole, and always if it is possible.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  type PreemptionHost,
  planGangPreemption,
  planPreemption,
  type Victim,
} from "./preemption.ts";

const production = 0;
const interactive = 1;
const batch = 2;

function aVictim(id: number, overrides: Partial<Victim> & { amounts: Float64Array }): Victim {
  const rest = { value: 5 * overrides.amounts[0], startedOrder: id, unit: -1, evictions: 0 };
  return { id, band: batch, ...rest, ...overrides };
}

/** A victim that holds this many cores. */
function aSolo(id: number, cores: number, overrides: Partial<Victim> = {}): Victim {
  return aVictim(id, { amounts: Float64Array.of(cores), ...overrides });
}

function aHost(
  worker: number,
  victims: readonly Victim[],
  overrides: Partial<PreemptionHost> = {},
): PreemptionHost {
  return { worker, free: Float64Array.of(0), victims, ...overrides };
}

function membersOn(hosts: readonly PreemptionHost[]) {
  const all = hosts.flatMap(({ victims }) => victims);
  return (unit: number) => all.filter((victim) => victim.unit === unit);
}

/** A plan for a request of this many cores. */
function planFor(cores: number, hosts: readonly PreemptionHost[], band = production) {
  return planPreemption(hosts, Float64Array.of(cores), [0], band, membersOn(hosts));
}

function planGangFor(
  size: number,
  cores: number,
  groups: readonly { group: string; hosts: readonly PreemptionHost[] }[],
  band = production,
) {
  const members = membersOn(groups.flatMap(({ hosts }) => hosts));
  return planGangPreemption(groups, size, Float64Array.of(cores), [0], band, members);
}

describe("a single request", () => {
  test("never evicts its own band or a better one", () => {
    const hosts = [aHost(0, [aSolo(1, 4, { band: interactive }), aSolo(2, 4, { band: batch })])];
    assert.equal(planFor(4, hosts, batch), null);
    assert.deepEqual(planFor(4, hosts, interactive), { worker: 0, victims: [2] });
    assert.equal(planFor(8, hosts, interactive), null);
  });

  test("combines small victims, and takes no more of them than it needs", () => {
    const hosts = [aHost(0, [aSolo(1, 2), aSolo(2, 2), aSolo(3, 2), aSolo(4, 1)])];
    assert.deepEqual(planFor(4, hosts), { worker: 0, victims: [2, 3] });
  });

  test("counts what is free already, and pays debts first", () => {
    const victims = [aSolo(1, 2), aSolo(2, 2)];
    assert.deepEqual(planFor(3, [aHost(0, victims, { free: Float64Array.of(1) })])?.victims, [2]);
    assert.equal(planFor(3, [aHost(0, victims, { free: Float64Array.of(-2) })]), null);
  });

  test("evicts nobody where it fits, or where evictions do not help", () => {
    const victims = [aSolo(1, 2)];
    const room = { free: Float64Array.of(4) };
    assert.deepEqual(planFor(4, [aHost(0, victims, room)]), { worker: 0, victims: [] });
    assert.equal(planFor(3, [aHost(0, victims)]), null);
  });

  test("evicts many of a low band rather than one of a better band", () => {
    const better = aHost(0, [aSolo(9, 4, { band: interactive })]);
    const lower = aHost(1, [aSolo(1, 1), aSolo(2, 1), aSolo(3, 1), aSolo(4, 1)]);
    assert.deepEqual(planFor(4, [better, lower]), { worker: 1, victims: [1, 2, 3, 4] });
  });

  test("breaks a gang only if no single victims of that band suffice", () => {
    const gang = [aSolo(1, 4, { unit: 7 }), aSolo(2, 4, { unit: 7 })];
    const hosts = [aHost(0, [gang[0], aSolo(3, 1), aSolo(4, 3)]), aHost(1, [gang[1]])];
    assert.deepEqual(planFor(4, hosts), { worker: 0, victims: [3, 4] });
    assert.deepEqual(planFor(5, hosts), { worker: 0, victims: [1, 2, 3] });
  });

  test("breaks a gang of a low band rather than a single victim of a better band", () => {
    const gang = [aSolo(1, 4, { unit: 7 }), aSolo(2, 4, { unit: 7 })];
    const hosts = [aHost(0, [gang[0], aSolo(3, 4, { band: interactive })]), aHost(1, [gang[1]])];
    assert.deepEqual(planFor(4, hosts), { worker: 0, victims: [1, 2] });
  });

  test("leaves a gang alone of which one member anywhere is not of a lower band", () => {
    const gang = [aSolo(1, 4, { unit: 7 }), aSolo(2, 4, { unit: 7, band: interactive })];
    assert.equal(planFor(4, [aHost(0, [gang[0]]), aHost(1, [gang[1]])], interactive), null);
  });

  test("breaks two small gangs rather than one with more members than both", () => {
    const local = [aSolo(1, 4, { unit: 8 }), aSolo(2, 2, { unit: 2 }), aSolo(3, 2, { unit: 3 })];
    const large = [4, 5, 6, 7].map((id) => aSolo(id, 1, { unit: 8 }));
    const small = [aSolo(8, 1, { unit: 2 }), aSolo(9, 1, { unit: 3 })];
    const hosts = [aHost(0, local), aHost(1, [...large, ...small])];
    assert.deepEqual(planFor(4, hosts), { worker: 0, victims: [2, 3, 8, 9] });
  });

  test("breaks the gang with fewer members, even if the larger one is worth less", () => {
    const dear = [1, 2].map((id) => aSolo(id, 2, { unit: 1, value: 100 }));
    const cheap = [3, 4, 5].map((id) => aSolo(id, 2, { unit: 2, value: 1 }));
    const hosts = [aHost(0, [dear[0], cheap[0]]), aHost(1, [dear[1], cheap[1], cheap[2]])];
    assert.deepEqual(planFor(2, hosts), { worker: 0, victims: [1, 2] });
  });

  test("of equal victims evicts the one evicted less, then started last, then by id", () => {
    const evictedOf = (one: Partial<Victim>, other: Partial<Victim>) => {
      const victims = [aSolo(1, 4, one), aSolo(2, 4, other)];
      const [plan, reverse] = [victims, [...victims].reverse()].map((listed) =>
        planFor(4, [aHost(0, listed)]),
      );
      assert.deepEqual(reverse, plan);
      return plan?.victims;
    };
    const start = { startedOrder: 5 };
    assert.deepEqual(evictedOf({ ...start, evictions: 1 }, { ...start, evictions: 2 }), [1]);
    assert.deepEqual(evictedOf({ ...start, evictions: 2 }, { ...start, evictions: 1 }), [2]);
    assert.deepEqual(evictedOf({ startedOrder: 9 }, { startedOrder: 8 }), [1]);
    assert.deepEqual(evictedOf({ startedOrder: 8 }, { startedOrder: 9 }), [2]);
    assert.deepEqual(evictedOf(start, start), [1]);
  });

  test("of equal numbers of victims takes the smaller value, then the first host", () => {
    const dear = aHost(0, [aSolo(1, 4, { value: 1_000 })]);
    const cheap = aHost(2, [aSolo(2, 4)]);
    const same = aHost(1, [aSolo(3, 4)]);
    assert.deepEqual(planFor(4, [dear, cheap, same]), { worker: 1, victims: [3] });
  });

  test("takes a cheaper victim that does as well as a useful and costly one", () => {
    const victims = [aSolo(1, 4), aSolo(2, 3, { value: 1_015 }), aSolo(3, 2)];
    assert.deepEqual(planFor(6, [aHost(0, victims)]), { worker: 0, victims: [1, 3] });
  });

  test("holds nobody whom a cheaper victim has made needless", () => {
    const victims = [
      aVictim(0, { amounts: Float64Array.of(3, 0, 0), value: 6 }),
      aVictim(1, { amounts: Float64Array.of(4, 5, 4), value: 17 }),
      aVictim(2, { amounts: Float64Array.of(5, 3, 2), value: 19 }),
      aVictim(3, { amounts: Float64Array.of(5, 2, 4), value: 5 }),
      aVictim(4, { amounts: Float64Array.of(5, 5, 1), value: 11 }),
    ];
    const hosts = [aHost(0, victims)];
    const plan = planPreemption(hosts, Float64Array.of(9, 10, 3), [0, 1, 2], production, () => []);
    assert.deepEqual(plan, { worker: 0, victims: [1, 4] });
  });

  test("spares who was evicted before, then who has run longest", () => {
    const often = aSolo(1, 4, { evictions: 2, startedOrder: 9 });
    const old = aSolo(2, 4, { startedOrder: 1 });
    const fresh = aSolo(3, 4, { startedOrder: 5 });
    assert.deepEqual(planFor(4, [aHost(0, [often, old, fresh])])?.victims, [3]);
    assert.deepEqual(planFor(8, [aHost(0, [often, old, fresh])])?.victims, [2, 3]);
  });

  test("goes on until it gets what amounts do not show, such as a whole device", () => {
    // Two devices, each half in use by two attempts: 1000 are free, but no device is.
    const victims = [aSolo(1, 250), aSolo(2, 250), aSolo(3, 250), aSolo(4, 250)];
    const admits = (gone: readonly number[]) =>
      (gone.includes(1) && gone.includes(2)) || (gone.includes(3) && gone.includes(4));
    const host = aHost(0, victims, { free: Float64Array.of(1_000), admits });
    assert.deepEqual(planFor(1_000, [host]), { worker: 0, victims: [3, 4] });
  });
});

describe("a gang", () => {
  test("gets distinct hosts of one group, the least harmful ones", () => {
    const hosts = [
      aHost(0, [aSolo(1, 4, { band: interactive })]),
      aHost(1, [aSolo(2, 4)]),
      aHost(2, [aSolo(3, 2), aSolo(4, 2)]),
      aHost(3, [], { free: Float64Array.of(4) }),
    ];
    const groups = [{ group: "a", hosts }];
    assert.deepEqual(planGangFor(2, 4, groups), { group: "a", workers: [1, 3], victims: [2] });
    assert.deepEqual(planGangFor(4, 4, groups)?.victims, [1, 2, 3, 4]);
    assert.equal(planGangFor(4, 4, groups, interactive), null);
    assert.equal(planGangFor(5, 4, groups), null);
  });

  test("never gathers hosts of several groups", () => {
    const hosts = [0, 1].map((worker) => aHost(worker, [aSolo(worker, 4)]));
    const groups = hosts.map((host, index) => ({ group: `g${index}`, hosts: [host] }));
    assert.equal(planGangFor(2, 4, groups), null);
  });

  test("that replaces a gang counts it once, and evicts it whole", () => {
    const hosts = [0, 1, 2].map((worker) => aHost(worker, [aSolo(worker, 4, { unit: 7 })]));
    const plan = planGangFor(2, 4, [{ group: "a", hosts }]);
    assert.deepEqual(plan, { group: "a", workers: [0, 1], victims: [0, 1, 2] });
  });

  test("spares the single victims that a broken gang makes needless", () => {
    const hosts = [
      aHost(0, [aSolo(1, 4), aSolo(2, 4, { unit: 7 })]),
      aHost(1, [aSolo(3, 4, { unit: 7 })]),
    ];
    const plan = planGangFor(2, 4, [{ group: "a", hosts }]);
    assert.deepEqual(plan, { group: "a", workers: [0, 1], victims: [2, 3] });
  });

  test("takes the other hosts of a gang that it has broken before it breaks another", () => {
    const unitOn = (worker: number, unit: number) => aHost(worker, [aSolo(worker, 4, { unit })]);
    const hosts = [unitOn(0, 7), unitOn(1, 8), unitOn(2, 7), unitOn(3, 8)];
    const plan = planGangFor(2, 4, [{ group: "a", hosts }]);
    assert.deepEqual(plan, { group: "a", workers: [0, 2], victims: [0, 2] });
  });

  test("spares the costlier one of two victims if only one of them is needed", () => {
    const hosts = [
      aHost(0, [aSolo(1, 2, { value: 100 }), aSolo(2, 2), aSolo(3, 2, { unit: 7 })]),
      aHost(1, [aSolo(4, 4, { unit: 7 })]),
    ];
    assert.deepEqual(planGangFor(2, 4, [{ group: "a", hosts }])?.victims, [2, 3, 4]);
  });

  test("chooses the group with the least harm, then the first by name", () => {
    const pair = (first: number, overrides: Partial<Victim> = {}) =>
      [first, first + 1].map((worker) => aHost(worker, [aSolo(worker, 4, overrides)]));
    const gangs = { group: "a", hosts: pair(0, { unit: 7 }) };
    const later = { group: "c", hosts: pair(10) };
    const solos = { group: "b", hosts: pair(20) };
    assert.deepEqual(planGangFor(2, 4, [gangs, later, solos])?.group, "b");
  });
});

interface Scene {
  readonly hosts: readonly PreemptionHost[];
  readonly amounts: Float64Array;
  readonly used: readonly number[];
  readonly band: number;
}

const pairOf = (max: number) => fc.tuple(fc.nat(max), fc.nat(max));

/** Up to three hosts with a few victims each, some in gangs over the hosts, and a request. */
const someScene: fc.Arbitrary<Scene> = fc
  .record({
    hosts: fc.array(
      fc.record({
        free: pairOf(3),
        victims: fc.array(
          fc.record({
            amounts: pairOf(4),
            band: fc.nat(2),
            unit: fc.constantFrom(-1, -1, -1, 0, 1),
            value: fc.nat(9),
            startedOrder: fc.nat(3),
            evictions: fc.nat(1),
          }),
          { maxLength: 6 },
        ),
      }),
      { minLength: 1, maxLength: 3 },
    ),
    wanted: pairOf(9),
    band: fc.nat(2),
  })
  .map(({ hosts, wanted, band }) => ({
    hosts: hosts.map(({ free, victims }, worker) =>
      aHost(
        worker,
        victims.map((one, position) =>
          aVictim(10 * worker + position, { ...one, amounts: Float64Array.from(one.amounts) }),
        ),
        { free: Float64Array.from(free) },
      ),
    ),
    amounts: Float64Array.from(wanted),
    used: [0, 1].filter((index) => wanted[index] > 0),
    band,
  }));

function plan({ hosts, amounts, used, band }: Scene) {
  return planPreemption(hosts, amounts, used, band, membersOn(hosts));
}

function planGang({ hosts, amounts, used, band }: Scene, size: number) {
  return planGangPreemption([{ group: "a", hosts }], size, amounts, used, band, membersOn(hosts));
}

function fitsAfter(scene: Scene, worker: number, gone: readonly number[]): boolean {
  const { free, victims } = scene.hosts[worker];
  return scene.used.every((index) => {
    const freed = victims.filter(({ id }) => gone.includes(id));
    return (
      freed.reduce((sum, one) => sum + one.amounts[index], free[index]) >= scene.amounts[index]
    );
  });
}

function victimById(scene: Scene): ReadonlyMap<number, Victim> {
  return new Map(scene.hosts.flatMap(({ victims }) => victims.map((one) => [one.id, one])));
}

/** Every set of evictions on a host that is allowed and suffices, as lists of victims. */
function sufficientSets(scene: Scene, worker: number): readonly (readonly Victim[])[] {
  const members = membersOn(scene.hosts);
  const { victims } = scene.hosts[worker];
  const solos = victims.filter(({ unit }) => unit < 0).map((one) => [one]);
  const units = [...new Set(victims.map(({ unit }) => unit).filter((unit) => unit >= 0))];
  const evictions = [...solos, ...units.map(members)].filter((all) =>
    all.every(({ band }) => band > scene.band),
  );
  const sets: Victim[][] = [];
  for (let mask = 0; mask < 2 ** evictions.length; mask++) {
    const set = evictions.filter((_, index) => (mask & (1 << index)) !== 0).flat();
    const ids = set.map(({ id }) => id);
    if (fitsAfter(scene, worker, ids)) sets.push(set);
  }
  return sets;
}

/** Band, gangs, victims and value of a set: the smaller in this order, the less harm. */
function harmOf(set: readonly Victim[]): readonly [number, number, number, number] {
  return [
    -Math.min(9, ...set.map(({ band }) => band)),
    set.some(({ unit }) => unit >= 0) ? 1 : 0,
    set.length,
    set.reduce((sum, { value }) => sum + value, 0),
  ];
}

function compareLists(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, index) => value !== b[index]);
  return at < 0 ? 0 : a[at] - b[at];
}

function harmOfPlan(scene: Scene, victims: readonly number[]) {
  const byId = victimById(scene);
  return harmOf(victims.flatMap((id) => byId.get(id) ?? []));
}

describe("a gang that pushes aside", () => {
  const solo = (id: number, overrides: Partial<Victim> = {}) => aSolo(id, 4, overrides);

  test("takes the group with the least harm, wherever it is listed, then the first by name", () => {
    const cheap = { group: "b", hosts: [aHost(0, [solo(1)])] };
    const dear = { group: "a", hosts: [aHost(1, [solo(2, { value: 1_000 })])] };
    const same = { group: "c", hosts: [aHost(2, [solo(3)])] };
    for (const groups of [
      [cheap, dear, same],
      [same, dear, cheap],
    ]) {
      assert.deepEqual(planGangFor(1, 4, groups), { group: "b", workers: [0], victims: [1] });
    }
  });

  test("needs nothing more on a host where an ended gang leaves room, with others or alone", () => {
    for (const unit of [0, 7]) {
      const gang = [1, 2].map((id) => aSolo(id, 4, { unit, value: 1 }));
      const beside = aHost(1, [gang[1], aSolo(3, 4, { value: 500 })]);
      const hosts = [
        aHost(0, [gang[0]]),
        beside,
        aHost(
          2,
          [4, 5, 6].map((id) => aSolo(id, 2)),
        ),
      ];
      const plan = planGangFor(3, 4, [{ group: "a", hosts }]);
      assert.deepEqual(plan?.victims, [1, 2, 5, 6]);
    }
  });

  test("spares the costliest of those that another end makes needless", () => {
    const gang = [aSolo(1, 4, { unit: 7 }), aSolo(2, 2, { unit: 7 })];
    for (const values of [
      [10, 20],
      [20, 10],
    ]) {
      const solos = values.map((value, at) => aSolo(3 + at, 2, { value }));
      const hosts = [aHost(0, [...solos, gang[1]]), aHost(1, [gang[0]])];
      const cheap = values[0] === 10 ? 3 : 4;
      assert.deepEqual(planGangFor(2, 4, [{ group: "a", hosts }])?.victims, [1, 2, cheap]);
    }
  });
});

test("if some victims on one host suffice there is a plan, with the least bands and gangs", () => {
  fc.assert(
    fc.property(someScene, (scene) => {
      const sets = scene.hosts.flatMap((_, worker) => sufficientSets(scene, worker));
      const least = sets.map(harmOf).sort(compareLists).at(0);
      const made = plan(scene);
      assert.equal(made !== null, least !== undefined);
      if (made === null || least === undefined) return;
      const harm = harmOfPlan(scene, made.victims);
      assert.deepEqual(harm.slice(0, 2), least.slice(0, 2));
      if (least[2] <= 1) assert.deepEqual(harm, least, "one victim is enough");
    }),
    { numRuns: 1_000 },
  );
});

test("if only one dimension is short and no gang is there, no plan has fewer victims", () => {
  const solo = someScene.map((scene) => ({
    ...scene,
    used: scene.used.slice(0, 1),
    hosts: scene.hosts.map((host) => ({
      ...host,
      victims: host.victims.map((victim) => ({ ...victim, unit: -1 })),
    })),
  }));
  fc.assert(
    fc.property(solo, (scene) => {
      const sets = scene.hosts.flatMap((_, worker) => sufficientSets(scene, worker));
      const least = sets.map(harmOf).sort(compareLists).at(0);
      const made = plan(scene);
      if (made === null || least === undefined) return;
      assert.deepEqual(harmOfPlan(scene, made.victims).slice(0, 3), least.slice(0, 3));
    }),
    { numRuns: 1_000 },
  );
});

/** Asserts what must be true of any plan: lower bands, whole gangs, distinct victims. */
function checkVictims(scene: Scene, victims: readonly number[]): void {
  const byId = victimById(scene);
  assert.equal(new Set(victims).size, victims.length);
  for (const id of victims) {
    const victim = byId.get(id);
    assert.ok(victim !== undefined && victim.band > scene.band, `victim ${id}`);
    if (victim.unit < 0) continue;
    const gang = membersOn(scene.hosts)(victim.unit);
    assert.ok(gang.every((member) => victims.includes(member.id)));
  }
}

/** The victims of a plan as they can be taken back: one by one, or as a gang. */
function evictionsOf(scene: Scene, victims: readonly number[]): readonly (readonly number[])[] {
  const byId = victimById(scene);
  const keyOf = (id: number) => {
    const unit = byId.get(id)?.unit ?? -1;
    return unit < 0 ? `solo ${id}` : `gang ${unit}`;
  };
  return [...Map.groupBy(victims, keyOf).values()];
}

test("a plan takes only lower bands and whole gangs, makes the request fit, and needs each", () => {
  fc.assert(
    fc.property(someScene, (scene) => {
      const made = plan(scene);
      if (made === null) return;
      checkVictims(scene, made.victims);
      assert.ok(fitsAfter(scene, made.worker, made.victims));
      for (const spared of evictionsOf(scene, made.victims)) {
        const rest = made.victims.filter((id) => !spared.includes(id));
        assert.ok(!fitsAfter(scene, made.worker, rest), `${spared} are needless`);
      }
    }),
    { numRuns: 500 },
  );
});

test("a gang gets a plan if enough hosts could have one each, and it needs each victim", () => {
  fc.assert(
    fc.property(someScene, fc.integer({ min: 1, max: 3 }), (scene, size) => {
      const able = scene.hosts.filter((_, worker) => sufficientSets(scene, worker).length > 0);
      const made = planGang(scene, size);
      assert.equal(made !== null, able.length >= size);
      if (made === null) return;
      assert.equal(new Set(made.workers).size, size);
      checkVictims(scene, made.victims);
      const allFit = (gone: readonly number[]) =>
        made.workers.every((worker) => fitsAfter(scene, worker, gone));
      assert.ok(allFit(made.victims));
      for (const spared of evictionsOf(scene, made.victims)) {
        const rest = made.victims.filter((id) => !spared.includes(id));
        assert.ok(!allFit(rest), `${spared} are needless`);
      }
    }),
    { numRuns: 500 },
  );
});

test("the order in which hosts and victims are listed does not matter", () => {
  fc.assert(
    fc.property(someScene, fc.integer({ min: 1, max: 3 }), (scene, size) => {
      const hosts = [...scene.hosts]
        .reverse()
        .map((host) => ({ ...host, victims: [...host.victims].reverse() }));
      assert.deepEqual(plan({ ...scene, hosts }), plan(scene));
      assert.deepEqual(planGang({ ...scene, hosts }, size), planGang(scene, size));
    }),
    { numRuns: 500 },
  );
});

test("a plan never makes its reverse legal: a victim cannot push its preemptor aside", () => {
  fc.assert(
    fc.property(someScene, (scene) => {
      const made = plan(scene);
      if (made === null || made.victims.length === 0) return;
      const byId = victimById(scene);
      const preemptor = aVictim(99, { band: scene.band, amounts: scene.amounts });
      for (const id of made.victims) {
        const victim = byId.get(id);
        assert.ok(victim !== undefined);
        // With the preemptor gone, the victim would just fit.
        const free = victim.amounts.map((amount, index) => amount - scene.amounts[index]);
        const hosts = [aHost(0, [preemptor], { free })];
        const back = { hosts, amounts: victim.amounts, used: [0, 1], band: victim.band };
        assert.equal(plan(back), null);
      }
    }),
  );
});

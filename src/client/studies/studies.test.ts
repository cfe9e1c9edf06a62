/**
 * What studies are made of: canonical names, the record on the disk, options, reductions.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import fc from "fast-check";
import { canonicalJson } from "./canonical-json.ts";
import { Gate } from "./gate.ts";
import { listStudies, readStudy } from "./read-study.ts";
import { RecordFile } from "./record-file.ts";
import { defineReduction, isReduction } from "./reduction.ts";
import { parameterSetId, replicateSeed } from "./study-ids.ts";
import { parseStudyOptions } from "./study-options.ts";
import { StudyRecord } from "./study-record.ts";

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "capstan-studies-"));
});

afterEach(() => rmSync(directory, { recursive: true }));

describe("canonical JSON", () => {
  it("is that of RFC 8785's examples", () => {
    const sorting = {
      ...{ "\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet" },
      ...{ "1": "One", "\u0080": "Control", "\ud83d\ude00": "Emoji", "\u00f6": "Latin o" },
    };
    const keys = Object.keys(JSON.parse(canonicalJson(sorting)));
    // JSON.parse puts a key that is an index first; here it stands second in the text.
    assert.match(canonicalJson(sorting), /^\{"\\r":"Carriage Return","1":"One"/);
    assert.deepEqual(
      keys.filter((key) => key !== "1"),
      ["\r", "\u0080", "\u00f6", "\u20ac", "\ud83d\ude00", "\ufb33"],
    );
    const numbers = [1 / 3, 1e30, 4.5, 2e-3, 0.000000000000000000000000001, -0];
    assert.equal(canonicalJson(numbers), "[0.3333333333333333,1e+30,4.5,0.002,1e-27,0]");
  });

  it("does not depend on the order of keys, and says exactly what was given", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalJson(value);
        assert.equal(canonicalJson(JSON.parse(text)), text);
        assert.equal(canonicalJson(reversed(value)), text);
      }),
    );
  });

  it("refuses with its path what JSON cannot say", () => {
    const circle: { self?: unknown } = {};
    circle.self = circle;
    const refused: readonly [unknown, RegExp][] = [
      [{ a: [1, Number.NaN] }, /^p\.a\[1\] is NaN/],
      [{ a: undefined }, /^p\.a is of type undefined/],
      [new Array(2), /^p\[0\] is of type undefined/], // holes
      [{ a: 1n }, /^p\.a is of type bigint/],
      [{ a: () => 1 }, /^p\.a is of type function/],
      [{ a: new Date(0) }, /^p\.a is an instance of a class/],
      [{ a: "\ud800" }, /^p\.a holds half of a surrogate pair/],
      [{ [Symbol("s")]: 1 }, /^p has a symbol as a key/],
      [circle, /is deeper than 64 levels/],
    ];
    for (const [value, message] of refused) {
      assert.throws(() => canonicalJson(value, "p"), { code: "INVALID_ARGUMENT", message });
    }
  });
});

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).reverse();
  return Object.fromEntries(entries.map(([key, part]) => [key, reversed(part)]));
}

describe("names by content", () => {
  it("are BLAKE2b-256 in full, the same on every machine", () => {
    // b2sum -l 256 of {"beta":1.67,"gamma":0.44}
    const id = "18069ed6cd420d006a216e7c8ff367f31ffae96d9c20e9b53f51ea6364165064";
    assert.equal(parameterSetId({ gamma: 0.44, beta: 1.67 }), id);
    assert.equal(replicateSeed(0, id, 0), 7807367466962496);
  });

  it("give each replicate a whole seed of its own that JSON carries", () => {
    const seeds = new Set<number>();
    for (const study of [0, 1]) {
      for (const set of ["a", "b"]) {
        for (let i = 0; i < 1_000; i++) seeds.add(replicateSeed(study, set, i));
      }
    }
    assert.equal(seeds.size, 4_000);
    for (const seed of seeds) assert.ok(Number.isSafeInteger(seed) && seed >= 0);
  });
});

describe("the record file", () => {
  const path = () => join(directory, "record.log");
  const read = (mode: "read" | "write" = "write") => {
    const found: string[] = [];
    RecordFile.open(path(), mode, (payload) => found.push(payload.toString())).close();
    return found;
  };
  const write = (...texts: readonly string[]) => {
    const file = RecordFile.open(path(), "write", () => undefined);
    const places = texts.map((text) => file.append(Buffer.from(text)));
    file.sync();
    file.close();
    return places;
  };

  it("gives back what was appended, in order, over several openings", () => {
    write("one", "", "three");
    write("four");
    assert.deepEqual(read(), ["one", "", "three", "four"]);
  });

  it("cuts a torn last record off wherever it was torn, and keeps it beside", () => {
    write("one", "two");
    const whole = readFileSync(path());
    for (let lost = 1; lost <= 10; lost++) {
      writeFileSync(path(), whole.subarray(0, whole.length - lost));
      const size = whole.length - lost;
      assert.deepEqual(read("read"), ["one"], "a reader");
      assert.equal(readFileSync(path()).length, size, "a reader cuts nothing");
      assert.deepEqual(read(), ["one"]);
      write("three");
      assert.deepEqual(read(), ["one", "three"]);
    }
    assert.equal(readFileSync(`${path()}.torn`).length, 1);
  });

  it("refuses damage in the middle, and names the byte", () => {
    const [{ offset }] = write("one", "two");
    const bytes = readFileSync(path());
    bytes[offset] ^= 1;
    writeFileSync(path(), bytes);
    assert.throws(() => read(), { code: "DISK_FAILED", message: /damaged at byte 16:/ });
  });

  it("refuses a record that claims to be larger than any: what follows it is not torn", () => {
    write("one", "two", "three");
    const bytes = readFileSync(path());
    bytes[16 + 3] ^= 0x40; // The highest byte of the length of the first one.
    writeFileSync(path(), bytes);
    assert.throws(() => read(), { code: "DISK_FAILED", message: /damaged at byte 16:/ });
    assert.equal(readFileSync(path()).length, bytes.length, "nothing is cut");
  });

  it("begins again when the first write never arrived, and refuses what is no record", () => {
    writeFileSync(path(), "cap");
    assert.deepEqual(read(), []);
    writeFileSync(path(), "something else altogether");
    assert.throws(() => read(), { code: "DISK_FAILED", message: /damaged at byte 0/ });
    rmSync(path());
    assert.throws(() => read("read"), { code: "NOT_FOUND" });
  });

  it("survives any cut at any byte with a prefix of its records", () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { maxLength: 6 }), fc.nat(), (texts, cut) => {
        rmSync(path(), { force: true });
        write(...texts);
        truncateSync(path(), cut % (readFileSync(path()).length + 1));
        const found = read();
        assert.deepEqual(found, texts.slice(0, found.length));
      }),
      { numRuns: 50 },
    );
  });
});

describe("the record of a study", () => {
  const failure = {
    ...{ code: "TASK_FAILED", message: "no", taskId: "/a/1", worker: "w", attempts: 1 },
    stderrTail: "",
  };
  const run = {
    ...{ at: "2026-01-01T00:00:00Z", name: "s", file: "", model: "m", seed: 3, replicates: 2 },
    ...{ quorum: 1, targets: ["value"], aggregateKeys: ["k"] },
  };

  it("tells each series its own values, and forgets a failure that was made good", () => {
    const study = join(directory, "s");
    const record = new StudyRecord(study, "write");
    const [old, now] = [record.seriesOf("old"), record.seriesOf("now")];
    assert.equal(record.seriesOf("old"), old);
    record.begin({ ...run, series: now });
    const set = record.use("id", { x: 1 });
    record.addValue(old, set.number, 0, "old");
    record.addValue(now, set.number, 0, new Float64Array([1, 2]));
    record.addFailure(now, set.number, 1, failure);
    record.addFailure(old, set.number, 1, failure);
    record.addValue(now, set.number, 1, { y: 2 });
    record.close();
    appendFileSync(join(study, "record.log"), "torn");
    const again = new StudyRecord(study, "write");
    const places = again.placesOf(now, set.number);
    const values = places.map((place) => (place === undefined ? null : again.read(place)));
    assert.deepEqual(values, [new Float64Array([1, 2]), { y: 2 }]);
    assert.equal(again.failuresOf(now, set.number).size, 0);
    assert.equal(again.failuresOf(old, set.number).size, 1);
    assert.equal(again.use("id", { x: 1 }).number, set.number);
    again.close();
    again.close();
  });

  it("says how far each set is to whoever only reads, also beside a writer", () => {
    const record = new StudyRecord(join(directory, "s"), "write");
    record.begin({ ...run, series: record.seriesOf("now") });
    const sets = ["a", "b", "c", "d"].map((id) => record.use(id, { id }));
    for (const { number } of sets.slice(0, 3)) record.addValue(0, number, 0, 1);
    record.addFailure(0, sets[0].number, 1, failure);
    record.addAggregate(sets[0].number, "k", { value: 7, count: 1 });
    record.addAggregateFailure(sets[1].number, "k", failure);
    record.addAggregate(sets[2].number, "another", { value: 7, count: 1 });
    const report = readStudy("s", directory);
    assert.deepEqual(
      report.sets.map(({ state, value, failed, error }) => [state, value, failed, error]),
      [
        ["PARTIAL", 7, 1, ""],
        ["FAILED", null, 0, "no"],
        ["RUNNING", null, 0, ""],
        ["WAITING", null, 0, ""],
      ],
    );
    const [first] = report.sets[0].failures;
    assert.deepEqual(first, { replicate: 1, seed: replicateSeed(3, "a", 1), ...failure });
    assert.throws(() => new StudyRecord(join(directory, "s"), "write"), {
      code: "DATA_DIRECTORY_IN_USE",
    });
    record.close();
  });

  it("refuses a value that is too large and keeps the others", () => {
    const record = new StudyRecord(join(directory, "s"), "write");
    const { number } = record.use("a", 1);
    const large = new Uint8Array(49 * 1024 * 1024);
    assert.throws(() => record.addValue(0, number, 0, large), /keeps at most/);
    record.addValue(0, number, 1, "small");
    record.close();
    assert.equal(new StudyRecord(join(directory, "s"), "read").placesOf(0, number).length, 2);
  });
});

describe("the parts of a study", () => {
  const total = defineReduction("file:///tasks.ts", {
    name: "total",
    start: () => ({ sum: 0 }),
    add: (state, value: number) => ({ sum: state.sum + value }),
    merge: (left, right) => ({ sum: left.sum + right.sum }),
    finish: ({ sum }, factor: number) => sum * factor,
  });
  const options = { name: "s", replicates: 4, simulate: total, aggregate: total } as never;
  const plan = (changes: object) =>
    parseStudyOptions({ ...(options as object), ...changes } as never);

  it("a reduction is a function of all values when it is called", () => {
    assert.equal(total([1, 2, 3], 10), 60);
    assert.ok(isReduction(total));
  });

  it("options are checked with their names", () => {
    assert.deepEqual([plan({}).quorum, plan({}).seed, plan({}).isSingle], [4, 0, true]);
    const refused: readonly [object, RegExp][] = [
      [{ name: "../up" }, /^name/],
      [{ name: ".." }, /^name/],
      [{ replicates: 0 }, /^replicates/],
      [{ quorum: 5 }, /^quorum.*1 to 4/],
      [{ seed: 0.5 }, /^seed/],
      [{ simulate: () => 1 }, /^simulate: expected a task/],
      [{ simulate: { command: ["x"], cwd: "/" } }, /^simulate/],
      [{ aggregate: {} }, /^aggregate: expected/],
      [{ aggregate: { loss: 1 } }, /^aggregate\.loss: expected a task/],
      [{ replicate: 3 }, /replicates/],
      [{ directory: 5 }, /^directory: 5 is not a path/],
      [{ directory: "" }, /^directory: "" is not a path/],
      [{ file: 5 }, /^file: 5 is not a path/],
    ];
    for (const [changes, message] of refused) assert.throws(() => plan(changes), { message });
  });

  it("are not looked for in what is no directory", () => {
    const message = /^directory: 5 is not a path/;
    assert.throws(() => listStudies(5 as never), { code: "INVALID_ARGUMENT", message });
    assert.throws(() => readStudy("s", 5 as never), { code: "INVALID_ARGUMENT", message });
  });

  it("a gate lets so many in, and one however large", async () => {
    const gate = new Gate(2, 10);
    const entered: number[] = [];
    for (const bytes of [100, 4, 5, 6]) void gate.enter(bytes).then(() => entered.push(bytes));
    const turns = async () => {
      for (let i = 0; i < 5; i++) await Promise.resolve();
      return [...entered];
    };
    assert.deepEqual(await turns(), [100]);
    gate.leave(100);
    assert.deepEqual(await turns(), [100, 4, 5]);
    gate.leave(5);
    assert.deepEqual(await turns(), [100, 4, 5, 6]);
  });
});

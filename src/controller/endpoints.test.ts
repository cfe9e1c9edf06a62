/**
 * An endpoint is seen while its attempt is current and its lease runs, and not longer.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { AccessScene, anEndpointRequest, aPrincipal } from "../../test/support/access-builders.ts";
import { onRegisterEndpoint, onUnregisterEndpoint } from "./access.ts";
import { endpointsMax, endpointsPerAttemptMax, leaseMaxMs } from "./access-limits.ts";
import { endpointsVisible, expireEndpoints, nextEndpointDeadline } from "./endpoints.ts";

const ann = aPrincipal("ann");

class Scene extends AccessScene {
  /** `new`, `renewed` or the code of the refusal. */
  registers(overrides: Parameters<typeof anEndpointRequest>[0] = {}): string {
    const request = anEndpointRequest(overrides);
    const call = { principal: ann, request, at: this.at };
    const answer = onRegisterEndpoint(this.state, this, call);
    if ("error" in answer) return answer.error.code;
    return (answer.result as { renewed: boolean }).renewed ? "renewed" : "new";
  }

  /** Ids of what is seen under a prefix; "" for all. */
  sees(prefix = ""): string[] {
    return endpointsVisible(this.state, { prefix }, this.at).map(({ endpointId }) => endpointId);
  }

  /** Time passes; the kernel looks at what is due. */
  after(ms: number): void {
    this.at += ms * 1000;
    expireEndpoints(this.state, this, this.at);
  }
}

function aScene(): Scene {
  const scene = new Scene();
  scene.runs("/ann/train/0");
  return scene;
}

describe("register", () => {
  test("makes an endpoint visible under the root of its job tree", () => {
    const scene = new Scene();
    const attemptId = scene.runs("/ann/train/eval/0");
    assert.equal(scene.registers({ taskId: "/ann/train/eval/0", attemptId }), "new");
    const named = endpointsVisible(scene.state, { name: "/ann/train/model" }, scene.at);
    assert.deepEqual(
      named.map(({ endpointId, address, taskId }) => [endpointId, address, taskId]),
      [["e1", "10.0.0.7:8080", "/ann/train/eval/0"]],
    );
  });

  test("under one name in two trees gives two names", () => {
    const scene = aScene();
    const attemptId = scene.runs("/ann/other/0");
    scene.registers();
    scene.registers({ endpointId: "e2", taskId: "/ann/other/0", attemptId });
    assert.deepEqual(scene.sees("/ann/train/"), ["e1"]);
    assert.deepEqual(scene.sees("/ann/other/"), ["e2"]);
  });

  test("of several replicas under one name gives all of them", () => {
    const scene = aScene();
    const attemptId = scene.runs("/ann/train/1");
    scene.registers();
    scene.registers({ endpointId: "e0", taskId: "/ann/train/1", attemptId });
    const found = endpointsVisible(scene.state, { name: "/ann/train/model" }, scene.at);
    assert.deepEqual(
      found.map(({ endpointId }) => endpointId),
      ["e0", "e1"],
    );
  });

  test("for a task that has ended is refused and leaves nothing behind", () => {
    const scene = aScene();
    scene.ends("/ann/train/0", "SUCCEEDED");
    assert.equal(scene.registers(), "NOT_FOUND");
    assert.equal(scene.state.access.endpoints.size, 0);
  });

  test("for a task that was killed while its attempt still stops is refused", () => {
    const scene = aScene();
    scene.letsGo("/ann/train/0", "KILLED");
    assert.equal(scene.registers(), "NOT_FOUND");
  });

  test("by an earlier attempt of a task that is tried again is refused", () => {
    const scene = aScene();
    scene.letsGo("/ann/train/0", "PENDING");
    scene.runs("/ann/train/0");
    assert.equal(scene.registers({ attemptId: "1.1" }), "NOT_FOUND");
    assert.equal(scene.registers({ attemptId: "1.2" }), "new");
  });

  test("by a task that was tried many times is taken", () => {
    const scene = aScene();
    for (let attempt = 2; attempt < 12; attempt++) {
      scene.letsGo("/ann/train/0", "PENDING");
      scene.runs("/ann/train/0");
    }
    assert.equal(scene.registers({ attemptId: "1.11" }), "new");
  });

  test("with the attempt of another task, or of none, is refused", () => {
    const scene = aScene();
    const attemptId = scene.runs("/ann/train/1");
    assert.equal(scene.registers({ attemptId }), "NOT_FOUND");
    for (const wrong of ["", "0.0", "1", "01.1", "1.9", "9999999.1", "1.1 ", " 1.1", "x1.1"]) {
      assert.equal(scene.registers({ attemptId: wrong }), "NOT_FOUND", wrong);
    }
  });

  const malformed: readonly (readonly [string, Parameters<typeof anEndpointRequest>[0]])[] = [
    ["endpointId", { endpointId: "" }],
    ["endpointId", { endpointId: "a b" }],
    ["endpointId", { endpointId: "x".repeat(129) }],
    ["name", { name: "/ann/train/model" }],
    ["name", { name: "a//b" }],
    ["name", { name: "x".repeat(201) }],
    ["address", { address: "" }],
    ["address", { address: "a b" }],
    ["lease", { leaseMs: 999 }],
    ["lease", { leaseMs: 600_001 }],
    ["lease", { leaseMs: 1_000.5 }],
    ["metadata", { metadata: Object.fromEntries([...Array(17).keys()].map((i) => [i, ""])) }],
    ["metadata.k", { metadata: { k: "x".repeat(1_025) } }],
  ];

  for (const [field, overrides] of malformed) {
    test(`with ${JSON.stringify(overrides).slice(0, 40)} is refused, and ${field} is named`, () => {
      const scene = aScene();
      const request = anEndpointRequest(overrides);
      const answer = onRegisterEndpoint(scene.state, scene, { principal: ann, request, at: 1 });
      assert.ok("error" in answer);
      assert.equal(answer.error.code, "INVALID_ARGUMENT");
      assert.ok(answer.error.message.startsWith(`${field}: `), answer.error.message);
    });
  }

  test("with the longest and shortest of everything is taken", () => {
    const scene = aScene();
    const metadata = Object.fromEntries([...Array(16).keys()].map((i) => [i, "x".repeat(64)]));
    const longest = { endpointId: "x".repeat(128), name: "x".repeat(200), leaseMs: 600_000 };
    assert.equal(scene.registers({ ...longest, metadata }), "new");
    assert.equal(scene.registers({ endpointId: "s", name: "s", leaseMs: 1_000 }), "new");
    assert.equal(scene.registers({ endpointId: "t", metadata: { k: "x".repeat(1_024) } }), "new");
  });

  test("of more than its share by one attempt is refused", () => {
    const scene = aScene();
    for (let i = 0; i < endpointsPerAttemptMax; i++) {
      assert.equal(scene.registers({ endpointId: `e${i}` }), "new");
    }
    assert.equal(scene.registers({ endpointId: "more" }), "QUOTA_EXCEEDED");
    assert.equal(scene.registers({ endpointId: "e0" }), "renewed");
  });

  test("past the limit of the cluster is refused, and a renewal is not", () => {
    const scene = aScene();
    scene.registers();
    const [endpoint] = scene.state.access.endpoints.values();
    for (let i = 1; i < endpointsMax; i++) scene.state.access.endpoints.set(`x${i}`, endpoint);
    assert.equal(scene.registers({ endpointId: "more" }), "OVERLOADED");
    for (let i = 1; i < endpointsMax; i++) scene.state.access.endpoints.delete(`x${i}`);
    assert.equal(scene.registers(), "renewed");
  });
});

describe("a lease", () => {
  test("that is over hides its endpoint at once, before anything was swept", () => {
    const scene = aScene();
    scene.registers({ leaseMs: 60_000 });
    scene.at += 60_000_000 - 1;
    assert.deepEqual(scene.sees(), ["e1"]);
    scene.at += 1;
    assert.deepEqual(scene.sees(), []);
    assert.equal(scene.state.access.endpoints.size, 1);
    scene.after(0);
    assert.equal(scene.state.access.endpoints.size, 0);
    assert.equal(nextEndpointDeadline(scene.state), Number.POSITIVE_INFINITY);
  });

  test("that was not named is the longest", () => {
    const scene = aScene();
    scene.registers({ leaseMs: 0 });
    assert.equal(nextEndpointDeadline(scene.state), scene.at + leaseMaxMs * 1000);
  });

  test("that is renewed in time goes on, and may change the address", () => {
    const scene = aScene();
    scene.registers({ leaseMs: 3_000 });
    const { registeredAt } = scene.state.access.endpoints.get("e1") ?? {};
    for (let i = 0; i < 10; i++) {
      scene.after(1_000);
      assert.equal(scene.registers({ leaseMs: 3_000, address: `10.0.0.8:${i}` }), "renewed");
    }
    const [endpoint] = endpointsVisible(scene.state, { name: "/ann/train/model" }, scene.at);
    assert.equal(endpoint.address, "10.0.0.8:9");
    assert.equal(endpoint.registeredAt, registeredAt);
  });

  test("that was renewed is looked at once when the old one ends, not all the time", () => {
    const scene = aScene();
    scene.registers({ endpointId: "other", leaseMs: 60_000 });
    scene.registers({ leaseMs: 3_000 });
    scene.after(1_000);
    scene.registers({ leaseMs: 60_000 });
    scene.takeFacts();
    scene.state.nextSilenceCheckAt = Number.POSITIVE_INFINITY;
    scene.after(2_000);
    assert.deepEqual(scene.facts, [{ type: "endpoints-dropped", at: scene.at, ids: [] }]);
    scene.after(2_000);
    assert.deepEqual(scene.takeFacts(), ["endpoints-dropped"], "nothing more");
    assert.deepEqual(scene.sees(), ["e1", "other"]);
  });

  test("of a shorter one is due first, and its end leaves the others", () => {
    const scene = aScene();
    scene.registers({ endpointId: "long", leaseMs: 60_000 });
    scene.registers({ endpointId: "short", leaseMs: 1_000 });
    assert.equal(nextEndpointDeadline(scene.state), scene.at + 1_000_000);
    scene.after(1_000);
    assert.deepEqual(scene.sees(), ["long"]);
    assert.equal(nextEndpointDeadline(scene.state), scene.at + 59_000_000);
  });

  test("of what was let go of is dropped when silence is looked at, not at every tick", () => {
    const scene = aScene();
    scene.registers({ leaseMs: 60_000 });
    scene.letsGo("/ann/train/0", "KILLED");
    scene.takeFacts();
    scene.state.nextSilenceCheckAt = scene.at + 500_000;
    scene.after(499);
    assert.deepEqual(scene.takeFacts(), []);
    scene.after(1);
    assert.deepEqual(scene.facts, [{ type: "endpoints-dropped", at: scene.at, ids: ["e1"] }]);
  });

  test("begins anew with a controller, which nobody could reach before", () => {
    const scene = aScene();
    scene.registers({ leaseMs: 5_000 });
    scene.at += 3_600_000_000;
    scene.restarts();
    assert.deepEqual(scene.sees(), ["e1"]);
    scene.after(5_000);
    assert.deepEqual(scene.sees(), []);
  });
});

describe("an endpoint", () => {
  test("of an earlier attempt is invisible to the retry at once", () => {
    const scene = aScene();
    scene.registers();
    scene.letsGo("/ann/train/0", "PENDING");
    assert.deepEqual(scene.sees(), [], "while the attempt still stops");
    const attemptId = scene.runs("/ann/train/0");
    assert.deepEqual(scene.sees(), [], "while the retry has none");
    scene.registers({ endpointId: "e2", attemptId });
    assert.deepEqual(scene.sees(), ["e2"]);
    scene.after(500);
    assert.deepEqual([...scene.state.access.endpoints.keys()], ["e2"], "and is swept");
  });

  test("leaves with the end of its attempt", () => {
    const scene = aScene();
    scene.registers();
    scene.ends("/ann/train/0", "FAILED");
    assert.equal(scene.state.access.endpoints.size, 0);
    assert.equal(scene.state.access.endpointsByName.size, 0);
    assert.equal(nextEndpointDeadline(scene.state), Number.POSITIVE_INFINITY);
  });

  test("is taken over by the retry under the same id", () => {
    const scene = aScene();
    scene.registers();
    scene.letsGo("/ann/train/0", "PENDING");
    const attemptId = scene.runs("/ann/train/0");
    assert.equal(scene.registers({ attemptId }), "new");
    assert.deepEqual(scene.sees(), ["e1"]);
  });

  test("is not taken over by another task while it is seen", () => {
    const scene = aScene();
    const attemptId = scene.runs("/ann/train/1");
    scene.registers();
    assert.equal(scene.registers({ taskId: "/ann/train/1", attemptId }), "ALREADY_EXISTS");
    scene.letsGo("/ann/train/0", "FAILED");
    assert.equal(scene.registers({ taskId: "/ann/train/1", attemptId }), "new");
  });

  test("that is unregistered is gone, and to do it again is harmless", () => {
    const scene = aScene();
    scene.registers();
    const call = {
      principal: ann,
      request: { type: "unregister-endpoint", endpointId: "e1" } as const,
      at: scene.at,
    };
    for (const unregistered of [true, false]) {
      const answer = onUnregisterEndpoint(scene.state, scene, call);
      assert.deepEqual(answer, { result: { endpointId: "e1", unregistered } });
    }
    assert.deepEqual(scene.sees(), []);
  });
});

type Deed = readonly ["run" | "let go" | "end" | "register" | "wait", number, number];

const deeds: fc.Arbitrary<Deed[]> = fc.array(
  fc.tuple(
    fc.constantFrom("run", "let go", "end", "register", "wait"),
    fc.nat({ max: 2 }),
    fc.nat({ max: 3 }),
  ),
  { maxLength: 60 },
);

/** Does what a deed says and keeps its own book: endpoint → attempt and end of its lease. */
function does(
  scene: Scene,
  book: Map<string, { readonly attemptId: string; readonly until: number }>,
  current: Map<string, string>,
  [deed, index, number]: Deed,
): void {
  const taskId = `/ann/train/${index}`;
  const attemptId = current.get(taskId);
  if (deed === "wait") scene.after(number * 700);
  else if (deed === "run") {
    if (attemptId === undefined) current.set(taskId, scene.runs(taskId));
  } else if (deed === "register") {
    const leaseMs = 1_000 * (number + 1);
    const endpointId = `${index}-${number}`;
    const code = scene.registers({ endpointId, taskId, attemptId: attemptId ?? "1.1", leaseMs });
    assert.equal(code === "NOT_FOUND", attemptId === undefined);
    if (attemptId === undefined) return;
    book.set(endpointId, { attemptId, until: scene.at + leaseMs * 1000 });
  } else if (attemptId !== undefined) {
    current.delete(taskId);
    if (deed === "end") scene.ends(taskId, "PENDING");
    else scene.letsGo(taskId, "PENDING");
  }
}

test("whatever happens, exactly the leased endpoints of current attempts are seen", () => {
  fc.assert(
    fc.property(deeds, (list) => {
      const scene = new Scene();
      const book = new Map<string, { readonly attemptId: string; readonly until: number }>();
      const current = new Map<string, string>();
      for (const deed of list) {
        does(scene, book, current, deed);
        const attempts = new Set(current.values());
        const expected = [...book]
          .filter(([, { attemptId, until }]) => attempts.has(attemptId) && scene.at < until)
          .map(([endpointId]) => endpointId);
        assert.deepEqual(scene.sees(), expected.sort());
      }
      scene.check();
    }),
    { numRuns: 300 },
  );
});

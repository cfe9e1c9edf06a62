/**
 * What a controller process can be told.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatAddress, parseControllerOptions, parseListen } from "./options.ts";

describe("the controller's options", () => {
  it("are taken as given when each has its type", () => {
    const advertise = "controller.example:7070";
    const options = { listen: "127.0.0.1:0", advertise, expectWorkers: 2, logLevel: "warn" };
    assert.deepEqual(parseControllerOptions(options), options);
  });

  it("that are null count as absent", () => {
    assert.deepEqual(parseControllerOptions({ dataDir: null }), {});
  });

  const refused: readonly (readonly [unknown, RegExp])[] = [
    [[], /one JSON object/],
    [{ port: 1 }, /port: no such option; known: listen, dataDir/],
    [{ constructor: "x" }, /constructor: no such option/],
    [{ dataDir: "" }, /dataDir: expected a string that is not empty/],
    [{ advertise: "controller.example" }, /advertise: "controller.example" is not host:port/],
    [{ expectWorkers: -1 }, /expectWorkers: expected a whole number/],
    [{ logLevel: "loud" }, /logLevel: "loud" is not a log level; one of trace/],
  ];
  for (const [value, message] of refused) {
    it(`refuse ${JSON.stringify(value)} with an error that names it`, () => {
      assert.throws(() => parseControllerOptions(value), { code: "INVALID_ARGUMENT", message });
    });
  }
});

describe("the address to listen on", () => {
  it("is host:port, with brackets around IPv6", () => {
    assert.deepEqual(parseListen({ listen: "[::1]:80" }), { host: "::1", port: 80 });
    assert.equal(formatAddress({ host: "::1", port: 80 }), "[::1]:80");
  });

  it("may be any with a token and only loopback without one", () => {
    assert.equal(parseListen({ listen: "0.0.0.0:1", token: "t" }).host, "0.0.0.0");
    for (const listen of ["0.0.0.0:1", "10.0.0.1:1", "example.org:1", "[::]:1"]) {
      assert.throws(() => parseListen({ listen }), /can be reached from other machines/);
    }
  });

  it("is refused when it is not host:port", () => {
    for (const listen of ["7070", "localhost", "localhost:70000", ":1"]) {
      assert.throws(() => parseListen({ listen }), /is not host:port/);
    }
  });
});

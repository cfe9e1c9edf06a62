/**
 * Hosts with a network between them, on one machine: each is a network namespace on a link of its
 * own, and a router between them can drop what goes one way. Nothing of the machine's own network
 * changes but one link into the router, by which the test itself can call.
 *
 * @module
 */

import { readdirSync } from "node:fs";
import { attempt, execute, firstObstacle, needPrograms, needRoot } from "./machine.ts";

/** "" if such hosts can be made, else why not. */
export function hostNetworkObstacle(): string {
  const reason = firstObstacle(needRoot(), needPrograms("ip", "nsenter"));
  if (reason !== "") return reason;
  const probe = `capstan-${process.pid}-probe`;
  if (!attempt("ip", "netns", "add", probe)) return "needs network namespaces";
  execute("ip", "netns", "del", probe);
  return "";
}

/** A host by its number; 0 is the machine that the test runs on. */
export type HostNumber = number;

/** Of the block for benchmarks (RFC 2544), so that nobody's network is hidden. */
const block = 198;

export class HostNetwork implements Disposable {
  readonly #stem = `capstan-${process.pid}`;
  readonly #second = 18 + (process.pid & 1);
  readonly #third = (process.pid >> 1) % 240;
  readonly #cuts = new Map<string, number>();

  /** Hosts 1 to `count`. */
  constructor(count: number) {
    removeAbandoned();
    try {
      this.#ip("netns", "add", `${this.#stem}-router`);
      const forward = "echo 1 > /proc/sys/net/ipv4/ip_forward";
      execute("nsenter", `--net=/run/netns/${this.#name(null)}`, "sh", "-c", forward);
      this.#link(0);
      for (let host = 1; host <= count; host++) this.#addHost(host);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** Where a host is reached by the others. */
  addressOf(host: HostNumber): string {
    return this.#address(host, 2);
  }

  /** Put before a program, it runs on that host. */
  prefixOf(host: HostNumber): readonly string[] {
    return ["nsenter", `--net=/run/netns/${this.#name(host)}`];
  }

  /** Drops, without a word, everything that goes from one host to the other. */
  cut(from: HostNumber, to: HostNumber): void {
    const key = `${from}-${to}`;
    if (this.#cuts.has(key)) return;
    const priority = 100 + this.#cuts.size + Math.max(0, ...this.#cuts.values());
    this.#cuts.set(key, priority);
    const rule = ["from", this.addressOf(from), "to", this.addressOf(to)];
    this.#inRouter("rule", "add", ...rule, "priority", String(priority), "blackhole");
  }

  /** Ends every cut. */
  heal(): void {
    for (const priority of this.#cuts.values()) {
      this.#inRouter("rule", "del", "priority", String(priority));
    }
    this.#cuts.clear();
  }

  [Symbol.dispose](): void {
    for (const name of namespaces()) {
      if (name.startsWith(`${this.#stem}-`)) attempt("ip", "netns", "del", name);
    }
  }

  #addHost(host: HostNumber): void {
    this.#ip("netns", "add", this.#name(host));
    this.#link(host);
    this.#ip("-n", this.#name(host), "link", "set", "lo", "up");
  }

  /** One end in the router, one on the host, each host a network of its own. */
  #link(host: HostNumber): void {
    const [near, far] = [`cap${process.pid}r${host}`.slice(-15), `cap${process.pid}h${host}`];
    const namespace = host === 0 ? [] : ["netns", this.#name(host)];
    const router = this.#name(null);
    const peer = ["peer", "name", far, ...namespace];
    this.#ip("link", "add", near, "netns", router, "type", "veth", ...peer);
    this.#inRouter("addr", "add", `${this.#address(host, 1)}/30`, "dev", near);
    this.#inRouter("link", "set", near, "up");
    const onHost = host === 0 ? [] : ["-n", this.#name(host)];
    this.#ip(...onHost, "addr", "add", `${this.addressOf(host)}/30`, "dev", far);
    this.#ip(...onHost, "link", "set", far, "up");
    const others = host === 0 ? `${block}.${this.#second}.${this.#third}.0/24` : "default";
    this.#ip(...onHost, "route", "add", others, "via", this.#address(host, 1));
  }

  #address(host: HostNumber, last: number): string {
    return `${block}.${this.#second}.${this.#third}.${4 * host + last}`;
  }

  #name(host: HostNumber | null): string {
    return `${this.#stem}-${host === null ? "router" : `host${host}`}`;
  }

  #inRouter(...args: readonly string[]): void {
    this.#ip("-n", this.#name(null), ...args);
  }

  #ip(...args: readonly string[]): void {
    execute("ip", ...args);
  }
}

function namespaces(): readonly string[] {
  try {
    return readdirSync("/run/netns");
  } catch {
    return []; // None was ever made.
  }
}

/** What a test that was killed has left. Its links go with its namespaces. */
function removeAbandoned(): void {
  for (const name of namespaces()) {
    const pid = /^capstan-(\d+)-/.exec(name)?.[1];
    if (pid !== undefined && !isProcess(Number(pid))) attempt("ip", "netns", "del", name);
  }
}

function isProcess(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

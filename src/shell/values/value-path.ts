/**
 * Where in a value something stands, as a person would write it: `args[1].model.fn`.
 *
 * @module
 */

const identifier = /^[A-Za-z_$][\w$]*$/;

/** Of the child at `key` of each container, outermost first, under `root`. */
export function pathOf(
  root: string,
  containers: readonly object[],
  keys: readonly (string | number)[],
): string {
  let path = root;
  for (let i = 0; i < containers.length; i++) path += step(containers[i], keys[i]);
  return path;
}

function step(container: object, key: string | number): string {
  if (container instanceof Map) {
    const entry = Math.floor(Number(key) / 2);
    return Number(key) % 2 === 0 ? `.keys()[${entry}]` : `.values()[${entry}]`;
  }
  if (container instanceof Set) return `.values()[${key}]`;
  if (typeof key === "number") return `[${key}]`;
  return identifier.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

/** What a value is that cannot travel, for the end of `… is`. */
export function describeForeign(value: unknown): string {
  if (typeof value === "function") {
    return value.name === "" ? "a function" : `the function ${value.name}`;
  }
  if (typeof value === "symbol") return "a symbol";
  const name = constructorName(Object(value));
  if (name === "Promise") return "a Promise (await it first)";
  return name === "" ? "an object of a class" : `an instance of ${name}`;
}

function constructorName(value: object): string {
  const made: unknown = Reflect.get(Object.getPrototypeOf(value) ?? {}, "constructor");
  return typeof made === "function" ? made.name : "";
}

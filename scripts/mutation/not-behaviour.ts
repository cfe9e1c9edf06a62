/**
 * Code that mutants leave alone, because no behaviour of a right program depends on it:
 *
 * - an assertion is itself a check that never fails in a right program, so weakening it changes
 *   nothing that a test of right behaviour could see;
 * - `default: return assertNever(…)` is never reached: the compiler has proved that.
 *
 * String literals are left alone by StrykerJS's own option (see `../mutation.ts`).
 *
 * @module
 */

import type { Ignorer } from "@stryker-mutator/api/ignore";

/** What is needed here of Babel's nodes. */
interface SyntaxNode {
  readonly type: string;
  readonly name?: string;
  readonly callee?: SyntaxNode;
  readonly test?: SyntaxNode | null;
  readonly consequent?: readonly SyntaxNode[];
  readonly argument?: SyntaxNode | null;
  readonly expression?: SyntaxNode;
}

export const notBehaviour: Ignorer = {
  shouldIgnore(path) {
    const { node } = path as { readonly node: SyntaxNode };
    if (isCallOf("assert", node) || isCallOf("assert", node.expression)) return "an assertion";
    if (isUnreachableDefault(node)) return "unreachable: the compiler has proved it";
    return undefined;
  },
};

function isCallOf(name: string, node: SyntaxNode | null | undefined): boolean {
  return node?.type === "CallExpression" && node.callee?.name === name;
}

function isUnreachableDefault(node: SyntaxNode): boolean {
  if (node.type !== "SwitchCase" || node.test !== null) return false;
  const [only] = node.consequent ?? [];
  return isCallOf("assertNever", only?.argument ?? only?.expression);
}

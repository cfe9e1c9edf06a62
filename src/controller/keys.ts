/**
 * Explicit keys are unique per user.
 *
 * @module
 */

/** The name of a key among all users' keys. */
export function keyInUserSpace(user: string, key: string): string {
  return `${user}\n${key}`;
}

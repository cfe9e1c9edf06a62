/**
 * Which errors of the operating system say that the machine has nothing left, for now. They are no
 * fault of the command that met them, and another try later or elsewhere may go well.
 *
 * @module
 */

const shortages: ReadonlySet<string> = new Set(["EAGAIN", "EMFILE", "ENFILE", "ENOMEM", "ENOSPC"]);

/** True of an error that was thrown for want of descriptors, processes, memory or disk. */
export function isShortage(error: unknown): boolean {
  return error instanceof Error && "code" in error && shortages.has(String(error.code));
}

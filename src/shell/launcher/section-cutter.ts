/**
 * Cuts one stream of a process that runs several attempts, one after the other, where the process
 * says whose output follows. A mark may come in any pieces; what only looks like the beginning of
 * one is passed on as soon as that is known.
 *
 * @module
 */

/** A part of a stream: output, or the attempt whose output follows; "" is the process itself. */
export type StreamPart =
  | { readonly type: "output"; readonly bytes: Buffer }
  | { readonly type: "section"; readonly attemptId: string };

const newline = 10;
const attemptName = /^(?:\d{1,16}\.\d{1,16})?$/;
const nameBytesMax = 34;

/** What a process writes to each of its streams when the output of another attempt begins. */
export function sectionMark(mark: string, attemptId: string): Buffer {
  return Buffer.from(`\0${mark}:${attemptId}\n`, "latin1");
}

export class SectionCutter {
  readonly #mark: Buffer;
  /** The end of what came, as long as it may be the beginning of a mark. */
  #held: Buffer = Buffer.alloc(0);

  constructor(mark: string) {
    this.#mark = Buffer.from(`\0${mark}:`, "latin1");
  }

  /** The parts that `chunk` completes, in order. */
  push(chunk: Buffer): readonly StreamPart[] {
    const parts: StreamPart[] = [];
    let rest = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    this.#held = Buffer.alloc(0);
    for (let at = rest.indexOf(this.#mark); at !== -1; at = rest.indexOf(this.#mark)) {
      const name = rest.subarray(at + this.#mark.length);
      const end = name.subarray(0, nameBytesMax).indexOf(newline);
      if (end === -1 && name.length < nameBytesMax) {
        addOutput(parts, rest.subarray(0, at));
        this.#held = Buffer.from(rest.subarray(at));
        return parts;
      }
      const attemptId = name.toString("latin1", 0, Math.max(0, end));
      const isSection = end !== -1 && attemptName.test(attemptId);
      const length = this.#mark.length + (isSection ? end + 1 : 0);
      addOutput(parts, rest.subarray(0, isSection ? at : at + length));
      if (isSection) parts.push({ type: "section", attemptId });
      rest = rest.subarray(at + length);
    }
    const kept = this.#lengthOfBeginning(rest);
    addOutput(parts, rest.subarray(0, rest.length - kept));
    this.#held = Buffer.from(rest.subarray(rest.length - kept));
    return parts;
  }

  /** What was held back, at the end of the stream. */
  end(): Buffer {
    const held = this.#held;
    this.#held = Buffer.alloc(0);
    return held;
  }

  /** How many of the last bytes are the beginning of a mark. */
  #lengthOfBeginning(bytes: Buffer): number {
    const tail = bytes.subarray(-(this.#mark.length - 1));
    for (let at = tail.indexOf(0); at !== -1; at = tail.indexOf(0, at + 1)) {
      const candidate = tail.subarray(at);
      if (this.#mark.subarray(0, candidate.length).equals(candidate)) return candidate.length;
    }
    return 0;
  }
}

function addOutput(parts: StreamPart[], bytes: Buffer): void {
  if (bytes.length > 0) parts.push({ type: "output", bytes });
}

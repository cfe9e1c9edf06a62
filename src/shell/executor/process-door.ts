/**
 * The socket at which the processes that run functions come to their worker.
 *
 * @module
 */

import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { CapstanError } from "../../model/errors.ts";
import { allocateValue } from "../store/value-store.ts";
import { processHelloMs } from "./limits.ts";
import { FrameReader } from "./process-frames.ts";
import { type FromProcess, parseFromProcess } from "./process-messages.ts";

/** The kernel's limit for the path of a unix socket, without its final NUL. */
const socketPathBytesMax = 107;

/** Who hears what comes over one connection. */
export interface DoorVisitor {
  message(message: FromProcess): void;
  /** Nothing more comes. */
  closed(error: CapstanError | null): void;
}

export class ProcessDoor {
  readonly path: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #isTemporary: boolean;

  /**
   * Opens the door in `directory`, or elsewhere if that has too long a name. `admit` gets the key
   * that somebody has said: null for a stranger.
   */
  static async open(
    directory: string,
    admit: (key: string, socket: Socket) => DoorVisitor | null,
  ): Promise<ProcessDoor> {
    const near = join(directory, "functions.socket");
    const isTemporary = Buffer.byteLength(near) > socketPathBytesMax;
    const path = isTemporary ? join(mkdtempSync(join(tmpdir(), "capstan-")), "door") : near;
    rmSync(path, { force: true }); // Of an agent that was killed.
    const server = createServer();
    const door = new ProcessDoor(path, server, isTemporary);
    server.on("connection", (socket) => door.#serve(socket, admit));
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(path, resolve);
    });
    chmodSync(path, 0o600);
    return door;
  }

  private constructor(path: string, server: Server, isTemporary: boolean) {
    this.path = path;
    this.#server = server;
    this.#isTemporary = isTemporary;
  }

  /** Nobody comes any more, and who is here goes. */
  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    const path = this.#isTemporary ? dirname(this.path) : this.path;
    rmSync(path, { recursive: true, force: true });
  }

  #serve(socket: Socket, admit: (key: string, socket: Socket) => DoorVisitor | null): void {
    let visitor: DoorVisitor | null = null;
    let failure: CapstanError | null = null;
    const reader = new FrameReader({
      allocate: allocateValue,
      onFrame: (frame) => {
        const message = parseFromProcess(frame);
        if (visitor !== null) return visitor.message(message);
        visitor = message.type === "hello" ? admit(message.key, socket) : null;
        if (visitor === null) throw new CapstanError("UNAUTHENTICATED", "no process of ours");
        clearTimeout(hello);
      },
    });
    const hello = setTimeout(() => socket.destroy(), processHelloMs);
    this.#sockets.add(socket);
    socket.on("error", () => undefined); // "close" follows.
    socket.on("data", (chunk: Buffer) => {
      try {
        reader.push(chunk);
      } catch (error) {
        if (!(error instanceof CapstanError)) throw error;
        failure = error;
        socket.destroy();
      }
    });
    socket.on("close", () => {
      clearTimeout(hello);
      this.#sockets.delete(socket);
      visitor?.closed(failure);
    });
  }
}

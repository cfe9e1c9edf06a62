/**
 * Where a thread is: its stack, taken from outside, also while it is in a loop that never ends.
 *
 * The inspector stops the thread at its next statement, reads the stack and lets it go on: a few
 * milliseconds. A thread that comes to no statement either waits in its event loop, and then says
 * for what, or is in a call that is no JavaScript.
 *
 * @module
 */

import { Session } from "node:inspector";
import type { StackFrame } from "../data-plane/stack-route.ts";
import { stackFramesMax, stackPauseMs, stackTextCharactersMax } from "./limits.ts";

/** Where a thread is. */
export type ThreadStack =
  | { readonly type: "in-javascript"; readonly frames: readonly StackFrame[] }
  /** No JavaScript runs: its event loop waits for these. */
  | { readonly type: "waiting"; readonly waitsFor: readonly string[] }
  /** It came to no statement: a call of the runtime or of native code lasts. */
  | { readonly type: "in-native-code" }
  /** The thread was gone before it could be asked. */
  | { readonly type: "gone" };

/** What the inspector of a thread says. */
interface ThreadMessage {
  readonly id?: number;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: unknown;
}

interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  readonly location: { readonly lineNumber: number; readonly columnNumber: number };
}

/** Looks at the thread of this name, which is of this process. Never rejects. */
export async function readThreadStack(threadName: string): Promise<ThreadStack> {
  const session = new Session();
  session.connect();
  try {
    const sessionId = await attach(session, threadName);
    return sessionId === null ? { type: "gone" } : await look(new Thread(session, sessionId));
  } finally {
    session.disconnect();
  }
}

/** The inspector's id of the thread, or null if there is no such thread. */
function attach(session: Session, threadName: string): Promise<string | null> {
  return new Promise((resolve) => {
    session.on("NodeWorker.attachedToWorker", ({ params }) => {
      if (params.workerInfo.title.includes(threadName)) resolve(params.sessionId);
    });
    const settled = () => setImmediate(() => resolve(null));
    session.post("NodeWorker.enable", { waitForDebuggerOnStart: false }, settled);
  });
}

async function look(thread: Thread): Promise<ThreadStack> {
  thread.send("Debugger.enable");
  thread.send("Debugger.pause");
  const paused = await thread.until(({ method }) => method === "Debugger.paused");
  if (paused !== null) {
    const { callFrames } = paused.params as { readonly callFrames: readonly CallFrame[] };
    thread.send("Debugger.resume");
    thread.send("Debugger.disable");
    return { type: "in-javascript", frames: callFrames.slice(0, stackFramesMax).map(frameOf) };
  }
  thread.send("Debugger.disable"); // Or it would stop whenever it comes to a statement.
  const id = thread.send("Runtime.evaluate", {
    expression: "process.getActiveResourcesInfo().join()",
    disableBreaks: true,
    returnByValue: true,
  });
  const answer = await thread.until((message) => message.id === id);
  return answer === null ? { type: "in-native-code" } : waitingFor(answer);
}

function waitingFor({ result }: ThreadMessage): ThreadStack {
  const { value } = (result as { readonly result: { readonly value?: unknown } }).result;
  const names = typeof value === "string" && value !== "" ? value.split(",") : [];
  // How the thread hears of its next task is no news.
  const waitsFor = [...new Set(names)].filter((name) => name !== "MessagePort");
  return { type: "waiting", waitsFor };
}

/** One thread's inspector. */
class Thread {
  readonly #session: Session;
  readonly #sessionId: string;
  readonly #messages: ThreadMessage[] = [];
  #lastId = 0;
  #hear: () => void = () => {};

  constructor(session: Session, sessionId: string) {
    this.#session = session;
    this.#sessionId = sessionId;
    session.on("NodeWorker.receivedMessageFromWorker", ({ params }) => {
      if (params.sessionId !== sessionId) return;
      this.#messages.push(JSON.parse(params.message) as ThreadMessage);
      this.#hear();
    });
  }

  /** The number of what was sent, which its answer has too. */
  send(method: string, params: { readonly [name: string]: unknown } = {}): number {
    const id = ++this.#lastId;
    const message = JSON.stringify({ id, method, params });
    const sessionId = this.#sessionId;
    this.#session.post("NodeWorker.sendMessageToWorker", { sessionId, message });
    return id;
  }

  /** The first such message that comes within `stackPauseMs`, or null. */
  until(isIt: (message: ThreadMessage) => boolean): Promise<ThreadMessage | null> {
    return new Promise((resolve) => {
      const settle = (found: ThreadMessage | null) => {
        clearTimeout(timer);
        this.#hear = () => {};
        resolve(found);
      };
      const timer = setTimeout(() => settle(null), stackPauseMs);
      this.#hear = () => {
        for (let next = this.#messages.shift(); next !== undefined; next = this.#messages.shift()) {
          if (isIt(next)) return settle(next);
        }
      };
      this.#hear();
    });
  }
}

function frameOf({ functionName, url, location }: CallFrame): StackFrame {
  return {
    function: functionName.slice(0, stackTextCharactersMax),
    file: url.slice(0, stackTextCharactersMax),
    line: location.lineNumber + 1,
    column: location.columnNumber + 1,
  };
}

// The messages of the host to one CPU, in the order they were sent. Notices are taken in as they are
// met; a CPU that runs tasks looks for them without leaving the loop, and leaves requests where they are.
//
// Children may outlive their job: what came with it is kept until KEPT later jobs have ended.

import { receiveMessageOnPort, type MessagePort } from "node:worker_threads";
import type { Notice, Request } from "./messages.ts";

/** Jobs that have ended whose data is kept for children that start late. */
const KEPT = 256;

/** What a CPU has been told. */
export class Mailbox {
  readonly #port: MessagePort;
  readonly #requests: Request[] = [];
  readonly #shared = new Map<number, unknown>();
  /** Jobs that have ended, the oldest first. */
  readonly #ended: number[] = [];

  constructor(port: MessagePort) {
    this.#port = port;
  }

  /** The next request that has arrived, or undefined. */
  next(): Request | undefined {
    this.#receive();
    return this.#requests.shift();
  }

  /** What the host gave with a job; undefined when it gave nothing. */
  sharedOf(job: number): unknown {
    if (!this.#shared.has(job)) this.#receive();
    return this.#shared.get(job);
  }

  #receive(): void {
    for (;;) {
      const received = receiveMessageOnPort(this.#port) as
        { message: Request | Notice } | undefined;
      if (received === undefined) return;
      const { message } = received;
      if (message.type === "shared") this.#shared.set(message.job, message.shared);
      else if (message.type === "ended") this.#end(message.job);
      else this.#requests.push(message);
    }
  }

  #end(job: number): void {
    if (this.#ended.push(job) > KEPT) this.#shared.delete(this.#ended.shift() as number);
  }
}

// The messages of the host to one CPU, in the order they were sent. Notices are taken in as they are
// met; a CPU that runs tasks looks for them without leaving the loop, and leaves requests where they are.

import { receiveMessageOnPort, type MessagePort } from "node:worker_threads";
import type { Notice, Request } from "./messages.ts";

/** What a CPU has been told. */
export class Mailbox {
  readonly #port: MessagePort;
  readonly #requests: Request[] = [];
  readonly #shared = new Map<number, unknown>();

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
      else if (message.type === "forget") this.#shared.delete(message.job);
      else this.#requests.push(message);
    }
  }
}

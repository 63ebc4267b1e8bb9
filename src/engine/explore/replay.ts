// The host code of one CPU, suspended and resumed by replay (durable execution): each kernel call
// and each access to the machine's memory is written down with its result. A CPU that is suspended
// leaves its host frames by an exception; to resume it, the host code runs again from its start,
// is given what it had learnt, and does again the one operation in which it was suspended.
//
//   new ──> performed, written down      replayed ──> answered from the log
//   section ended ──> what it did is forgotten, its result is written down instead
//   suspended inside ──> SUSPEND thrown; every further operation on the way out throws it again
//
// Host code that does something else the second time than the first is found out and named. Each
// handler that an exception passes costs as much as the exception: on the way out of a suspended CPU
// there is one for each section, and one at the end.
//
// The kernel calls host code too (notifier clients). A CPU that is suspended in there leaves that code by the
// exception, then the kernel's frames below it by unwinding, then the host code that had called the kernel
// by the exception; and comes back the same way. Operations of such code follow the kernel call in
// the log while it is under way, and are forgotten when it has returned.

import { ProgramExit } from "../../machine/task.ts";
import { hostSite } from "./host-sites.ts";
import { Asyncify, type Runtime, type RuntimeCalls, type Status } from "./runtime.ts";

/** Leaves the host frames of a CPU that is suspended. No error: nobody but the explorer sees it. */
const SUSPEND = { leaves: "the host frames of a suspended CPU" };

/** An argument of an operation, or its result. */
type Value = unknown;

/** Host code broke the rules of replay. */
export class ReplayError extends Error {
  override readonly name = "ReplayError";
}

/** One operation of host code. */
class Operation {
  name = "";
  a: Value = undefined;
  b: Value = undefined;
  c: Value = undefined;
  d: Value = undefined;
  e: Value = undefined;
  result: Value = undefined;
  /** It is a section, and this is how it ended. */
  ending: "returned" | "thrown" | undefined;

  set(name: string, a: Value, b: Value, c: Value, d: Value, e: Value): void {
    this.name = name;
    this.a = a;
    this.b = b;
    this.c = c;
    this.d = d;
    this.e = e;
    this.ending = undefined;
  }

  is(name: string, a: Value, b: Value, c: Value, d: Value, e: Value): boolean {
    return (
      this.name === name &&
      this.a === a &&
      this.b === b &&
      this.c === c &&
      this.d === d &&
      this.e === e
    );
  }

  get text(): string {
    return textOf(this.name, [this.a, this.b, this.c, this.d, this.e]);
  }
}

/** What is told of the sections of a CPU. */
export interface SectionListener {
  /** One begins, or host code that runs again has come to it. */
  begin(name: string, args: readonly Value[]): void;
  /** It has not ended: its CPU is suspended. */
  leave(): void;
  /** It has ended, for good. */
  end(ending: "returned" | "thrown", result: unknown): void;
}

/** An argument as it is compared: what an object holds. */
const keyOf = (arg: Value): Value => (typeof arg === "object" ? JSON.stringify(arg) : arg);

const textOf = (name: string, args: readonly Value[]): string =>
  `${name}(${args
    .filter((arg) => arg !== undefined)
    .map(String)
    .join(", ")})`;

/** Where host code stands, from the stack: the innermost frames that are not the explorer's. */
function whereOf(error: Error): string {
  const frames = (error.stack ?? "").split("\n").slice(1);
  const host = frames.filter(
    (line) => !/(src|dist)[/\\]engine[/\\]explore[/\\]|<anonymous>|node:/.test(line),
  );
  return host
    .slice(0, 3)
    .map((line) => line.trim())
    .join(" ");
}

/** See the head of the file. */
export class Replay {
  readonly #calls: RuntimeCalls;
  readonly #status: Status;
  readonly #asyncify: Runtime["asyncify"];
  readonly #cpu: number;
  /** The first #length are those of this execution; objects are used again in the next. */
  readonly #log: Operation[] = [];
  #length = 0;
  /** Positions of the kernel calls in which host code is under way, the outermost first. */
  readonly #open: number[] = [];
  /** How many of them this run has come to. */
  #depth = 0;
  #position = 0;
  /** The operation at the end of the log was begun, and is to be resumed. */
  #isResuming = false;
  /** The CPU was suspended, or has trapped: host code is on its way out. */
  #isLeaving = false;
  /** No program runs: setup, or a check. */
  #isOutside = true;
  #trap: Error | undefined;
  /** Site of the accesses of host code, in the place that meta has for it. */
  #site = hostSite() << 8;

  constructor(runtime: Pick<Runtime, "calls" | "status" | "asyncify">, cpu: number) {
    const { calls, status, asyncify } = runtime;
    this.#asyncify = asyncify;
    this.#calls = calls;
    this.#status = status;
    this.#cpu = cpu;
  }

  /** Before an execution. */
  begin(): void {
    this.#length = this.#open.length = 0;
    this.#isResuming = this.#isLeaving = false;
    this.#isOutside = true;
    this.#trap = undefined;
  }

  /**
   * Runs host code from its start: a program, which may leave by exit(), and what comes after it.
   * Returns when it has ended or was suspended. Throws what it threw, the trap of a kernel call, or
   * ReplayError.
   */
  run(program: () => void, afterwards: () => void): void {
    this.#position = this.#depth = 0;
    this.#isOutside = false;
    this.#isLeaving = false;
    this.#isResuming = this.#status.isSuspended(this.#cpu);
    const hasEnded = this.#hasEnded(program) && this.#hasEnded(afterwards);
    this.#isOutside = true;
    if (!hasEnded) return;
    if (this.#isResuming || this.#position < this.#length) {
      const missing = this.#log[this.#position] as Operation;
      throw this.#breach(`ended before it did ${missing.text}, as it had done before`, new Error());
    }
  }

  /** Runs a part of host code; false when its CPU was suspended. */
  #hasEnded(part: () => void): boolean {
    try {
      part();
    } catch (error) {
      if (this.#trap === undefined) {
        if (error === SUSPEND) return false;
        if (error instanceof ProgramExit && !this.#isLeaving) return true;
      }
      const wasSwallowed = this.#isLeaving && !(error instanceof ReplayError);
      this.#isOutside = true;
      throw this.#trap ?? (wasSwallowed ? this.#swallowed(error) : error);
    }
    if (this.#trap !== undefined || this.#isLeaving) this.#isOutside = true;
    this.#returned();
    return true;
  }

  /** Host code of others has returned: it must not have stopped a suspension or a trap. */
  #returned(): void {
    if (this.#trap !== undefined) throw this.#trap;
    if (this.#isLeaving) throw this.#swallowed(undefined);
  }

  /**
   * Host code that is one operation as soon as it has ended, so that it is not run again: a syscall
   * of a program.
   * @param listener is told that it begins and how it ends
   */
  section(
    name: string,
    args: readonly Value[],
    body: () => unknown,
    listener?: SectionListener,
  ): unknown {
    const [a, b, c, d, e] = args.map(keyOf);
    const start = this.#position;
    if (!this.#isOutside && start < this.#length && this.#log[start]?.ending !== undefined) {
      const known = this.#recall(name, a, b, c, d, e) as Operation;
      if (known.ending === "thrown") throw known.result as Error;
      return known.result;
    }
    let ending: "returned" | "thrown" = "returned";
    let result: unknown;
    const outer = this.#site;
    this.#site = hostSite(name) << 8;
    listener?.begin(name, args);
    try {
      result = body();
    } catch (error) {
      if (this.#isLeavingBy(error)) {
        this.#site = outer;
        listener?.leave();
        throw error;
      }
      ending = "thrown";
      result = error;
    }
    this.#site = outer;
    if (!this.#isOutside) {
      this.#returned();
      if (this.#position < this.#length || this.#isResuming) throw this.#breachAt(name, args);
      const operation = (this.#log[start] ??= new Operation());
      operation.set(name, a, b, c, d, e);
      operation.result = result;
      operation.ending = ending;
      this.#length = this.#position = start + 1;
    }
    listener?.end(ending, result);
    if (ending === "thrown") throw result as Error;
    return result;
  }

  #isLeavingBy(error: unknown): boolean {
    return (this.#isLeaving && !this.#isOutside) || error instanceof ReplayError;
  }

  /** A kernel call. */
  call(
    name: string,
    f: (...args: never[]) => unknown,
    a: Value,
    b: Value,
    c: Value,
    d: Value,
    e: Value,
  ): unknown {
    const known = this.#recall(name, a, b, c, d, e);
    if (known !== undefined) return known.result;
    let result: unknown;
    try {
      result = f(a as never, b as never, c as never, d as never, e as never);
    } catch (error) {
      throw this.#trapped(error);
    }
    return this.#conclude(result);
  }

  /** Host code that the kernel calls: in the middle of a call of its CPU, or outside of programs. */
  callback<T>(body: () => T): T {
    if (this.#isOutside) return body();
    const call = this.#position;
    if (this.#asyncify.value === Asyncify.rewinding) {
      this.#asyncify.value = Asyncify.normal;
    } else {
      this.#open[this.#depth] = call;
      this.#length = call + 1;
    }
    this.#depth++;
    this.#position = call + 1;
    let result: T;
    try {
      result = body();
    } catch (error) {
      if (error !== SUSPEND || this.#trap !== undefined) throw error;
      // Back to the kernel, whose frames follow. What it is given in place of a result, it does not look at.
      this.#depth--;
      this.#position = call;
      this.#asyncify.value = Asyncify.unwinding;
      return undefined as T;
    }
    this.#returned();
    if (this.#position < this.#length || this.#isResuming) throw this.#breachAt("a notifier", []);
    this.#open.length = --this.#depth;
    this.#position = this.#length = call;
    return result;
  }

  /** A trap: host code is on its way out. */
  #trapped(error: unknown): unknown {
    this.#trap = error as Error;
    this.#isLeaving = true;
    return error;
  }

  /** Asks the runtime before an access to a view. */
  #announce(meta: number, address: number): void {
    try {
      this.#calls.point(meta, address);
    } catch (error) {
      throw this.#trapped(error);
    }
  }

  /** A read of element `key` of a view of 2^log2 bytes each; `meta`: kind and size. */
  read(name: string, key: string, meta: number, log2: number, view: ArrayLike<number>): unknown {
    const known = this.#recall(name, key, undefined, undefined, undefined, undefined);
    if (known !== undefined) return known.result;
    const index = Number(key);
    this.#announce(meta | this.#site, index << log2);
    return this.#conclude(view[index]);
  }

  /** A write to an element of a view. */
  write(
    name: string,
    key: string,
    value: number,
    meta: number,
    log2: number,
    view: Record<number, number>,
  ): void {
    if (this.#recall(name, key, value, undefined, undefined, undefined) !== undefined) return;
    const index = Number(key);
    this.#announce(meta | this.#site, index << log2);
    this.#conclude(undefined);
    view[index] = value;
  }

  /** The operation as it is on record, or undefined: it must be performed now. */
  #recall(name: string, a: Value, b: Value, c: Value, d: Value, e: Value): Operation | undefined {
    if (this.#isOutside) return undefined;
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- it only leaves frames
    if (this.#isLeaving) throw SUSPEND;
    const position = this.#position;
    const operation = (this.#log[position] ??= new Operation());
    const isOpen = position === this.#open[this.#depth];
    const isKnown = position < this.#length && !isOpen;
    if (!isKnown && !this.#isResuming) {
      operation.set(name, a, b, c, d, e);
      return undefined;
    }
    if (!operation.is(name, a, b, c, d, e)) {
      const now = textOf(name, [a, b, c, d, e]);
      throw this.#breach(`did ${now} where it had done ${operation.text} before`, new Error());
    }
    if (isKnown) {
      this.#position++;
      return operation;
    }
    // Of a call in which host code is under way, that code has the operation in which the CPU was suspended.
    if (!isOpen) this.#isResuming = false;
    this.#calls.rewind();
    return undefined;
  }

  /** After an operation was tried: leaves if the CPU was suspended in it. */
  #conclude(result: unknown): unknown {
    if (this.#isOutside) return result;
    if (this.#calls.is_unwinding() !== 0) {
      this.#calls.unwound();
      this.#isLeaving = true;
      // eslint-disable-next-line @typescript-eslint/only-throw-error -- it only leaves frames
      throw SUSPEND;
    }
    (this.#log[this.#position] as Operation).result = result;
    this.#length = ++this.#position;
    return result;
  }

  #breachAt(name: string, args: readonly Value[]): ReplayError {
    const missing = this.#log[this.#position] as Operation;
    const did = textOf(name, args.map(keyOf));
    return this.#breach(
      `ended ${did} before it did ${missing.text}, as it had done before`,
      new Error(),
    );
  }

  #breach(what: string, error: Error): ReplayError {
    const rule =
      "it may ask nobody but its task and kernel calls: no clock, no random numbers, no variable outside";
    const where = whereOf(error);
    return new ReplayError(
      `host code on CPU ${this.#cpu}, run again, ${what}: ${rule} (${where === "" ? "at its end" : where})`,
    );
  }

  #swallowed(error: unknown): ReplayError {
    const last = this.#log[this.#position];
    const where = error instanceof Error ? ` (${whereOf(error)})` : "";
    return new ReplayError(
      `host code on CPU ${this.#cpu} caught an exception that it does not know, in ${last?.text ?? "the kernel"}: ` +
        `it may catch its own errors only${where}`,
    );
  }
}

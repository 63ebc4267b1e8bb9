// Syscalls and accesses of programs, from their begin to their end: who was at it at the same time. An
// operation in flight may or may not have happened yet; one that has ended has.
//
// Time is counted in begins, stores and ends: no two of them coincide, since one CPU runs at a time.

import type { AddressSpace } from "./space.ts";

/** A range of addresses. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** What an operation does with its range. */
export type Sort =
  /** Reads it. */
  | "load"
  /** Writes it, and may replace its pages. */
  | "write"
  /** Leaves what is stored there, but may change how it is mapped: mprotect, fork. */
  | "keep"
  /** Takes its pages away: munmap, madvise. */
  | "drop"
  /** Maps something else there: mmap, mremap, brk. */
  | "change";

/** One syscall or access. */
export class Operation {
  readonly space: AddressSpace;
  readonly cpu: number;
  readonly name: string;
  readonly sort: Sort;
  ranges: readonly Range[];
  readonly begun: number;
  /** Infinity while it is in flight. */
  ended = Infinity;
  /** Number of the event after which it ended. */
  event = -1;
  /** Another one changed the layout of the same range meanwhile: what is left nobody can say. */
  isRivalled = false;

  constructor(what: Pick<Operation, "space" | "cpu" | "name" | "sort" | "ranges">, begun: number) {
    this.space = what.space;
    this.cpu = what.cpu;
    this.name = what.name;
    this.sort = what.sort;
    this.ranges = what.ranges;
    this.begun = begun;
  }

  /** It changes what is mapped. */
  get isLayout(): boolean {
    return this.sort === "drop" || this.sort === "change";
  }

  /** True when it concerns a byte of [start, end). */
  touches(start: number, end: number): boolean {
    return this.ranges.some((range) => range.start < end && start < range.end);
  }
}

/** Those of one execution. */
export class Operations {
  /** The clock. */
  now = 0;
  inFlight: Operation[] = [];
  ended: Operation[] = [];

  /** Before an execution. */
  clear(): void {
    this.inFlight = [];
    this.ended = [];
  }

  begin(what: Pick<Operation, "space" | "cpu" | "name" | "sort" | "ranges">): Operation {
    const operation = new Operation(what, ++this.now);
    this.inFlight.push(operation);
    if (operation.isLayout) this.meet(operation);
    return operation;
  }

  /** Notes which others change the layout of the same ranges at the same time. */
  meet(operation: Operation): void {
    for (const other of this.during(operation)) {
      if (!other.isLayout) continue;
      if (!operation.ranges.some(({ start, end }) => other.touches(start, end))) continue;
      other.isRivalled = operation.isRivalled = true;
    }
  }

  end(operation: Operation, event: number): void {
    operation.ended = ++this.now;
    operation.event = event;
    this.inFlight = this.inFlight.filter((other) => other !== operation);
    if (operation.sort !== "load") this.ended.push(operation);
  }

  /** Others of the same address space that were in flight at some moment since `operation` began. */
  during(operation: Operation): Operation[] {
    const { space, begun } = operation;
    const isOther = (other: Operation): boolean => other.space === space && other !== operation;
    return [
      ...this.inFlight.filter(isOther),
      ...this.ended.filter((other) => isOther(other) && other.ended > begun),
    ];
  }

  /** Others in flight that concern a byte of [start, end). */
  over(space: AddressSpace, start: number, end: number, but: Operation): Operation[] {
    if (this.inFlight.length === 1) return [];
    return this.inFlight.filter(
      (other) => other !== but && other.space === space && other.touches(start, end),
    );
  }
}

// What every load must return: a log of all stores, kept as what each byte may hold now. The engine is
// sequentially consistent and a load or store is one event, told as soon as it has happened; so the
// last store is known exactly, and a byte may hold more than one value only where a longer operation
// that is in flight may or may not have reached it, or where fork copied it meanwhile. A load that has
// seen one of them settles it.
//
// Where two threads change the layout of the same range at once, nothing is claimed of it afterwards.
// races.md calls what this finds O3, O4 and O5.

import { Journal } from "./journal.ts";
import { Operations, type Operation } from "./operations.ts";
import { AddressSpace, PAGE_BYTES, pageOf, type Cell, type Cells, type Region } from "./space.ts";

type Values = readonly number[] | undefined;

/** Where a byte of an address is kept. */
interface Place {
  readonly cells: Cells;
  readonly key: number;
  /** What it holds as long as nobody has stored there. */
  readonly background: number | undefined;
}

/** Who stores: CPU, and number of the event. */
export interface Who {
  readonly cpu: number;
  readonly event: number;
}

/** A byte that a touch or a copy is to write: a value, or what it reads from an address. */
export interface Write {
  readonly address: number;
  readonly value?: number;
  readonly from?: number;
}

/** Why a load or a store is wrong. */
export interface Mismatch {
  /** Nothing is mapped there. */
  readonly isUnmapped: boolean;
  /** What each byte of it may hold. */
  readonly allowed: readonly Values[];
  /** The store that counts. */
  readonly last: Cell | undefined;
}

const UNMAPPED: Mismatch = { isUnmapped: true, allowed: [], last: undefined };

const union = (a: Values, b: Values): Values =>
  a === undefined || b === undefined ? undefined : [...new Set([...a, ...b])];

/** A byte that a copy or a touch writes. */
interface Held {
  readonly place: Place;
  /** As it is while nobody else stores there. */
  readonly cell: Cell;
  /** What is written; a copy has the byte that it reads. */
  readonly value: number | undefined;
  readonly source: { readonly place: Place; readonly cell: Cell | undefined } | undefined;
}

/** See the head of the file. */
export class UserModel {
  readonly journal = new Journal();
  readonly operations: Operations;
  readonly #held = new Map<Operation, readonly Held[]>();
  /** What bytes have held since a fork began. */
  readonly #since = new Map<Operation, Map<number, Values>>();

  constructor(operations: Operations = new Operations()) {
    this.operations = operations;
  }

  newSpace(): AddressSpace {
    return new AddressSpace(this.journal);
  }

  /** All that has happened is what executions begin with. */
  commit(): void {
    this.journal.commit();
    this.#forgetOperations();
  }

  /** Before an execution. */
  reset(): void {
    this.journal.rollback();
    this.#forgetOperations();
  }

  #forgetOperations(): void {
    this.operations.clear();
    this.#held.clear();
    this.#since.clear();
  }

  /** `bytes` have just been loaded. */
  load(operation: Operation, address: number, bytes: readonly number[]): Mismatch | undefined {
    const { space } = operation;
    const others = this.operations.over(
      space,
      pageOf(address),
      pageOf(address) + PAGE_BYTES,
      operation,
    );
    if (others.some(({ sort }) => sort === "change")) return undefined;
    const region = space.find(address);
    if (region === undefined) return this.#layoutInFlight(space) ? undefined : UNMAPPED;
    if (region.object === "unknown") return undefined;
    const isDropping = others.some(({ name }) => name === "madviseDontneed") && !region.shared;
    const isCopying = others.length > 0 && region.object !== undefined && !region.shared;
    const places = bytes.map((_, i) => placeOf(space, region, address + i));
    const allowed = places.map((place) => {
      if (isCopying && place.cells !== space.cells) return undefined;
      return union(valuesAt(place), isDropping ? [place.background ?? -1] : []);
    });
    const bad = allowed.findIndex((values, i) => values?.includes(bytes[i] as number) === false);
    if (bad >= 0) {
      const { cells, key } = places[bad] as Place;
      return { isUnmapped: false, allowed, last: cells.get(key) };
    }
    places.forEach((place, i) => {
      this.#settle(space, place, bytes[i] as number);
    });
    return undefined;
  }

  /** A byte has been seen. */
  #settle(space: AddressSpace, place: Place, value: number): void {
    const cell = place.cells.get(place.key);
    if (cell === undefined ? place.background === value : cell.held > 0) return;
    if (cell?.values?.length === 1 && cell.values[0] === value) return;
    const { time, cpu, event } = cell ?? { time: 0, cpu: -1, event: -1 };
    this.#put(space, place, { values: [value], held: 0, time, cpu, event });
  }

  /** `bytes` have just been stored. */
  store(
    operation: Operation,
    address: number,
    bytes: readonly number[],
    who: Who,
  ): Mismatch | undefined {
    const { space } = operation;
    const isWild = this.#disturb(operation, address, address + bytes.length);
    const region = space.find(address);
    if (region === undefined) return isWild ? undefined : UNMAPPED;
    if (region.object === "unknown") return undefined;
    this.#copyPage(operation, region, address);
    const time = ++this.operations.now;
    bytes.forEach((value, i) => {
      const place = placeOf(space, region, address + i);
      const cell = place.cells.get(place.key);
      const held = cell?.held ?? 0;
      const values = held > 0 ? union(cell?.values, [value]) : [value];
      this.#put(space, place, { values, held, time, ...who });
    });
    return undefined;
  }

  /** A store into what is being mapped; true when something in this address space is. */
  #disturb({ space }: Operation, start: number, end: number): boolean {
    let isAny = false;
    for (const other of this.operations.inFlight) {
      if (other.space !== space || !other.isLayout) continue;
      isAny = true;
      const isBlind = other.name === "mmap" && other.ranges.length === 0;
      if (isBlind || (other.sort === "change" && other.touches(start, end))) {
        other.isRivalled = true;
      }
    }
    return isAny;
  }

  #layoutInFlight(space: AddressSpace): boolean {
    return this.operations.inFlight.some((other) => other.space === space && other.isLayout);
  }

  /** The first store to a page of a private mapping of a file copies it; any that is in flight may have. */
  #copyPage(operation: Operation, region: Region, address: number): void {
    const { space } = operation;
    const { object } = region;
    if (region.shared || typeof object !== "object") return;
    const page = pageOf(address);
    if (space.copied.has(page)) return;
    this.journal.put(space.copied, page, true);
    const begun = this.operations
      .over(space, page, page + PAGE_BYTES, operation)
      .reduce((first, other) => Math.min(first, other.begun), operation.begun);
    const offset = region.offset + page - region.start;
    for (const [key, cell] of object.cells) {
      if (key < offset || key >= offset + PAGE_BYTES) continue;
      const values = cell.time > begun || cell.held > 0 ? undefined : cell.values;
      this.journal.put(space.cells, page + key - offset, { ...cell, values, held: 0 });
    }
  }

  /** A touch or a copy begins: while it lasts, its bytes may be what they were or what it writes. */
  hold(operation: Operation, writes: readonly Write[], who: Who): void {
    const { space } = operation;
    const held = writes.flatMap(({ address, value, from }): Held[] => {
      const region = space.find(address);
      if (region === undefined || region.object === "unknown") return [];
      this.#disturb(operation, address, address + 1);
      this.#copyPage(operation, region, address);
      const place = placeOf(space, region, address);
      const old = place.cells.get(place.key);
      const values = value === undefined ? undefined : union(valuesAt(place), [value]);
      const time = ++this.operations.now;
      const cell = { values, held: (old?.held ?? 0) + 1, time, ...who };
      this.#put(space, place, cell);
      return [{ place, cell, value, source: this.#sourceOf(space, from) }];
    });
    this.#held.set(operation, held);
  }

  #sourceOf(space: AddressSpace, from: number | undefined): Held["source"] {
    const region = from === undefined ? undefined : space.find(from);
    if (from === undefined || region === undefined || region.object === "unknown") return undefined;
    const place = placeOf(space, region, from);
    return { place, cell: place.cells.get(place.key) };
  }

  /** A touch or a copy has ended; `isDone`: with all of it. */
  release(operation: Operation, isDone: boolean, who: Who): void {
    const written = (this.#held.get(operation) ?? []).map((held) => {
      const { source, value } = held;
      const isStable = source?.place.cells.get(source.place.key) === source?.cell;
      const read = source !== undefined && isStable ? valuesAt(source.place) : undefined;
      return { held, values: value === undefined ? read : [value] };
    });
    for (const { held, values } of written) {
      const { place } = held;
      const now = place.cells.get(place.key);
      if (now === undefined || now.held === 0) continue;
      const isExact = isDone && now === held.cell && now.held === 1;
      const left = now.held > 1 ? undefined : now.values;
      const cell = { values: isExact ? values : left, held: now.held - 1, ...who };
      this.#put(operation.space, place, { ...cell, time: ++this.operations.now });
    }
    this.#held.delete(operation);
  }

  /** A fork begins: what is stored until it ends, the child may or may not see. */
  watch(fork: Operation): void {
    this.#since.set(fork, new Map());
  }

  /** The address space of the child of a fork that is in flight or has just ended. */
  childOf(fork: Operation): AddressSpace {
    const child = this.newSpace();
    const { space } = fork;
    const since = this.#since.get(fork);
    child.copyLayout(space);
    for (const [address, cell] of space.cells) {
      this.journal.put(child.cells, address, { ...cell, held: 0 });
    }
    for (const [address, values] of since ?? []) {
      const cell = space.cells.get(address);
      if (cell !== undefined) this.journal.put(child.cells, address, { ...cell, values, held: 0 });
    }
    for (const other of this.operations.during(fork)) {
      if (!other.isLayout) continue;
      for (const { start, end } of other.ranges) child.makeUnknown(start, end);
    }
    return child;
  }

  /** A fork has ended, and its child has been made. */
  unwatch(fork: Operation): void {
    this.#since.delete(fork);
  }

  /** An operation on the layout has ended: `change` does to the log what it has done. */
  changeLayout(operation: Operation, isKnown: boolean, change: () => void): void {
    this.operations.meet(operation);
    if (isKnown && !operation.isRivalled) {
      change();
      return;
    }
    for (const { start, end } of operation.ranges) operation.space.makeUnknown(start, end);
  }

  /** madvise(DONTNEED) of a range has ended. */
  drop({ space, begun }: Operation, start: number, end: number): void {
    const isRaced = [...space.cells].some(
      ([address, { time, held }]) =>
        address >= start && address < end && (time > begun || held > 0),
    );
    if (!isRaced) {
      space.forgetBytes(start, end);
      return;
    }
    for (const [address, cell] of space.cells) {
      if (address < start || address >= end) continue;
      const region = space.find(address);
      const isZeros = region !== undefined && region.object === undefined;
      const values = isZeros ? union(cell.values, [0]) : undefined;
      this.journal.put(space.cells, address, { ...cell, values });
    }
  }

  #put(space: AddressSpace, place: Place, cell: Cell): void {
    if (place.cells === space.cells) {
      for (const [fork, since] of this.#since) {
        if (fork.space !== space) continue;
        const before = since.has(place.key) ? since.get(place.key) : valuesAt(place);
        since.set(place.key, union(before, cell.values));
      }
    }
    this.journal.put(place.cells, place.key, cell);
  }
}

/** What a byte may hold, by what is stored. */
function valuesAt({ cells, key, background }: Place): Values {
  const cell = cells.get(key);
  if (cell !== undefined) return cell.values;
  return background === undefined ? undefined : [background];
}

/** Where a byte is kept that is mapped. */
function placeOf(space: AddressSpace, region: Region, address: number): Place {
  const { object } = region;
  if (typeof object !== "object") return { cells: space.cells, key: address, background: 0 };
  const offset = region.offset + address - region.start;
  const background = object.background(offset);
  const isOwn = !region.shared && (space.copied.has(pageOf(address)) || space.cells.has(address));
  return isOwn
    ? { cells: space.cells, key: address, background }
    : { cells: object.cells, key: offset, background };
}

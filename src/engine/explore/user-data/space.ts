// What programs have put where: bytes by address for memory of one address space, by offset for what
// several may map. A byte that is not listed is as it was mapped: zero, or what the file held.
//
// Regions say what is mapped; of one that is unknown nothing is claimed. Left out: protections, and how
// far a stack may grow.

import type { Journal } from "./journal.ts";

/** A byte that a program has stored. Never changed: replaced. */
export interface Cell {
  /** What it may hold; undefined: anything. */
  readonly values: readonly number[] | undefined;
  /** Copies and touches in flight that write it: it may change at any moment. */
  readonly held: number;
  /** When it was stored last, by the clock of the log. */
  readonly time: number;
  /** Who stored last: CPU, and number of the event. */
  readonly cpu: number;
  readonly event: number;
}

/** Bytes by address or offset. */
export type Cells = Map<number, Cell>;

/** A file, or shared memory without one. */
export class SharedObject {
  readonly cells: Cells = new Map();
  readonly #content: Uint8Array | "unknown" | "zeros";

  constructor(content: Uint8Array | "unknown" | "zeros") {
    this.#content = content;
  }

  /** What it held at first; undefined: not known. */
  background(offset: number): number | undefined {
    if (this.#content === "unknown") return undefined;
    return this.#content === "zeros" ? 0 : (this.#content[offset] ?? 0);
  }
}

/** A range of addresses that is mapped. */
export interface Region {
  readonly start: number;
  readonly end: number;
  /** What it maps; undefined: zeros of its own; "unknown": it is not known what happened to it. */
  readonly object: SharedObject | "unknown" | undefined;
  /** Offset in the object of what lies at `start`. */
  readonly offset: number;
  /** Stores go to the object. */
  readonly shared: boolean;
  /** It reaches down as far as it likes. */
  readonly growsDown: boolean;
}

export const PAGE_BYTES = 4096;
/** Start of the page of an address. */
export const pageOf = (address: number): number => address - (address % PAGE_BYTES);

/** Part of a region. */
export function partOf(region: Region, start: number, end: number): Region {
  return { ...region, start, end, offset: region.offset + start - region.start };
}

/** An address space as the log has it. */
export class AddressSpace {
  readonly cells: Cells = new Map();
  /** Pages of private mappings of files that have been written, and are copies. */
  readonly copied = new Map<number, true>();
  /** By address; they do not overlap. */
  regions: readonly Region[] = [];
  readonly #journal: Journal;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /** The region that an address lies in. */
  find(address: number): Region | undefined {
    const next = this.regions.find((region) => region.end > address);
    if (next === undefined || (next.start > address && !next.growsDown)) return undefined;
    return next;
  }

  /** Takes away what is mapped in a range, with its bytes. */
  unmap(start: number, end: number): void {
    this.forgetBytes(start, end);
    this.#setRegions(
      this.regions.flatMap((region) => [
        ...(region.start < start
          ? [partOf(region, region.start, Math.min(start, region.end))]
          : []),
        ...(region.end > end ? [partOf(region, Math.max(end, region.start), region.end)] : []),
      ]),
    );
  }

  /** Maps in place of what is there. */
  map(region: Region): void {
    this.unmap(region.start, region.end);
    this.#setRegions([...this.regions, region].sort((a, b) => a.start - b.start));
  }

  /** It is not known what happened to a range. */
  makeUnknown(start: number, end: number): void {
    this.map({ start, end, object: "unknown", offset: 0, shared: false, growsDown: false });
  }

  /** Forgets what was stored in a range of private memory. */
  forgetBytes(start: number, end: number): void {
    for (const address of this.cells.keys()) {
      if (address >= start && address < end) this.#journal.put(this.cells, address, undefined);
    }
    for (const page of this.copied.keys()) {
      if (page >= start && page < end) this.#journal.put(this.copied, page, undefined);
    }
  }

  /** Moves what is mapped in [from, from + length), and its bytes, to another place. */
  move(from: number, to: number, length: number): void {
    const isMoved = (address: number): boolean => address >= from && address < from + length;
    const regions = this.regions
      .filter((region) => region.start < from + length && region.end > from)
      .map((region) =>
        partOf(region, Math.max(region.start, from), Math.min(region.end, from + length)),
      );
    const cells = [...this.cells].filter(([address]) => isMoved(address));
    const copied = [...this.copied.keys()].filter(isMoved);
    this.unmap(from, from + length);
    this.unmap(to, to + length);
    const by = to - from;
    for (const region of regions) {
      this.map({ ...region, start: region.start + by, end: region.end + by });
    }
    for (const [address, cell] of cells) this.#journal.put(this.cells, address + by, cell);
    for (const page of copied) this.#journal.put(this.copied, page + by, true);
  }

  /** Becomes what `parent` is, but for the bytes. */
  copyLayout(parent: AddressSpace): void {
    this.#setRegions(parent.regions);
    for (const page of parent.copied.keys()) this.#journal.put(this.copied, page, true);
  }

  #setRegions(regions: readonly Region[]): void {
    const old = this.regions;
    this.#journal.note(() => {
      this.regions = old;
    });
    this.regions = regions;
  }
}

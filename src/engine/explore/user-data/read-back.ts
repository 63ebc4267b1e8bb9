// Reads back every byte that was ever stored and is still mapped, through the page tables as they are, and
// changes nothing: a store that got lost is found although no program looks.
//
// Left out: shared memory whose pages no page table maps at the end, and frames without content.

import type { MemoryViews } from "../../../layout/view.ts";
import { describeLost } from "./report.ts";
import { PAGE_BYTES, pageOf, type AddressSpace, type Cell, type Region } from "./space.ts";
import { physical } from "./tables.ts";

const WORD_BYTES = 4;

/** The first store of an address space that is not there, in words. */
export function findLostStore(
  memory: MemoryViews,
  mm: number,
  space: AddressSpace,
): string | undefined {
  const reader = new Reader(memory, mm);
  for (const [address, cell] of storedBytes(space)) {
    if (cell.values === undefined) continue;
    const region = space.find(address);
    if (region === undefined || region.object === "unknown") continue;
    const found = reader.read(address, region);
    if (found === undefined || cell.values.includes(found)) continue;
    return describe(reader, space, address, region, cell);
  }
  return undefined;
}

/** What is stored where: in private memory, and in what is shared. */
function* storedBytes(space: AddressSpace): Generator<readonly [number, Cell]> {
  yield* space.cells;
  for (const region of space.regions) {
    if (!region.shared || typeof region.object !== "object") continue;
    for (const [offset, cell] of region.object.cells) {
      const address = region.start + offset - region.offset;
      if (address >= region.start && address < region.end) yield [address, cell];
    }
  }
}

/** Reads bytes of programs; one walk for bytes of the same page in a row. */
class Reader {
  readonly #memory: MemoryViews;
  readonly #mm: number;
  #page = -1;
  #frame: number | undefined;

  constructor(memory: MemoryViews, mm: number) {
    this.#memory = memory;
    this.#mm = mm;
  }

  /** Undefined: nobody can tell. Private memory without a page reads as zeros. */
  read(address: number, region: Region): number | undefined {
    const page = pageOf(address);
    if (page !== this.#page) {
      this.#frame = physical(this.#memory, this.#mm, page);
      this.#page = page;
    }
    if (this.#frame === undefined) return region.object === undefined ? 0 : undefined;
    return this.#memory.u8[this.#frame + (address % PAGE_BYTES)];
  }
}

/** As a word, where all of it was stored. */
function describe(
  reader: Reader,
  space: AddressSpace,
  address: number,
  region: Region,
  cell: Cell,
): string {
  const start = address - (address % WORD_BYTES);
  const word = Array.from({ length: WORD_BYTES }, (_, i) => start + i);
  const cells = word.map((at) => storedAt(space, at, region));
  const bytes = word.map((at) => reader.read(at, region) ?? 0);
  if (cells.every((known) => known?.values !== undefined)) {
    return describeLost(
      start,
      bytes,
      cells.map((known) => known?.values),
      cell,
    );
  }
  return describeLost(address, [reader.read(address, region) ?? 0], [cell.values], cell);
}

function storedAt(space: AddressSpace, address: number, region: Region): Cell | undefined {
  const { object, shared } = region;
  if (!shared || typeof object !== "object") return space.cells.get(address);
  return object.cells.get(region.offset + address - region.start);
}

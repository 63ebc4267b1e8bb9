// Accesses through TLB entries that have been revoked. A CPU may use an entry that the page tables no
// longer allow while the operation that changed them is in flight; after it has returned, never. And as
// long as it may, the frame must be the page that it was. (races.md: O2.)
//
// The entry that an access used is still in the TLB when the access has just happened: a CPU changes its
// own TLB only. Left out: which of several operations revoked an entry, if one of them is in flight.

import { PG_slab, PG_table, Page, _PAGE_PRESENT, _PAGE_RW } from "../../../layout/structs.gen.ts";
import { getI32, getU32, getU64, type MemoryViews } from "../../../layout/view.ts";
import { hex } from "../../../machine/invariants/findings.ts";
import { pageOf as structOf } from "../../../machine/invariants/world.ts";
import type { Journal } from "./journal.ts";
import type { Operation, Operations } from "./operations.ts";
import { pageOf } from "./space.ts";
import { lookUpTlb, walkTables, type Translation } from "./tables.ts";

/** What a frame was used for when a CPU accessed it. */
interface Owner {
  readonly pfn: number;
  readonly mapping: number;
  readonly index: number;
}

const VERBS: Readonly<Record<string, string>> = {
  load: "loads from",
  store: "stores to",
  touch: "touches",
  copy: "copies through",
};

/** See the head of the file. */
export class StaleTlb {
  readonly #memory: MemoryViews;
  readonly #operations: Operations;
  readonly #journal: Journal;
  /** By CPU, owners of the frames that it has accessed, by page. */
  readonly #owners: Map<number, Owner>[] = [];

  constructor(memory: MemoryViews, operations: Operations, journal: Journal) {
    this.#memory = memory;
    this.#operations = operations;
    this.#journal = journal;
  }

  /** `operation` has just accessed the page of `address`: what is wrong with that, or undefined. */
  accessed(
    operation: Operation,
    mm: number,
    address: number,
    isStore: boolean,
  ): string | undefined {
    const entry = lookUpTlb(this.#memory, operation.cpu, address);
    if (entry === undefined) return undefined;
    const now = walkTables(this.#memory, mm, address);
    const owner = this.#ownerOf(entry);
    const owners = (this.#owners[operation.cpu] ??= new Map<number, Owner>());
    const page = pageOf(address);
    const before = owners.get(page);
    if (isAllowed(entry, now, isStore)) {
      if (!isSame(owner, before)) this.#journal.put(owners, page, owner);
      return undefined;
    }
    const what = `CPU ${operation.cpu} ${VERBS[operation.name.replace(/\d+$/, "")] ?? operation.name} ${hex(address)}`;
    const revoker = this.#revoked(operation, page);
    if (revoker !== undefined) return `${what} ${revoker}`;
    const fate = this.#fateOf(owner, before);
    if (fate === undefined) return undefined;
    return `${what} through an entry that is being revoked, and its frame ${hex(entry.pfn)} ${fate}`;
  }

  /** By which operation that had returned the entry was revoked; undefined: one is in flight. */
  #revoked(operation: Operation, page: number): string | undefined {
    const isIt = (other: Operation): boolean =>
      other.sort !== "load" && other.touches(page, page + 4096);
    if (this.#operations.during(operation).some(isIt)) return undefined;
    const last = this.#operations.ended.filter(
      (other) => other.space === operation.space && other !== operation && isIt(other),
    );
    const by = last[last.length - 1];
    if (by === undefined) return "through an entry that the page tables do not allow";
    return `through an entry that ${by.name} on CPU ${by.cpu} revoked (returned at event ${by.event})`;
  }

  /** What became of a frame that its CPU accessed `before`; undefined: it is the same page. */
  #fateOf(owner: Owner, before: Owner | undefined): string | undefined {
    const page = structOf(owner.pfn);
    if (getI32(this.#memory, page + Page._count) < 0) return "is free";
    const isKernels = (getU32(this.#memory, page + Page.flags) & (PG_slab | PG_table)) !== 0;
    // Whoever unmaps a page last may clear its mapping before the page is free: 2.6.8.
    const isOthers = before?.pfn === owner.pfn && owner.mapping !== 0 && !isSame(owner, before);
    return isKernels || isOthers ? "has another owner" : undefined;
  }

  #ownerOf({ pfn }: Translation): Owner {
    const page = structOf(pfn);
    const mapping = getU32(this.#memory, page + Page.mapping);
    return { pfn, mapping, index: getU64(this.#memory, page + Page.index) };
  }
}

const isSame = (a: Owner, b: Owner | undefined): boolean =>
  a.pfn === b?.pfn && a.mapping === b.mapping && a.index === b.index;

/** The page tables allow what the entry allows. */
function isAllowed(entry: Translation, now: Translation | undefined, isStore: boolean): boolean {
  if (now === undefined || (now.low & _PAGE_PRESENT) === 0 || now.pfn !== entry.pfn) return false;
  return !isStore || (now.low & _PAGE_RW) !== 0;
}

// Random sequences of what a process can do with memory. What they mean stands in comparison.ts.

import fc from "fast-check";

/** First page of the arena, around 1 GiB, where tables of all three lower levels meet. */
export const BASE = 2 ** 18 - 24;
/** Pages of the arena: few, so that operations meet. */
export const ARENA = 48;

interface Probed {
  readonly at: number;
  readonly count: number;
  /** The pages are written and read before and after: what the TLB remembers must not show. */
  readonly probe: boolean;
}

/** One step. Pages count from the base of the arena. */
export type Op =
  | {
      readonly op: "mmap";
      readonly at: number;
      readonly count: number;
      readonly perms: string;
      /** 0 and 1: the files; 2: anonymous. */
      readonly file: number;
      readonly pgoff: number;
      readonly shared: boolean;
      readonly growsDown: boolean;
      readonly place: "fixed" | "hint" | "anywhere";
    }
  | (Probed & { readonly op: "munmap" })
  | (Probed & { readonly op: "mprotect"; readonly perms: string })
  | (Probed & { readonly op: "dontneed" })
  | (Probed & {
      readonly op: "mremap";
      readonly from: number;
      readonly to: number;
      readonly how: "in place" | "may move" | "fixed";
    })
  | { readonly op: "brk"; readonly pages: number; readonly bytes: number }
  /** In the arena, or else in any page that is mapped. */
  | {
      readonly op: "load" | "store";
      readonly arena: boolean;
      readonly at: number;
      readonly offset: number;
    }
  | { readonly op: "touch"; readonly at: number; readonly count: number; readonly write: boolean }
  | { readonly op: "copy"; readonly at: number; readonly to: number; readonly words: number }
  | { readonly op: "fork"; readonly child: readonly Op[]; readonly parent: readonly Op[] };

const at = fc.nat({ max: ARENA - 1 });
const count = fc.integer({ min: 1, max: 12 });
const perms = fc.constantFrom("rw-", "rw-", "rw-", "r--", "---", "r-x", "rwx");
const offset = fc.constantFrom(0, 4, 2048, 4092);

const mmap = fc.record({
  op: fc.constant("mmap" as const),
  at,
  count,
  perms,
  file: fc.constantFrom(0, 1, 2, 2, 2),
  pgoff: fc.nat({ max: 6 }),
  shared: fc.boolean(),
  growsDown: fc.constantFrom(false, false, false, false, true),
  place: fc.constantFrom("fixed" as const, "fixed" as const, "hint" as const, "anywhere" as const),
});
const probe = fc.boolean();
const munmap = fc.record({ op: fc.constant("munmap" as const), at, count, probe });
const mprotect = fc.record({ op: fc.constant("mprotect" as const), at, count, perms, probe });
const dontneed = fc.record({ op: fc.constant("dontneed" as const), at, count, probe });
const mremap = fc.record({
  op: fc.constant("mremap" as const),
  at,
  from: fc.nat({ max: 12 }),
  to: at,
  count,
  probe,
  how: fc.constantFrom("in place" as const, "may move" as const, "fixed" as const),
});
const brk = fc.record({
  op: fc.constant("brk" as const),
  pages: fc.integer({ min: -4, max: 6 }),
  bytes: fc.nat({ max: 4095 }),
});
const access = fc.record({
  op: fc.constantFrom("load" as const, "store" as const),
  arena: fc.boolean(),
  at,
  offset,
});
const touch = fc.record({ op: fc.constant("touch" as const), at, count, write: fc.boolean() });
const copy = fc.record({
  op: fc.constant("copy" as const),
  at,
  to: at,
  words: fc.integer({ min: 1, max: 40 }),
});

const simple = fc.oneof(
  { weight: 6, arbitrary: mmap },
  { weight: 2, arbitrary: munmap },
  { weight: 4, arbitrary: mprotect },
  { weight: 1, arbitrary: dontneed },
  { weight: 4, arbitrary: mremap },
  { weight: 2, arbitrary: brk },
  { weight: 8, arbitrary: access },
  { weight: 3, arbitrary: touch },
  { weight: 2, arbitrary: copy },
);

/** Operations of a process whose children, if any, do `inner`. */
function sequence(maxLength: number, inner?: fc.Arbitrary<Op[]>): fc.Arbitrary<Op[]> {
  const fork =
    inner && fc.record({ op: fc.constant("fork" as const), child: inner, parent: inner });
  const op: fc.Arbitrary<Op> = fork
    ? fc.oneof({ weight: 14, arbitrary: simple }, { weight: 1, arbitrary: fork })
    : simple;
  return fc.array(op, { maxLength, size: "max" });
}

/** Sequences of operations, with those of children and grandchildren inside. */
export const operations = sequence(50, sequence(12, sequence(6)));

/** Sequences that change VMAs and touch nothing. */
export const mappings: fc.Arbitrary<Op[]> = fc.array(
  fc.oneof<fc.Arbitrary<Op>[]>(mmap, munmap, mprotect, mprotect, brk),
  { maxLength: 40, size: "max" },
);

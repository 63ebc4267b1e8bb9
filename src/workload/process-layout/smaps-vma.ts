// From a mapping as /proc/PID/smaps prints it to a mapping of a layout.
//
// What a kernel does not print is 0, with two exceptions, where it is estimated:
//  - Anonymous (since 2.6.36): of a shared mapping nothing; of anonymous memory all that is
//    resident; of a private file mapping what is dirty, since a page written to there is a copy.
//    A copy that was only read after it came back from swap is missed.
//  - VmFlags (since 3.8): a mapping named [stack] grows down, no other does.
// A mapping is shared when its permissions or its VmFlags (`sh`) say so; it has no anonymous
// pages then.
//
// [vsyscall] lies in the kernel's half of the address space, where no process maps or forks it:
// skipped, also under its old name [vdso]. The [vdso] of the user half and its data, [vvar] and
// [vvar_vclock], are kept like anonymous memory, without a file. They have the resident pages
// that Linux shows, 0 to 2, but at most their size, whatever Rss says. These count as not
// anonymous: a process reads them only.
//
// Linux 2.6.36 to 4.11 prints a stack without its guard page, but counts that in Size: accepted.
// A mapping without inode has no file offset (early kernels print its address there). An inode
// above 2^53 is folded below it.
// Left out: Pss, huge pages as such, all other fields and flags.

import { PAGE_SIZE } from "../../layout/units.ts";
import type { ConfigError } from "../../kernel/error.ts";
import { rangeProblem } from "./layout.ts";
import type { VmaLayout } from "./layout.ts";
import { AGAIN, smapsError } from "./smaps-records.ts";
import type { SizeField, SmapsRecord } from "./smaps-records.ts";

const PAGE_KB = PAGE_SIZE / 1024;
const SPECIAL = new Set(["[vdso]", "[vvar]", "[vvar_vclock]"]);
/** The largest prime below 2^53. */
const INODES = 9_007_199_254_740_881n;

/** The page of system calls in the kernel's half, which all processes have in common. */
export function isGate(record: SmapsRecord): boolean {
  const upperHalf = record.start.length === 16 && record.start.startsWith("ffff");
  return upperHalf && (record.name === "[vsyscall]" || record.name === "[vdso]");
}

/** The mapping that a record describes. Throws ConfigError if the record contradicts itself. */
export function toVma(record: SmapsRecord, source: string): VmaLayout {
  const { permissions, flags, name } = record;
  const start = parseInt(record.start, 16);
  const end = parseInt(record.end, 16);
  const growsDown = flags === undefined ? name === "[stack]" : flags.has("gd");
  const problem = rangeProblem({ start, end }) ?? sizeProblem(record, end - start, growsDown);
  if (problem !== undefined) throw damaged(record, source, problem);

  const shared = permissions.endsWith("s") || flags?.has("sh") === true;
  const inode = parseInode(record.inode);
  const counts = pageCounts(record, shared, (end - start) / PAGE_SIZE);
  // Field by field: spreading the counts makes a capture of 65,530 mappings twice as slow.
  return {
    start,
    end,
    read: permissions.startsWith("r"),
    write: permissions[1] === "w",
    exec: permissions[2] === "x",
    shared,
    growsDown,
    name,
    inode,
    device: record.device,
    fileOffset: inode === 0 ? 0 : parseInt(record.offset, 16),
    residentPages: counts.residentPages,
    anonymousPages: counts.anonymousPages,
    dirtyPages: counts.dirtyPages,
    sharedPages: counts.sharedPages,
    swapPages: counts.swapPages,
  };
}

/** The error for a mapping that no process can have. `problem` follows "mapping A-B". */
export function damaged(record: SmapsRecord, source: string, problem: string): ConfigError {
  return smapsError(source, record.line, `mapping ${record.range} ${problem}; ${AGAIN}`);
}

function sizeProblem(record: SmapsRecord, bytes: number, growsDown: boolean): string | undefined {
  for (const [field, size] of record.sizes) {
    if (size % PAGE_KB !== 0) return `has ${field} ${size} kB, which is not a number of pages`;
  }
  const expected = bytes / 1024;
  const size = record.sizes.get("Size") ?? expected;
  if (size === expected || (growsDown && size === expected + PAGE_KB)) return undefined;
  return `has Size ${size} kB, but its range is ${expected} kB long`;
}

type PageCounts = Pick<
  VmaLayout,
  "residentPages" | "anonymousPages" | "dirtyPages" | "sharedPages" | "swapPages"
>;

function pageCounts(record: SmapsRecord, shared: boolean, size: number): PageCounts {
  const limit = SPECIAL.has(record.name) ? size : Infinity;
  const count = (field: SizeField): number =>
    Math.min((record.sizes.get(field) ?? 0) / PAGE_KB, limit);
  const residentPages = count("Rss");
  const dirtyPages = Math.min(count("Shared_Dirty") + count("Private_Dirty"), limit);
  const known = record.sizes.has("Anonymous") && !shared;
  return {
    residentPages,
    anonymousPages: known
      ? count("Anonymous")
      : estimateAnonymous(record, shared, residentPages, dirtyPages),
    dirtyPages,
    sharedPages: Math.min(count("Shared_Clean") + count("Shared_Dirty"), limit),
    swapPages: count("Swap"),
  };
}

function estimateAnonymous(
  record: SmapsRecord,
  shared: boolean,
  resident: number,
  dirty: number,
): number {
  if (shared || SPECIAL.has(record.name)) return 0;
  return record.inode === "0" ? resident : Math.min(dirty, resident);
}

function parseInode(text: string): number {
  const inode = Number(text);
  return Number.isSafeInteger(inode) ? inode : Number(BigInt(text) % INODES) + 1;
}

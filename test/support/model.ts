// What an address space is, said as simply as possible: a table of pages. No VMA, no page table, no sharing by reference
// but that of files; fork copies everything at once. The kernel is right if it cannot be told apart from this.

/** Words of one page that differ from what it was born with, by byte offset. */
export type Content = Map<number, number>;

/** A file, or shared memory. */
export interface ModelFile {
  readonly name: string;
  readonly pages: number;
  /** Word at `offset` of page `index` before anybody wrote. */
  readonly born: (index: number, offset: number) => number;
  /** Pages that were written through a shared mapping. */
  readonly written: Map<number, Content>;
}

/** What a mapping gives to each of its pages. */
export interface PageKind {
  /** "rwx" with "-" for what is not allowed. */
  readonly perms: string;
  readonly shared: boolean;
  readonly growsDown: boolean;
  readonly file: ModelFile | undefined;
}

interface ModelPage extends PageKind {
  readonly pgoff: number;
  /** What differs from birth, once it has been written in a private mapping. */
  readonly own: Content | undefined;
}

/** How an access or a syscall ends. */
export type Outcome = "ok" | "SIGSEGV" | "SIGBUS" | "ENOMEM";

/** Pages of 8 MiB: how far a stack reaches. */
const STACK_PAGES = 2048;

/** One address space; addresses are page numbers but where they are called addresses. */
export class ModelSpace {
  readonly pages: Map<number, ModelPage>;

  constructor(pages: Iterable<readonly [number, ModelPage]> = []) {
    this.pages = new Map(pages);
  }

  /** What fork gives to the child. */
  clone(): ModelSpace {
    const copy = ([at, page]: [number, ModelPage]): [number, ModelPage] => [
      at,
      { ...page, own: page.own === undefined ? undefined : new Map(page.own) },
    ];
    return new ModelSpace([...this.pages].map(copy));
  }

  isFree(at: number, count: number): boolean {
    for (let page = at; page < at + count; page++) if (this.pages.has(page)) return false;
    return true;
  }

  map(at: number, count: number, kind: PageKind, pgoff = at): void {
    for (let i = 0; i < count; i++) {
      this.pages.set(at + i, { ...kind, pgoff: pgoff + i, own: undefined });
    }
  }

  unmap(at: number, count: number): void {
    for (let page = at; page < at + count; page++) this.pages.delete(page);
  }

  /** Stops at the first hole; what came before it has changed. */
  protect(at: number, count: number, perms: string): Outcome {
    for (let page = at; page < at + count; page++) {
      const old = this.pages.get(page);
      if (old === undefined) return "ENOMEM";
      this.pages.set(page, { ...old, perms });
    }
    return "ok";
  }

  /** Goes on behind holes. */
  dontneed(at: number, count: number): Outcome {
    let outcome: Outcome = "ok";
    for (let page = at; page < at + count; page++) {
      const old = this.pages.get(page);
      if (old === undefined) outcome = "ENOMEM";
      else this.pages.set(page, { ...old, own: undefined });
    }
    return outcome;
  }

  /**
   * mremap that succeeds: pages keep what they hold and their place in the object, new ones continue it. With an old count
   * of 0 nothing leaves its place. `isUntouched`: the kernel has no anon_vma for the mapping; it is numbered by its new
   * address when it is moved.
   */
  move(from: number, oldCount: number, to: number, newCount: number, isUntouched: boolean): void {
    const first = this.pages.get(from) as ModelPage;
    const isRenumbered = isUntouched && first.file === undefined && from !== to;
    const moved = Array.from({ length: newCount }, (_, i) =>
      i < oldCount ? this.pages.get(from + i) : undefined,
    );
    this.unmap(from, oldCount);
    moved.forEach((page, i) => {
      const at = page ?? { ...first, pgoff: first.pgoff + i, own: undefined };
      this.pages.set(to + i, isRenumbered ? { ...at, pgoff: to + i } : at);
    });
  }

  /** A stack above `at` grows down to it, whatever the access will say then. */
  #grow(at: number): void {
    if (this.pages.has(at)) return;
    const above = Math.min(...[...this.pages.keys()].filter((page) => page > at));
    const top = this.pages.get(above);
    if (top?.growsDown !== true) return;
    let end = above;
    while (this.pages.get(end)?.growsDown) end++;
    if (end - at > STACK_PAGES) return;
    for (let page = at; page < above; page++) {
      this.pages.set(page, { ...top, pgoff: top.pgoff - (above - page), own: undefined });
    }
  }

  /** Whether an access at `address` (in bytes) is allowed. */
  access(address: number, write: boolean): Outcome {
    const at = Math.floor(address / 4096);
    this.#grow(at);
    const page = this.pages.get(at);
    if (page === undefined) return "SIGSEGV";
    if (write ? page.perms[1] !== "w" : page.perms === "---") return "SIGSEGV";
    return page.file !== undefined && page.pgoff >= page.file.pages ? "SIGBUS" : "ok";
  }

  /** The word at an address that may be read. */
  load(address: number): number {
    const page = this.pages.get(Math.floor(address / 4096)) as ModelPage;
    const offset = address % 4096;
    const content = page.own ?? page.file?.written.get(page.pgoff);
    return content?.get(offset) ?? page.file?.born(page.pgoff, offset) ?? 0;
  }

  /** Writes the word at an address that may be written. */
  store(address: number, value: number): void {
    const at = Math.floor(address / 4096);
    const page = this.pages.get(at) as ModelPage;
    if (page.shared && page.file !== undefined) {
      const content = page.file.written.get(page.pgoff) ?? new Map<number, number>();
      page.file.written.set(page.pgoff, content.set(address % 4096, value));
      return;
    }
    const own = page.own ?? new Map(page.file?.written.get(page.pgoff));
    this.pages.set(at, { ...page, own: own.set(address % 4096, value) });
  }

  /** Runs of pages that look alike: "start-end perms pgoff file", pages relative to `base`. */
  list(base: number): string[] {
    const runs: Run[] = [];
    for (const [at, page] of [...this.pages].sort(([a], [b]) => a - b)) {
      const last = runs.at(-1);
      if (goesOn(last, at, page)) last.end = at + 1;
      else runs.push({ start: at, end: at + 1, page });
    }
    return runs.map(({ start, end, page }) => {
      const letters = page.perms + (page.shared ? "s" : "p") + (page.growsDown ? "d" : "");
      const name = page.file?.name ?? "anonymous";
      return `${start - base}-${end - base} ${letters} ${page.pgoff} ${name}`;
    });
  }
}

/** Pages that look alike, one behind the other. */
interface Run {
  readonly start: number;
  end: number;
  readonly page: ModelPage;
}

function goesOn(last: Run | undefined, at: number, page: ModelPage): last is Run {
  return (
    last?.end === at &&
    sameKind(last.page, page) &&
    page.pgoff === last.page.pgoff + (at - last.start)
  );
}

function sameKind(a: PageKind, b: PageKind): boolean {
  return (
    a.perms === b.perms && a.shared === b.shared && a.growsDown === b.growsDown && a.file === b.file
  );
}

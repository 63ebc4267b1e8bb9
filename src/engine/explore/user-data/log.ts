// The log of user data of an explored machine: what its tasks do to their memory, told by the sections of
// host code, goes into the model and to the check of TLB entries; what does not fit stops the execution.
//
//   wrong-data   a load returns what no store can have put there; at the end, a byte that was stored is not there
//   stale-tlb    see stale-tlb.ts
//
// Left out: what a file of which only a seed is known holds, until somebody has read it; fileBytes().

import { MmStruct, Task, VM_GROWSDOWN, VM_SHARED } from "../../../layout/structs.gen.ts";
import { getU32, getU64, type MemoryViews } from "../../../layout/view.ts";
import { SyscallError } from "../../../kernel/error.ts";
import type { ProgramTask } from "../../../machine/task.ts";
import type { ExecImage } from "../../../mm/exec.ts";
import type { FileContent } from "../../../syscall/file.ts";
import type { MmapOptions } from "../../../syscall/memory.ts";
import { BrokenRule } from "../detect/broken-rule.ts";
import { bytesOf, copyWrites, touchWrites, widthOf } from "./accesses.ts";
import { UserModel, type Who } from "./model.ts";
import { Operation, type Range } from "./operations.ts";
import { findLostStore } from "./read-back.ts";
import { describeMismatch } from "./report.ts";
import { moveMapping, pageAlign, rangesOf, sortOf } from "./sections.ts";
import { PAGE_BYTES, SharedObject, pageOf, type AddressSpace } from "./space.ts";
import { StaleTlb } from "./stale-tlb.ts";

/** A section that is in flight. */
export interface Section {
  readonly operation: Operation;
  readonly task: ProgramTask;
  readonly mm: number;
  readonly args: readonly unknown[];
  /** What it does to other address spaces. */
  readonly elsewhere?: readonly Operation[];
}

/** What is looked for. */
export interface UserLogOptions {
  readonly wrongData: boolean;
  readonly staleTlb: boolean;
}

const isAccess = (name: string): boolean =>
  widthOf(name) > 0 || name === "touch" || name === "copy";

/** See the head of the file. */
export class UserLog {
  /** The first thing that did not fit in this execution. */
  complaint: BrokenRule | undefined;
  readonly #memory: MemoryViews;
  readonly #events: () => number;
  readonly #options: UserLogOptions;
  readonly #model = new UserModel();
  readonly #staleTlb: StaleTlb;
  readonly #spaces = new Map<number, AddressSpace>();
  /** Pids of the tasks that are known, by address. */
  readonly #tasks = new Map<number, number>();
  /** Address spaces of children that have not begun, by pid. */
  readonly #unborn = new Map<number, AddressSpace>();
  readonly #forks = new Map<number, Operation>();
  /** "unknown": it has been truncated. */
  readonly #files = new Map<number, SharedObject | "unknown">();

  /** @param events tells how many events there have been */
  constructor(memory: MemoryViews, events: () => number, options: UserLogOptions) {
    this.#memory = memory;
    this.#events = events;
    this.#options = options;
    this.#staleTlb = new StaleTlb(memory, this.#model.operations, this.#model.journal);
  }

  /** The machine is set up. */
  commit(): void {
    this.#model.commit();
  }

  /** Before an execution. */
  reset(): void {
    this.complaint = undefined;
    this.#model.reset();
    this.#forks.clear();
  }

  /** A program of `task` is about to run: finds out whose address space it has. */
  adopt({ address, pid }: ProgramTask): void {
    if (this.#tasks.get(address) === pid) return;
    const mm = this.#word(address + Task.mm);
    const parent = this.#word(address + Task.parent);
    const { journal } = this.#model;
    journal.put(this.#tasks, address, pid);
    const isThread = parent !== 0 && this.#word(parent + Task.mm) === mm;
    const fork = this.#forks.get(parent);
    let space = this.#unborn.get(pid);
    if (space === undefined && !isThread && fork !== undefined) space = this.#model.childOf(fork);
    if (space === undefined && this.#spaces.has(mm)) return;
    const own = space ?? this.#forkedAtRest(parent) ?? this.#model.newSpace();
    journal.put(this.#spaces, mm, own);
  }

  /** In setup a child may be made outside of any section. */
  #forkedAtRest(parent: number): AddressSpace | undefined {
    const space = parent === 0 ? undefined : this.#spaces.get(this.#word(parent + Task.mm));
    if (space === undefined) return undefined;
    const { operations } = this.#model;
    const fork = operations.begin({ space, cpu: -1, name: "fork", sort: "keep", ranges: [] });
    operations.end(fork, -1);
    return this.#model.childOf(fork);
  }

  /** A section begins. */
  begin(task: ProgramTask, name: string, args: readonly unknown[]): Section | undefined {
    if (name === "ftruncate") return this.#truncating(task, args);
    const sort = sortOf(name, args);
    if (sort === undefined) return undefined;
    const mm = this.#word(task.address + Task.mm);
    const space = this.#spaces.get(mm);
    if (space === undefined) return undefined;
    const brk = name === "brk" ? getU64(this.#memory, mm + MmStruct.brk) : 0;
    const ranges = rangesOf(name, args, brk);
    const { operations } = this.#model;
    const operation = operations.begin({ space, cpu: task.cpuId, name, sort, ranges });
    if (name === "fork") {
      this.#forks.set(task.address, operation);
      this.#model.watch(operation);
    }
    if (name === "touch" && sort === "write") {
      this.#model.hold(operation, touchWrites(args), this.#who(task));
    }
    if (name === "copy") this.#model.hold(operation, copyWrites(args), this.#who(task));
    return { operation, task, mm, args };
  }

  /** A section has ended. Throws BrokenRule. */
  end(section: Section, ending: "returned" | "thrown", result: unknown): void {
    const { operation } = section;
    if (ending === "returned") {
      this.#checkTlb(section);
      this.#returned(section, result);
    } else {
      this.#thrown(section, result);
    }
    for (const each of [operation, ...(section.elsewhere ?? [])]) {
      this.#model.operations.end(each, this.#events());
    }
  }

  /** At the end of an execution: a store that is lost. Throws BrokenRule. */
  check(): void {
    if (this.complaint !== undefined) throw this.complaint;
    if (!this.#options.wrongData) return;
    const live = new Map<number, AddressSpace>();
    for (const [address, pid] of this.#tasks) {
      const mm = this.#word(address + Task.mm);
      const space = this.#word(address + Task.pid) === pid ? this.#spaces.get(mm) : undefined;
      if (space !== undefined) live.set(mm, space);
    }
    for (const [mm, space] of live) {
      const lost = findLostStore(this.#memory, mm, space);
      if (lost !== undefined) throw this.#complain("wrong-data", "lost store", lost);
    }
  }

  #word(address: number): number {
    return getU32(this.#memory, address);
  }

  #who(task: ProgramTask): Who {
    return { cpu: task.cpuId, event: this.#events() };
  }

  #complain(detector: "wrong-data" | "stale-tlb", rule: string, message: string): BrokenRule {
    this.complaint = new BrokenRule(detector, rule, message);
    return this.complaint;
  }

  #checkTlb({ operation, mm }: Section): void {
    if (!this.#options.staleTlb || !isAccess(operation.name)) return;
    operation.ranges.forEach(({ start, end }, i) => {
      const isStore = operation.sort === "write" && i === 0;
      for (let page = pageOf(start); page < end; page += PAGE_BYTES) {
        const at = Math.max(page, start);
        const wrong = this.#staleTlb.accessed(operation, mm, at, isStore);
        if (wrong !== undefined) throw this.#complain("stale-tlb", "stale TLB", wrong);
      }
    });
  }

  #returned(section: Section, result: unknown): void {
    const { operation, task, args } = section;
    const { name } = operation;
    const address = args[0] as number;
    const width = widthOf(name);
    const model = this.#model;
    if (width > 0) {
      const isStore = operation.sort === "write";
      const value = (isStore ? args[1] : result) as number | bigint;
      const bytes = bytesOf(value, width);
      const bad = isStore
        ? model.store(operation, address, bytes, this.#who(task))
        : model.load(operation, address, bytes);
      if (bad === undefined || !this.#options.wrongData) return;
      throw this.#complain("wrong-data", "wrong data", describeMismatch(operation, bytes, bad));
    }
    if (name === "touch" || name === "copy") model.release(operation, true, this.#who(task));
    else if (name === "fork") this.#forked(section, result as number);
    else if (name === "exec") this.#executed(section);
    else if (name === "createFile") this.#created(args[0] as FileContent, result as number);
    else if (operation.isLayout) this.#changed(section, result as number);
  }

  #thrown({ operation, task }: Section, error: unknown): void {
    const { name, space, ranges } = operation;
    const model = this.#model;
    if (name === "fork") this.#endFork(task, operation);
    if (operation.sort === "write" && widthOf(name) === 0) {
      model.release(operation, false, this.#who(task));
      for (const { start, end } of ranges.slice(0, 1)) {
        space.makeUnknown(pageOf(start), pageOf(end + PAGE_BYTES - 1));
      }
    }
    if (!operation.isLayout) return;
    const isRefused = error instanceof SyscallError && /^(EINVAL|EBADF)$/.test(error.code);
    if (!isRefused) model.changeLayout(operation, false, () => undefined);
  }

  #endFork(task: ProgramTask, operation: Operation): void {
    this.#forks.delete(task.address);
    this.#model.unwatch(operation);
  }

  #forked({ task, operation }: Section, pid: number): void {
    const isBorn = [...this.#tasks.values()].includes(pid);
    if (!isBorn) this.#model.journal.put(this.#unborn, pid, this.#model.childOf(operation));
    this.#endFork(task, operation);
  }

  #executed({ task, args }: Section): void {
    const { segments } = args[0] as ExecImage;
    const space = this.#model.newSpace();
    for (const { start, length, flags, file, pgoff } of segments) {
      space.map({
        ...{ start, end: start + pageAlign(length), offset: pgoff * PAGE_BYTES },
        ...{ shared: (flags & VM_SHARED) !== 0, growsDown: (flags & VM_GROWSDOWN) !== 0 },
        object: file === 0 ? undefined : this.#file(file),
      });
    }
    this.#model.journal.put(this.#spaces, this.#word(task.address + Task.mm), space);
  }

  #created(content: FileContent, file: number): void {
    const known = "content" in content ? Uint8Array.from(content.content) : "unknown";
    this.#model.journal.put(this.#files, file, new SharedObject(known));
  }

  /** ftruncate begins. It takes pages from all who map the file, of which nothing is claimed any more. */
  #truncating(task: ProgramTask, args: readonly unknown[]): Section | undefined {
    const handle = args[0] as number;
    const file = this.#file(handle);
    const mm = this.#word(task.address + Task.mm);
    const own = this.#spaces.get(mm);
    this.#model.journal.put(this.#files, handle, "unknown");
    for (const space of this.#unborn.values()) makeFileUnknown(space, file);
    const begun = [...this.#spaces.values()].map((space) => {
      const ranges = makeFileUnknown(space, file);
      const what = { space, cpu: task.cpuId, name: "ftruncate", sort: "drop", ranges } as const;
      return own === undefined ? undefined : this.#model.operations.begin(what);
    });
    const operation = begun.find((each) => each?.space === own);
    if (operation === undefined) return undefined;
    const elsewhere = begun.filter((each) => each !== undefined && each !== operation);
    return { operation, task, mm, args, elsewhere: elsewhere as Operation[] };
  }

  #file(handle: number): SharedObject | "unknown" {
    const known = this.#files.get(handle);
    if (known !== undefined) return known;
    const object = new SharedObject("unknown");
    this.#model.journal.put(this.#files, handle, object);
    return object;
  }

  #changed(section: Section, result: number): void {
    const { operation, args } = section;
    const { space, ranges } = operation;
    const [first] = ranges;
    const model = this.#model;
    if (operation.name === "ftruncate") return;
    if (operation.name === "mmap") {
      this.#mapped(operation, args[0] as MmapOptions, result);
    } else if (operation.name === "mremap") {
      const [start, oldLength, newLength] = args as [number, number, number];
      const sizes = { start, oldLength: pageAlign(oldLength), newLength: pageAlign(newLength) };
      operation.ranges = [...ranges, { start: result, end: result + sizes.newLength }];
      model.changeLayout(operation, sizes.oldLength > 0, () => {
        moveMapping(space, sizes, result);
      });
    } else if (operation.name === "brk") {
      if (first === undefined || result !== args[0]) return;
      const isGrowing = first.end === pageAlign(result);
      const heap = { ...first, object: undefined, offset: 0, shared: false, growsDown: false };
      model.changeLayout(operation, true, () => {
        if (isGrowing) space.map(heap);
        else space.unmap(first.start, first.end);
      });
    } else if (first !== undefined) {
      model.changeLayout(operation, true, () => {
        if (operation.name === "munmap") space.unmap(first.start, first.end);
        else model.drop(operation, first.start, first.end);
      });
    }
  }

  #mapped(operation: Operation, options: MmapOptions, start: number): void {
    const { length, shared = false, file = 0, offset = 0, growsDown = false } = options;
    const end = start + pageAlign(length);
    operation.ranges = [{ start, end }];
    const anonymous = shared ? new SharedObject("zeros") : undefined;
    const object = file === 0 ? anonymous : this.#file(file);
    this.#model.changeLayout(operation, true, () => {
      operation.space.map({ start, end, object, offset, shared, growsDown });
    });
  }
}

/** Nothing is claimed any more of what maps a file; where that is. */
function makeFileUnknown(space: AddressSpace, file: SharedObject | "unknown"): Range[] {
  const ranges = space.regions.filter(({ object }) => object === file);
  for (const { start, end } of ranges) space.makeUnknown(start, end);
  return ranges;
}

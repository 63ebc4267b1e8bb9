// Does operations on a machine and on the model alike, says what it expects before it looks, and throws when they differ.

import { expect } from "vitest";
import { MachineSignal, SyscallError } from "../../src/kernel/error.ts";
import { FILE_SEED, FILE_ZERO } from "../../src/layout/structs.gen.ts";
import type { ProgramTask } from "../../src/machine/task.ts";
import type { DirectMachine } from "./direct.ts";
import {
  type Vma,
  anonVmaList,
  fileTree,
  mmField,
  mmOfTask,
  permissions,
  vmasOf,
} from "./inspect.ts";
import { type ModelFile, ModelSpace, type PageKind } from "./model.ts";
import { BASE, type Op } from "./operations.ts";

type OpOf<Name extends Op["op"]> = Extract<Op, { op: Name }>;

/** A file on the machine and in the model. */
export interface TestFile extends ModelFile {
  readonly handle: number;
}

/** Two files of a few pages: one of seed 7, one of zeros. The caller puts them. */
export function makeFiles(machine: DirectMachine): TestFile[] {
  const { k } = machine.cpu;
  const word = (index: number, offset: number): number =>
    index * 4096 + offset < 5 * 4096 - 100 ? k.seed_word(7, index, offset / 4) >>> 0 : 0;
  const make = (name: string, kind: number, pages: number, born: ModelFile["born"]): TestFile => {
    const handle = k.inode_alloc(kind, 7, pages * 4096 - 100, 1);
    return { name, pages, born, written: new Map(), handle };
  };
  return [make("seeds", FILE_SEED, 5, word), make("zeros", FILE_ZERO, 9, () => 0)];
}

/** The result of a syscall or access, or the name of its refusal. */
function attempt<T>(body: () => T): T | string {
  try {
    return body();
  } catch (error) {
    if (error instanceof SyscallError) return error.code;
    if (error instanceof MachineSignal) return `${error.signal} at ${error.address}`;
    throw error;
  }
}

const parsePerms = (perms: string): { read: boolean; write: boolean; exec: boolean } => ({
  read: perms.includes("r"),
  write: perms.includes("w"),
  exec: perms.includes("x"),
});

/** One process, twice. */
export class Comparison {
  readonly #machine: DirectMachine;
  readonly #task: ProgramTask;
  readonly #files: readonly TestFile[];
  readonly #space: ModelSpace;
  readonly #exact: boolean;
  #heap: { readonly start: number; readonly end: number };

  /** With `exact`, the kernel's VMAs must be as few as the model's runs: true while no anon_vma keeps two apart. */
  constructor(
    machine: DirectMachine,
    task: ProgramTask,
    files: readonly TestFile[],
    options: { exact?: boolean; space?: ModelSpace; heapStart?: number } = {},
  ) {
    const { exact = false, space = new ModelSpace(), heapStart } = options;
    this.#exact = exact;
    this.#machine = machine;
    this.#task = task;
    this.#files = files;
    this.#space = space;
    this.#heap = { start: heapStart ?? task.brk(0), end: task.brk(0) };
  }

  /** Does the operations one after the other, looks at the VMAs after each, and in the end at every page. */
  run(ops: readonly Op[]): void {
    for (const op of ops) {
      this.#probe(op);
      this.#step(op);
      this.#probe(op);
      this.#same(this.#kernelList(), this.#space.list(BASE), `VMAs after ${JSON.stringify(op)}`);
    }
    for (const page of this.#space.pages.keys()) {
      for (const offset of [0, 4, 2048, 4092]) this.#load(page * 4096 + offset);
    }
  }

  /** Stores to and loads from the pages that an operation is about, so that the TLB has seen them. */
  #probe(op: Op): void {
    if (!("probe" in op) || !op.probe || this.#exact) return;
    const length = op.op === "mremap" ? Math.max(op.from, op.count) : op.count;
    for (const first of op.op === "mremap" ? [op.at, op.to] : [op.at]) {
      for (let page = BASE + first; page < BASE + first + length; page++) {
        this.#load(page * 4096 + 8);
        this.#store(page * 4096 + 8);
      }
    }
  }

  #step(op: Op): void {
    const at = "at" in op ? BASE + op.at : 0;
    switch (op.op) {
      case "mmap":
        this.#mmap(op);
        return;
      case "munmap":
        this.#task.munmap(at * 4096, op.count * 4096);
        this.#space.unmap(at, op.count);
        return;
      case "mprotect": {
        const prot = parsePerms(op.perms);
        const got = attempt(() => {
          this.#task.mprotect(at * 4096, op.count * 4096, prot);
          return "ok";
        });
        this.#same(got, this.#space.protect(at, op.count, op.perms), "mprotect");
        return;
      }
      case "dontneed": {
        const got = attempt(() => {
          this.#task.madviseDontneed(at * 4096, op.count * 4096);
          return "ok";
        });
        this.#same(got, this.#space.dontneed(at, op.count), "madvise");
        return;
      }
      case "mremap":
        this.#mremap(op);
        return;
      case "brk":
        this.#brk(op.pages * 4096 - op.bytes);
        return;
      case "load":
        this.#load(this.#address(op));
        return;
      case "store":
        this.#store(this.#address(op));
        return;
      case "touch":
        this.#touch(at, op.count, op.write);
        return;
      case "copy":
        this.#copy(at * 4096 + 4064, (BASE + op.to) * 4096 + 4080, op.words * 4);
        return;
      case "fork":
        this.#fork(op);
        return;
    }
  }

  #address(op: OpOf<"load" | "store">): number {
    const mapped = [...this.#space.pages.keys()];
    const any = mapped[op.at % (mapped.length || 1)] ?? BASE;
    return (op.arena ? BASE + op.at : any) * 4096 + op.offset;
  }

  #mmap(op: OpOf<"mmap">): void {
    const { count, place, perms, shared } = op;
    const file = this.#files[op.file];
    const growsDown = op.growsDown && file === undefined && !shared;
    const hint = (BASE + op.at) * 4096;
    const where = {
      fixed: place === "fixed",
      hint: { fixed: hint, hint: hint - 5, anywhere: 0 }[place],
    };
    const what = { shared, growsDown, file: file?.handle ?? 0, offset: file ? op.pgoff * 4096 : 0 };
    const length = count * 4096 - op.pgoff;
    const got = this.#task.mmap({ ...parsePerms(perms), ...what, ...where, length }) / 4096;

    const hinted = place === "hint" && this.#space.isFree(BASE + op.at, count);
    if (place === "fixed" || hinted) this.#same(got, BASE + op.at, "mmap");
    if (place === "fixed") this.#space.unmap(got, count);
    this.#same(this.#space.isFree(got, count), true, `mmap at ${got}`);
    const memory = shared ? sharedMemory(count) : undefined;
    const kind: PageKind = { perms, shared, growsDown, file: file ?? memory };
    this.#space.map(got, count, kind, file ? op.pgoff : memory ? 0 : got);
  }

  /**
   * The VMA that holds page `at`: where mremap must stop, and whether there was an anon_vma, is not for the model to know.
   */
  #vmaAt(at: number): Vma | undefined {
    const vmas = vmasOf(this.#machine.cpu, mmOfTask(this.#machine.cpu, this.#task.address));
    return vmas.find(({ start, end }) => start / 4096 <= at && at < end / 4096);
  }

  #mremap(op: OpOf<"mremap">): void {
    const space = this.#space;
    const at = BASE + op.at;
    const { from, count, how } = op;
    const vma = this.#vmaAt(at);
    const end = vma === undefined ? 0 : vma.end / 4096;
    const to = BASE + op.to;
    const options = how === "fixed" ? { fixedAt: to * 4096 } : { mayMove: how === "may move" };
    const got = attempt(
      () => this.#task.mremap(at * 4096, from * 4096, count * 4096, options) / 4096,
    );

    const refuse = this.#refuseMremap(op, end);
    if (refuse !== undefined) {
      this.#same(got, refuse, "mremap");
      return;
    }
    const target = got as number;
    if (how === "fixed") this.#same(got, to, "mremap");
    const old = Math.min(from, count);
    if (from >= count && how !== "fixed") {
      this.#same(got, at, "mremap");
      return;
    }
    const room = how !== "fixed" && at + from === end && space.isFree(end, count - from);
    if (room) this.#same(got, at, "mremap");
    if (target !== at) this.#same(space.isFree(target, count), true, `mremap to ${target}`);
    space.move(at, old, target, count, vma?.anonVma === 0);
  }

  /** The errno that mremap must give, after what it unmaps before it refuses; `vmaEnd` as it was. */
  #refuseMremap(
    { at: page, from, to: toPage, count, how }: OpOf<"mremap">,
    vmaEnd: number,
  ): string | undefined {
    const space = this.#space;
    const [at, to] = [BASE + page, BASE + toPage];
    let end = vmaEnd;
    if (how === "fixed") {
      if (to < at + Math.max(from, 1) && at < to + count) return "EINVAL";
      space.unmap(to, count);
      if (to > at) end = Math.min(end, to);
    }
    const old = Math.min(from, count);
    if (from > count) space.unmap(at + count, from - count);
    if (from >= count && how !== "fixed") return undefined;
    if (end === 0 || at + old > end) return "EFAULT";
    if (old === 0 && space.pages.get(at)?.shared !== true) return "EINVAL";
    const room = at + from === end && space.isFree(end, count - from);
    return how === "in place" && !room ? "ENOMEM" : undefined;
  }

  #brk(delta: number): void {
    const { start, end } = this.#heap;
    const want = end + delta;
    const oldPage = Math.ceil(end / 4096);
    const newPage = Math.ceil(want / 4096);
    const room = newPage <= oldPage || this.#space.isFree(oldPage, newPage - oldPage + 1);
    const possible = want >= start && room;
    this.#same(this.#task.brk(want), possible ? want : end, "brk");
    if (!possible) return;
    this.#heap = { start, end: want };
    if (newPage < oldPage) this.#space.unmap(newPage, oldPage - newPage);
    const kind = { perms: "rw-", shared: false, growsDown: false, file: undefined };
    if (newPage > oldPage) this.#space.map(oldPage, newPage - oldPage, kind);
  }

  #load(address: number): void {
    const outcome = this.#space.access(address, false);
    const want = outcome === "ok" ? this.#space.load(address) : `${outcome} at ${address}`;
    this.#same(
      attempt(() => this.#task.load32(address)),
      want,
      `load of ${address}`,
    );
  }

  #store(address: number): void {
    const outcome = this.#space.access(address, true);
    const value = ++stamp;
    const got = attempt(() => {
      this.#task.store32(address, value);
      return "ok";
    });
    this.#same(got, outcome === "ok" ? "ok" : `${outcome} at ${address}`, `store to ${address}`);
    if (outcome === "ok") this.#space.store(address, value);
  }

  #touch(at: number, count: number, write: boolean): void {
    const got = attempt(() => {
      this.#task.touch(at * 4096, count * 4096, write ? "write" : "read");
      return "ok";
    });
    let want = "ok";
    for (let page = at; page < at + count && want === "ok"; page++) {
      const outcome = this.#space.access(page * 4096, write);
      if (outcome !== "ok") want = `${outcome} at ${page * 4096}`;
      else if (write) this.#space.store(page * 4096, page);
    }
    this.#same(got, want, "touch");
  }

  #copy(source: number, target: number, length: number): void {
    const got = attempt(() => {
      this.#task.copy(target, source, length);
      return "ok";
    });
    this.#same(got, this.#modelCopy(source, target, length), "copy");
  }

  /** Piece by piece: each lies in one page on both sides, and its target is looked at last. */
  #modelCopy(source: number, target: number, length: number): string {
    const space = this.#space;
    const left = (address: number): number => 4096 - (address % 4096);
    for (let done = 0; done < length;) {
      const [from, to] = [source + done, target + done];
      const piece = Math.min(left(from), left(to), length - done);
      const read = space.access(from, false);
      if (read !== "ok") return `${read} at ${from}`;
      const written = space.access(to, true);
      if (written !== "ok") return `${written} at ${to}`;
      const words = Array.from({ length: piece / 4 }, (_, i) => space.load(from + i * 4));
      words.forEach((word, i) => {
        space.store(to + i * 4, word);
      });
      done += piece;
    }
    return "ok";
  }

  #fork(op: OpOf<"fork">): void {
    const space = this.#space.clone();
    this.#machine.program("child", (task) => {
      const inherited = { space, heapStart: this.#heap.start };
      new Comparison(this.#machine, task, this.#files, inherited).run(op.child);
    });
    this.#task.fork("child");
    this.run(op.parent);
    const { status, signal } = this.#task.wait();
    this.#same([status, signal], [0, 0], "wait");
  }

  /** The kernel's VMAs, joined where nothing but an anon_vma keeps them apart. */
  #kernelList(): string[] {
    const { cpu } = this.#machine;
    const mm = mmOfTask(cpu, this.#task.address);
    const vmas = vmasOf(cpu, mm);
    this.#same(mmField(cpu, mm, "map_count"), vmas.length, "map_count");
    this.#findable(vmas);
    if (this.#exact) return vmas.map((vma) => this.#line(vma));
    const runs: Run[] = [];
    for (const vma of vmas) {
      const last = runs.at(-1);
      if (goesOn(last, vma)) last.end = vma.end;
      else runs.push({ ...vma });
    }
    const pages = runs.reduce((sum, { start, end }) => sum + (end - start) / 4096, 0);
    this.#same(mmField(cpu, mm, "total_vm"), pages, "total_vm");
    return runs.map((run) => this.#line(run));
  }

  /** A line as the model writes it. */
  #line({ start, end, flags, file, pgoff }: Vma): string {
    const known = this.#files.find(({ handle }) => handle === file)?.name;
    const name = file === 0 ? "anonymous" : (known ?? "shared memory");
    const range = `${start / 4096 - BASE}-${end / 4096 - BASE}`;
    return `${range} ${permissions(flags)} ${pgoff} ${name}`;
  }

  /** Every VMA can be found from its file and from its anon_vma, and a file's tree holds its users and nothing else. */
  #findable(vmas: readonly Vma[]): void {
    const { cpu } = this.#machine;
    for (const { at, file, anonVma } of vmas) {
      const listed = anonVma === 0 || anonVmaList(cpu, anonVma).includes(at);
      this.#same(listed, true, "a VMA is on the list of its anon_vma");
      if (file === 0) continue;
      const tree = fileTree(cpu, file);
      this.#same(tree.includes(at), true, "a VMA is in the tree of its file");
      const handles = this.#files.some(({ handle }) => handle === file) ? 1 : 0;
      this.#same(tree.length, cpu.k.inode_references(file) - handles, "VMAs of a file");
    }
  }

  #same(got: unknown, want: unknown, what: string): void {
    if (JSON.stringify(got) !== JSON.stringify(want)) expect(got, what).toEqual(want);
  }
}

/** VMAs joined into one. */
type Run = Omit<Vma, "end"> & { end: number };

function goesOn(last: Run | undefined, next: Vma): last is Run {
  return (
    last?.end === next.start &&
    last.flags === next.flags &&
    last.file === next.file &&
    next.pgoff === last.pgoff + (next.start - last.start) / 4096
  );
}

/** Counts stores, so that every value is written once. */
let stamp = 0;

function sharedMemory(pages: number): ModelFile {
  return { name: "shared memory", pages, born: () => 0, written: new Map() };
}

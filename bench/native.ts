// The C programs of bench/native/: builds them if there is a C compiler, starts them, and speaks
// their line protocol, so that a bench can run rounds of C between rounds of wasm.
//
// A missing compiler is no error: openTwin() and openLinux() then give undefined, and
// nativeProblem() says why. A compiler that refuses the sources is one.

import { execFile, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { ConfigError } from "../src/kernel/error.ts";
import * as structs from "../src/layout/structs.gen.ts";
import { PAGE_SIZE } from "../src/layout/units.ts";
import { type ProcessLayout, type VmaLayout } from "../src/workload/process-layout/layout.ts";
import { residentRange, writtenRange } from "../src/workload/process-layout/layout.ts";

/** A running C program. Commands are answered in the order in which they were given. */
export interface NativeProgram {
  /**
   * Runs one command line of bench/native/README.md and resolves to the numbers of its answer.
   * Rejects with the program's sentence if it refuses the command, or with its last words if it
   * has ended.
   */
  run(command: string): Promise<number[]>;
  /** Ends the program; resolves when it has ended. */
  close(): Promise<void>;
}

/** The kernels that have a twin. */
export type TwinKernel = "2.6.6" | "anonmm" | "2.6.8" | "2.6.9";

const SOURCES = fileURLToPath(new URL("native/", import.meta.url));
const PRODUCTS = fileURLToPath(new URL("../build/native/", import.meta.url));

const FLAGS = ["-O2", "-std=gnu11", "-Wall", "-Wextra"];
/** The twin keeps pointers in 32 bits: it must be linked at a fixed low address. */
const TWIN_FLAGS = [...FLAGS, "-fno-strict-aliasing", "-fno-pie", "-no-pie", ...layoutFlags()];
/** anonmm counts as 2.6.8 does. */
const RMAP: Readonly<Record<TwinKernel, number>> = {
  "2.6.6": 3,
  anonmm: 1,
  "2.6.8": 1,
  "2.6.9": 2,
};

/** Why there can be no C program here; undefined: there can. */
export function nativeProblem(): string | undefined {
  if (process.platform !== "linux") {
    return `the C programs of bench/native need Linux; this is ${process.platform}`;
  }
  if (findCompiler() !== undefined) return undefined;
  return "there is no C compiler: install gcc or clang, or set CC to one";
}

/** The C twin of `kernel`; undefined if nativeProblem() says so. */
export async function openTwin(kernel: TwinKernel): Promise<NativeProgram | undefined> {
  return start(`twin-${kernel}`, "twin.c", [...TWIN_FLAGS, `-DRMAP=${RMAP[kernel]}`]);
}

/** The measurements of this machine's own Linux; undefined if nativeProblem() says so. */
export async function openLinux(): Promise<NativeProgram | undefined> {
  return start("linux", "linux.c", FLAGS);
}

/** The testcases of racier scale on this machine's own Linux; undefined if nativeProblem() says so. */
export async function openScale(): Promise<NativeProgram | undefined> {
  return start("scale", "scale.c", FLAGS);
}

/**
 * How the locks in C do what is atomic: as a C compiler does; with a sequentially consistent store in place of
 * the release; with that, and V8's loops in place of `lock xadd` and `lock and`.
 */
export type LocksForm = "release" | "seq_cst" | "loops";

const LOCKS_MACROS: Readonly<Record<LocksForm, readonly string[]>> = {
  release: ["-DSTORE_ORDER=__ATOMIC_RELEASE"],
  seq_cst: ["-DSTORE_ORDER=__ATOMIC_SEQ_CST"],
  loops: ["-DSTORE_ORDER=__ATOMIC_SEQ_CST", "-DRMW_LOOPS"],
};

/** Six locks in C; undefined if nativeProblem() says so. */
export async function openLocks(form: LocksForm): Promise<NativeProgram | undefined> {
  return start(`locks-${form}`, "locks.c", [...FLAGS, "-pthread", ...LOCKS_MACROS[form]]);
}

/**
 * The commands that tell a twin about `layout`, to run before "forkexit layout R".
 * @param hot addresses of the pages that parent and child write around the fork
 */
export function twinLayout(layout: ProcessLayout, hot: readonly number[] = []): string[] {
  const files = new Map<string, number>();
  return [
    "layout",
    ...layout.vmas.map((vma) => vmaCommand(vma, fileNumber(files, vma))),
    ...hot.map((address) => `hot ${address.toString(16)}`),
  ];
}

function vmaCommand(vma: VmaLayout, file: number): string {
  const pages = ({ start, end }: { start: number; end: number }) => (end - start) / PAGE_SIZE;
  return [
    "vma",
    vma.start.toString(16),
    vma.end.toString(16),
    rights(vma),
    pages(residentRange(vma)),
    pages(writtenRange(vma)),
    file,
    vma.fileOffset / PAGE_SIZE,
  ].join(" ");
}

function rights({ read, write, exec, shared, growsDown }: VmaLayout): string {
  const bits = [read ? "r" : "-", write ? "w" : "-", exec ? "x" : "-", shared ? "s" : "p"];
  return bits.join("") + (growsDown ? "g" : "");
}

/** A number for the file behind a mapping, the same for the same file; 0: anonymous memory. */
function fileNumber(files: Map<string, number>, vma: VmaLayout): number {
  if (vma.inode === 0 && !vma.shared) return 0;
  const key = vma.inode === 0 ? `shared at ${vma.start}` : `${vma.device} ${vma.inode}`;
  const number = files.get(key) ?? files.size + 1;
  files.set(key, number);
  return number;
}

/** The sizes that the kernel's compiler computed: the twin does not compile if its own differ. */
function layoutFlags(): string[] {
  const { FREE_PTE_NR, PAGEVEC_SIZE, ARRAY_CACHE_SLOTS, TLB_SETS, TLB_WAYS } = structs;
  const values = {
    SIZEOF_PAGE: structs.Page.SIZE,
    SIZEOF_VM_AREA: structs.VmArea.SIZE,
    SIZEOF_MM: structs.MmStruct.SIZE,
    SIZEOF_ANON_VMA: structs.AnonVma.SIZE,
    SIZEOF_INODE: structs.Inode.SIZE,
    SIZEOF_TASK: structs.Task.SIZE,
    SIZEOF_SLAB: structs.Slab.SIZE,
    ...{ FREE_PTE_NR, PAGEVEC_SIZE, ARRAY_CACHE_SLOTS, TLB_SETS, TLB_WAYS },
  };
  return Object.entries(values).map(([name, value]) => `-D${name}=${value}`);
}

/** Builds a program if need be, and starts it. */
async function start(
  name: string,
  source: string,
  flags: readonly string[],
): Promise<NativeProgram | undefined> {
  const compiler = process.platform === "linux" ? findCompiler() : undefined;
  if (compiler === undefined) return undefined;
  const path = `${PRODUCTS}${name}`;
  const stamp = stampOf(compiler, flags);
  if (!isFresh(path, stamp)) await build(compiler, [...flags, `${SOURCES}${source}`], path, stamp);
  return connect(path, name);
}

/** The compiler's command: CC, or the first that there is. */
function findCompiler(): string | undefined {
  const chosen = process.env["CC"];
  if (chosen === undefined || chosen === "") {
    return ["cc", "gcc", "clang"].find((command) => versionOf(command) !== undefined);
  }
  if (versionOf(chosen) !== undefined) return chosen;
  throw new ConfigError(`CC is "${chosen}", which does not run: unset it or name a C compiler`);
}

/** What a compiler says about itself; undefined if it does not run. */
function versionOf(compiler: string): string | undefined {
  const { status, stdout } = spawnSync(compiler, ["--version"], { encoding: "utf8" });
  return status === 0 ? stdout : undefined;
}

/** A hash of all that a program is made of. */
function stampOf(compiler: string, flags: readonly string[]): string {
  const hash = createHash("sha256");
  hash.update(JSON.stringify([compiler, versionOf(compiler), flags]));
  const sources = readdirSync(SOURCES).filter((file) => /\.[ch]$/.test(file));
  for (const file of sources.sort()) hash.update(readFileSync(`${SOURCES}${file}`));
  return hash.digest("hex");
}

function isFresh(path: string, stamp: string): boolean {
  const file = `${path}.stamp`;
  return existsSync(path) && existsSync(file) && readFileSync(file, "utf8") === stamp;
}

/** Compiles under another name first: two benches may build at once. */
async function build(
  compiler: string,
  args: readonly string[],
  path: string,
  stamp: string,
): Promise<void> {
  const draft = `${path}.${process.pid}`;
  mkdirSync(PRODUCTS, { recursive: true });
  await promisify(execFile)(compiler, [...args, "-o", draft]);
  renameSync(draft, path);
  writeFileSync(`${path}.stamp`, stamp);
}

interface Waiter {
  command: string;
  resolve: (numbers: number[]) => void;
  reject: (error: Error) => void;
}

/** Starts a program and matches its answers to the commands. */
function connect(path: string, name: string): NativeProgram {
  const child = spawn(path, [], { stdio: "pipe" });
  const waiters: Waiter[] = [];
  let lastWords = "";
  let ended: Error | undefined;
  const finished = new Promise<void>((resolve) => {
    const end = (reason: string): void => {
      ended ??= new Error(`${name} has ended (${reason}): ${lastWords.trim()}`);
      for (const waiter of waiters.splice(0)) waiter.reject(ended);
      resolve();
    };
    child.on("error", (error) => {
      end(error.message);
    });
    child.on("close", (code, signal) => {
      end(signal ?? `status ${code}`);
    });
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    lastWords = (lastWords + text).slice(-2000);
  });
  // A program that has ended cannot be written to; "close" tells why it has.
  child.stdin.on("error", () => undefined);
  createInterface({ input: child.stdout }).on("line", (line) => {
    const waiter = waiters.shift();
    if (waiter !== undefined) settle(waiter, line);
  });

  return {
    run: (command) =>
      new Promise((resolve, reject) => {
        if (ended !== undefined) {
          reject(ended);
          return;
        }
        waiters.push({ command, resolve, reject });
        child.stdin.write(`${command}\n`);
      }),
    close: () => {
      if (ended === undefined) child.stdin.end("quit\n");
      return finished;
    },
  };
}

/** Gives one answer to who waits for it. */
function settle({ command, resolve, reject }: Waiter, line: string): void {
  const [status, ...words] = line.split(" ");
  if (status === "ok") resolve(words.map(Number));
  else reject(new Error(`"${command}": ${line.replace(/^error /, "")}`));
}

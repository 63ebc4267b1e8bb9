// The program by which a lock is explored: each CPU takes it a few times in different ways, and what it
// protects are two words that are changed plainly, one after the other. A lock that lets two in loses a
// count, or shows a reader two different words; one that forgets a waiter leaves it waiting for ever.
//
//            most locks                           locks that sleep
//   CPU 0    write, and try to *                  write
//   CPU 1    read or write, try to write          read or write
//   CPU 2    try to read, write                   try to write
//   CPU 3    write                                write
//
// * if there are no readers, or two versions: only the second change of a writer is one that a reader sees.
// Left out: two locks at once; what a lock promises beyond exclusion (test/examination/lab-order.ts).

import { LAB_MEMORY } from "./memory.ts";

/** Where things lie, from the arena on. */
export const EXPLORED_AT = {
  lock: LAB_MEMORY.arena,
  /** Two versions of what is protected, 64 bytes apart; each has two words. */
  data: LAB_MEMORY.arena + 0x4000,
  /** How often each CPU has changed it. */
  done: LAB_MEMORY.arena + 0x4100,
  nodes: LAB_MEMORY.arena + 0x5000,
  nodeBytes: 0x400,
} as const;

/** CPUs of such a program, at most. */
export const MAX_LOCK_CPUS = 4;

const { lock, data, done, nodes, nodeBytes } = EXPLORED_AT;

const HEAD = `import * as lock from "racier/subject";
import { read_once } from "racier/arch/atomic";
import { smp_processor_id } from "racier/arch/percpu";
import { lock_acquire, lock_acquire_tried, lock_release } from "racier/lock/lockdep";

const LOCK: usize = ${lock};
const DATA: usize = ${data};
/** Names of the lock for who looks after misuse; two bits that no kernel lock uses together. */
const KEY: usize = LOCK | 3;
const HAS_READERS: bool = isDefined(lock.acquire_shared) || isDefined(lock.read_begin);
const HAS_VERSIONS: bool = isDefined(lock.read_version);
const HAS_RETRY: bool = isDefined(lock.read_begin);

function node(): usize { return ${nodes} + smp_processor_id() * ${nodeBytes}; }

function get(at: usize): i32 {
  return HAS_RETRY ? atomic.load<i32>(at) : load<i32>(at);
}
function set(at: usize, value: i32): void {
  if (HAS_RETRY) atomic.store<i32>(at, value);
  else store<i32>(at, value);
}

function change(): void {
  let from = DATA;
  let to = DATA;
  if (isDefined(lock.write_version)) {
    to += lock.write_version(LOCK) * 64;
    from += (1 - lock.write_version(LOCK)) * 64;
  }
  set(to, get(from) + 1);
  set(to + 8, get(from + 8) + 1);
  const done: usize = ${done} + smp_processor_id() * 8;
  store<i32>(done, load<i32>(done) + 1);
}

function look(at: usize): void {
  const first = get(at);
  assert(first == get(at + 8), "a reader was inside while a writer was");
}

function write(): void {
  lock_acquire(KEY, 0);
  lock.acquire(LOCK, node());
  change();
  lock_release(KEY);
  lock.release(LOCK, node());
}

function try_write(): void {
  if (isDefined(lock.try_acquire)) {
    if (!lock.try_acquire(LOCK, node())) return;
    lock_acquire_tried(KEY);
    change();
    lock_release(KEY);
    lock.release(LOCK, node());
  } else {
    write();
  }
}

function read(): void {
  if (isDefined(lock.acquire_shared)) {
    lock.acquire_shared(LOCK, node());
    look(isDefined(lock.read_version) ? DATA + lock.read_version(LOCK) * 64 : DATA);
    lock.release_shared(LOCK, node());
  } else if (isDefined(lock.read_begin)) {
    let first: i32;
    let second: i32;
    let begun: u32;
    do {
      begun = lock.read_begin(LOCK);
      first = get(DATA);
      second = get(DATA + 8);
    } while (lock.read_retry(LOCK, begun));
    assert(first == second, "a reader went on with what a writer had half changed");
  }
}

function others(): void {
  if (HAS_READERS) read();
  else write();
}

function try_read(): void {
  if (isDefined(lock.try_acquire_shared)) {
    if (!lock.try_acquire_shared(LOCK, node())) return;
    look(isDefined(lock.read_version) ? DATA + lock.read_version(LOCK) * 64 : DATA);
    lock.release_shared(LOCK, node());
  }
}
`;

/** What each CPU does, in this order; "others": readers if there are any, else writers. */
const PROGRAMS = {
  full: [
    "write(); if (!HAS_READERS || HAS_VERSIONS) try_write();",
    "others(); try_write();",
    "try_read(); write();",
  ],
  small: ["write();", "others();", "try_write();"],
} as const;

/**
 * The text of the program for so many CPUs.
 * @param sleeps the lock has so many steps of its own that each CPU takes it only once
 */
export function exploredEntry(cpus: number, sleeps: boolean): string {
  const steps = [...PROGRAMS[sleeps ? "small" : "full"], "write();"].slice(0, cpus);
  const programs = steps.map((calls, cpu) => `export function cpu${cpu}(): void { ${calls} }\n`);
  const sum = Array.from({ length: cpus }, (_, cpu) => `load<i32>(${done + cpu * 8})`).join(" + ");
  return `${HEAD}
assert(lock.LOCK_BYTES > 0 && lock.LOCK_BYTES <= ${data - lock}, "LOCK_BYTES is out of range");
assert(lock.NODE_BYTES >= 0 && lock.NODE_BYTES <= ${nodeBytes}, "NODE_BYTES is out of range");
export function setup(): void { if (isDefined(lock.init)) lock.init(LOCK, ${cpus}); }
${programs.join("")}
export function check(): bool {
  let at = DATA;
  if (isDefined(lock.read_version)) at += lock.read_version(LOCK) * 64;
  const count = ${sum};
  return load<i32>(at) == count && load<i32>(at + 8) == count;
}
`;
}

/** What lies at an address of such a program, for reports; undefined: nothing of it. */
export function exploredName(address: number): string | undefined {
  const { percpu, percpuBytes, arena } = LAB_MEMORY;
  const plus = (offset: number): string => (offset === 0 ? "" : `+${offset}`);
  if (address >= percpu && address < arena) {
    const cpu = Math.floor((address - percpu) / percpuBytes);
    return `cpu[${cpu}]${plus((address - percpu) % percpuBytes)}`;
  }
  if (address >= lock && address < data) return `lock${plus(address - lock)}`;
  if (address >= data && address < done) {
    const version = address >= data + 64 ? "'" : "";
    return `${(address & 8) === 0 ? "first" : "second"}${version}`;
  }
  if (address >= done && address < nodes) return `done[${(address - done) >>> 3}]`;
  if (address < nodes || address >= nodes + nodeBytes * MAX_LOCK_CPUS) return undefined;
  return `node[${Math.floor((address - nodes) / nodeBytes)}]${plus((address - nodes) % nodeBytes)}`;
}

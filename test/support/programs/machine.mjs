// Programs that a machine must survive, or must not.

const PAGE = 4096;
const MEM_MAP = 0x220000;

/** Touches, forks and waits; its answer shows that all of that worked. */
export function work(task, base) {
  const start = task.mmap({ length: 4 * PAGE, read: true, write: true });
  task.store32(start, base + task.cpuId);
  task.fork("workChild", { args: [start] });
  const { status } = task.wait();
  return [task.load32(start), status];
}

export function workChild(task, start) {
  task.store32(start, 0);
  task.exit(7);
}

/** Breaks a rule on one CPU while the others work on. */
export function breaksOn(task, victim) {
  if (task.cpuId !== victim) for (;;) task.munmap(task.mmap({ length: PAGE, read: true }), PAGE);
  const start = task.mmap({ length: PAGE, read: true, write: true });
  task.store32(start, 1);
  task.cpu.k.panic(13, 0x1230, 42);
}

/** Frees a frame of its own while it is mapped. */
export function freesMapped(task) {
  const start = task.mmap({ length: PAGE, read: true, write: true });
  task.store32(start, 0x5eed);
  task.cpu.k.lru_add_drain();
  for (let pfn = 0; pfn < task.cpu.u32.length / 1024; pfn++) {
    if (task.cpu.u32[pfn * 1024] === 0x5eed) task.cpu.k.put_page(MEM_MAP + pfn * 64);
  }
}

/** Goes on after the kernel has stopped, as careless programs do. */
export function swallows(task) {
  try {
    task.cpu.k.panic(13, 0, 0);
  } catch {
    return "all is well";
  }
}

export function throws(task, kind) {
  const what = [new Error("thrown on purpose"), "a string", undefined, new RangeError("of a kind")];
  if (kind === 4) throw Object.assign(new Error("with a function"), { act: () => 0 });
  throw what[kind];
}

export function childThrows(task) {
  task.fork("throws", { args: [0] });
  return task.wait();
}

export function loops() {
  for (;;);
}

export function waitsForNobody(task) {
  task.wait();
}

export function segfaults(task) {
  task.load32(16);
}

export function returns(task, kind) {
  return [undefined, null, 5, { a: [1, 2] }, new Map([[1, 2]]), () => 0, Promise.resolve(5)][kind];
}

export function forksTo(task, cpu) {
  task.fork("workChild", { cpu });
}

export function forksUnknown(task) {
  task.fork("nobody");
}

export function forksManyArgs(task) {
  task.fork("workChild", { args: [1, 2, 3, 4, 5] });
}

export function deep(task, depth) {
  if (depth === 0) return 0;
  task.fork("deep", { args: [depth - 1] });
  return task.wait().status;
}

export function endless(task) {
  return endless(task) + 1;
}

export function shared(task) {
  Atomics.add(task.shared, 0, 1);
  return task.shared.length;
}

/** Forks a child to the other CPU; both count in what the host gave with the job. */
export function sharedWithChild(task) {
  task.fork("shared", { cpu: 1 - task.cpuId });
  task.wait();
  return shared(task);
}

/** Leaves a child behind, which starts when the job has ended. */
export function leavesChild(task) {
  task.fork("shared");
}

/** Ends the thread of its CPU. */
export function exitsThread() {
  process.exit(0);
}

/** Loads from frames without content. */
export function contentless(task, pages) {
  const start = task.mmap({ length: pages * PAGE, read: true, write: true });
  task.touch(start, pages * PAGE);
  task.store32(start, 5);
  task.fork("contentlessChild", { args: [start] });
  task.wait();
  return [task.load32(start), task.load64(start + 8).toString(), task.usage().minorFaults];
}

export function contentlessChild(task, start) {
  task.store32(start, 6);
  task.copy(start + PAGE, start, 100);
}

export const notAFunction = 5;

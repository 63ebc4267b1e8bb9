// Rules about CPUs and tasks: what TLBs hold, who runs where, and that nobody holds a lock while
// the machine is quiet.

import {
  AnonMm,
  AnonVma,
  CACHE_ANONMM,
  CACHE_ANON_VMA,
  CACHE_INODE,
  CACHE_MM,
  CACHE_STRIDE,
  CACHE_TABLE,
  CACHE_TASK,
  DISK,
  Disk,
  INIT_MM,
  Inode,
  KmemCache,
  MAX_NR_ZONES,
  FILES_LOCK,
  MMLIST_LOCK,
  RCU_STATE,
  RcuState,
  MmStruct,
  Mutex,
  NR_CACHES,
  NR_PAGE_BIT_LOCKS,
  PAGE_BIT_LOCKS,
  PAGE_BIT_STRIDE,
  MAX_SWAPFILES,
  PERCPU_TLB,
  PG_locked,
  PG_maplock,
  PerCpu,
  RwSemaphore,
  SWAPPER_TREE_LOCK,
  SWAP_INFO,
  SWAP_INFO_STRIDE,
  SWAP_LIST,
  SwapInfo,
  SwapList,
  TASKLIST_LOCK,
  TASK_ZOMBIE,
  TLB_ENTRY_SIZE,
  TLB_FLUSH,
  TLB_GENERATION_MAX,
  TLB_SETS,
  TLB_STATE_LAZY_FLUSH,
  TLB_WAYS,
  Task,
  TlbFlush,
  ZONE_STRIDE,
  ZONE_TABLE,
  Zone,
  _PAGE_DIRTY,
  _PAGE_PRESENT,
  _PAGE_RW,
} from "../../layout/structs.gen.ts";
import { hex } from "./findings.ts";
import { rmapSemaphores } from "./rmap-sems.ts";
import { listNodes } from "./lists.ts";
import { mmName } from "./walk-mms.ts";
import { areaOf, flagsOf, frameName, lockIsFree, type PteRecord, type World } from "./world.ts";

/** What an entry of a TLB may say of a page, given its PTE; a sentence when it says more. */
function tlbComplaint(world: World, entry: number, pte: PteRecord | undefined): string | undefined {
  const low = world.u32(entry + 8);
  const high = world.u32(entry + 12);
  const pfn = (high & 0xffff) * 2 ** 20 + (low >>> 12);
  if (pte === undefined || (pte.low & _PAGE_PRESENT) === 0) {
    return `${frameName(pfn)}, but no PTE is present`;
  }
  if (pfn !== pte.pfn) return `${frameName(pfn)}, but the PTE has ${frameName(pte.pfn)}`;
  if (low & _PAGE_RW && (pte.low & _PAGE_RW) === 0) return "writable, but the PTE is not";
  if (low & _PAGE_DIRTY && (pte.low & _PAGE_DIRTY) === 0) return "dirty, but the PTE is not";
  return undefined;
}

function checkTlb(world: World, cpu: number, ptes: ReadonlyMap<number, PteRecord>): void {
  const area = areaOf(cpu);
  const generation = world.u32(area + PerCpu.tlb_generation);
  for (let i = 0; i < TLB_SETS * TLB_WAYS; i++) {
    const entry = area + PERCPU_TLB + i * TLB_ENTRY_SIZE;
    const low = world.u32(entry);
    if ((low & TLB_GENERATION_MAX) !== generation) continue;
    const virtual = world.u32(entry + 4) * 2 ** 32 + (low - (low & TLB_GENERATION_MAX));
    const complaint = tlbComplaint(world, entry, ptes.get(virtual));
    if (complaint === undefined) continue;
    const name = `TLB of CPU ${cpu}, ${hex(virtual)} of ${mmName(world, world.u32(area + PerCpu.active_mm))}`;
    world.findings.add("I-TLB", name, "no more than the PTE allows", complaint);
  }
}

/** What a CPU still has in its TLB agrees with the page tables that it uses: I-TLB. */
export function checkTlbs(world: World): void {
  for (let cpu = 0; cpu < world.cpus; cpu++) {
    const area = areaOf(cpu);
    // An idle CPU that was told to flush drops everything before it looks at its TLB again.
    if (world.u32(area + PerCpu.tlb_state) === TLB_STATE_LAZY_FLUSH) continue;
    const active = world.u32(area + PerCpu.active_mm);
    const own = world.ptes.filter((pte) => pte.mm.address === active);
    checkTlb(world, cpu, new Map(own.map((pte) => [pte.virtual, pte])));
  }
}

/** Tasks: children are on the list of their parent, ready ones on one run queue: TASKS. */
export function checkTasks(world: World): void {
  const tasks = world.objects[CACHE_TASK] ?? new Set<number>();
  const childOf = new Map<number, number>();
  for (const task of tasks) {
    const name = `children of task ${world.u32(task + Task.pid)}`;
    for (const node of listNodes(world, task + Task.children_next, "TASKS", name)) {
      const child = node - Task.sibling_next;
      if (!tasks.has(child)) world.findings.add("TASKS", name, "tasks that exist", hex(child));
      childOf.set(child, task);
    }
  }
  for (const task of tasks) {
    const name = `parent of task ${world.u32(task + Task.pid)}`;
    world.findings.equal(
      "TASKS",
      name,
      hex(childOf.get(task) ?? 0),
      hex(world.u32(task + Task.parent)),
    );
    const ended = world.u32(task + Task.state) === TASK_ZOMBIE;
    const mm = world.u32(task + Task.mm);
    if (ended ? mm !== 0 : !world.exists(CACHE_MM, mm)) {
      const expected = ended ? "none, since it has ended" : "one that exists";
      world.findings.add(
        "TASKS",
        `address space of task ${world.u32(task + Task.pid)}`,
        expected,
        hex(mm),
      );
    }
  }
  for (let cpu = 0; cpu < world.cpus; cpu++) checkRunqueue(world, cpu, tasks);
}

function checkRunqueue(world: World, cpu: number, tasks: ReadonlySet<number>): void {
  const area = areaOf(cpu);
  const name = `run queue of CPU ${cpu}`;
  const nodes = listNodes(world, area + PerCpu.runqueue_next, "TASKS", name);
  world.findings.equal(
    "TASKS",
    `length of the ${name}`,
    nodes.length,
    world.u32(area + PerCpu.nr_running),
  );
  for (const task of nodes.map((node) => node - Task.run_next)) {
    const own = tasks.has(task) && world.u32(task + Task.cpu) === cpu;
    if (!own) world.findings.add("TASKS", name, "tasks of this CPU", hex(task));
  }
}

/** Every spinlock of the machine, by name. */
function* spinlocks(world: World): Generator<[name: string, address: number]> {
  yield ["mmlist_lock", MMLIST_LOCK];
  yield ["tasklist_lock", TASKLIST_LOCK];
  yield ["files_lock", FILES_LOCK];
  yield ["disk.lock", DISK + Disk.lock];
  yield ["swap_list_lock", SWAP_LIST + SwapList.lock];
  yield ["tree_lock of swapper_space", SWAPPER_TREE_LOCK];
  for (let area = 0; area < MAX_SWAPFILES; area++) {
    yield [`swap_device_lock of area ${area}`, SWAP_INFO + area * SWAP_INFO_STRIDE + SwapInfo.lock];
  }
  yield ["rcu_state.lock", RCU_STATE + RcuState.lock];
  for (let number = 0; number < NR_PAGE_BIT_LOCKS; number++) {
    yield [`page lock ${number} of the table`, PAGE_BIT_LOCKS + number * PAGE_BIT_STRIDE];
  }
  yield ["tlbstate_lock", TLB_FLUSH + TlbFlush.tlbstate_lock];
  for (let zone = 0; zone < MAX_NR_ZONES; zone++) {
    const at = ZONE_TABLE + zone * ZONE_STRIDE;
    yield [`lock of zone ${zone}`, at + Zone.lock];
    yield [`lru_lock of zone ${zone}`, at + Zone.lru_lock];
  }
  for (let id = 0; id < NR_CACHES; id++) {
    yield [`lock of cache ${id}`, CACHE_TABLE + id * CACHE_STRIDE + KmemCache.lock];
  }
  for (let cpu = 0; cpu < world.cpus; cpu++) {
    yield [`runqueue_lock of CPU ${cpu}`, areaOf(cpu) + PerCpu.runqueue_lock];
  }
  for (const mm of [INIT_MM, ...(world.objects[CACHE_MM] ?? [])]) {
    yield [`page_table_lock of mm ${hex(mm)}`, mm + MmStruct.page_table_lock];
    yield [
      `wait_lock of mmap_sem of mm ${hex(mm)}`,
      mm + MmStruct.mmap_sem_0 + RwSemaphore.wait_lock,
    ];
  }
  for (const anonVma of world.objects[CACHE_ANON_VMA] ?? []) {
    yield [`lock of anon_vma ${hex(anonVma)}`, anonVma + AnonVma.lock];
  }
  for (const anonMm of world.objects[CACHE_ANONMM] ?? []) {
    yield [`lock of anonmm ${hex(anonMm)}`, anonMm + AnonMm.lock];
  }
  for (const inode of world.objects[CACHE_INODE] ?? []) {
    yield [`tree_lock of inode ${hex(inode)}`, inode + Inode.tree_lock];
    yield [`i_mmap_lock of inode ${hex(inode)}`, inode + Inode.i_mmap_lock];
    yield [`wait_lock of i_sem of inode ${hex(inode)}`, inode + Inode.i_sem_0 + Mutex.wait_lock];
  }
  for (const [name, at] of rmapSemaphores(world)) {
    yield [`wait_lock of ${name}`, at + RwSemaphore.wait_lock];
  }
}

/** Nobody is inside: no lock, semaphore, page lock, gather or shootdown is in use: LOCKS. */
export function checkLocks(world: World): void {
  const zero = (name: string, found: number): void => {
    world.findings.equal("LOCKS", name, 0, found);
  };
  for (const [name, address] of spinlocks(world)) {
    const word = world.u32(address);
    if (!lockIsFree(word)) world.findings.add("LOCKS", name, "free", hex(word));
  }
  for (const mm of world.objects[CACHE_MM] ?? []) {
    zero(
      `holders of mmap_sem of mm ${hex(mm)}`,
      world.i32(mm + MmStruct.mmap_sem_0 + RwSemaphore.activity),
    );
  }
  for (const [name, at] of rmapSemaphores(world)) {
    zero(`holders of ${name}`, world.i32(at + RwSemaphore.activity));
  }
  for (const inode of world.objects[CACHE_INODE] ?? []) {
    zero(`holder of i_sem of inode ${hex(inode)}`, world.u32(inode + Inode.i_sem_0 + Mutex.held));
  }
  for (let pfn = 0; pfn < world.maxPfn; pfn++) {
    const held = flagsOf(world, pfn) & (PG_locked | PG_maplock);
    if (held !== 0) {
      world.findings.add("LOCKS", `lock bits of ${frameName(pfn)}`, "clear", hex(held));
    }
  }
  for (let cpu = 0; cpu < world.cpus; cpu++) {
    zero(`gather_mm of CPU ${cpu}`, world.u32(areaOf(cpu) + PerCpu.gather_mm));
    zero(`irq_disabled of CPU ${cpu}`, world.u32(areaOf(cpu) + PerCpu.irq_disabled));
  }
  zero("CPUs that have yet to answer a shootdown", world.u64(TLB_FLUSH + TlbFlush.flush_cpumask));
}

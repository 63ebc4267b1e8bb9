// Where the explorer keeps its own words: behind the physical memory of the machine, which neither the
// kernel nor a program can address. Everything here survives the reset between two executions, but
// for the shadow, which is taken back with the memory.
//
//   base | status | CPUs, 192 bytes each | stacks of suspended CPUs | events | undo records | values |
//   known spins | classes of sites | shadow of the machine's memory

@external("explore", "base")
declare const base: usize;

/** CPUs that can be explored. */
export const MAX_CPUS: u32 = 8;
/** Bytes that the frames of a suspended CPU may take. */
export const STACK_BYTES: u32 = 16384;
/** Events of an execution, at most; one more is a livelock. */
export const MAX_EVENTS: u32 = 65536;
/** Words of 64 bits that an execution may overwrite. */
export const MAX_UNDO: u32 = 524288;
/** Sites of accesses that can have a class of their own. */
export const MAX_SITES: u32 = 16384;
/** Words that a spinning loop may read. */
export const SPIN_WORDS: u32 = 8;

const STATUS_BYTES: u32 = 64;
const CPU_BYTES: u32 = 192;
const EVENT_BYTES: u32 = 16;
const UNDO_BYTES: u32 = 16;
const VALUE_BYTES: u32 = 16;

/** How things stand between two turns: the host reads it where it lies, which is sooner done than a call. */
@unmanaged @final
export class Status {
  /** Bits of the CPUs that can run. */
  runnable: u32;
  /** Bits of those that wait. */
  blocked: u32;
  /** Bits of those that have frames to go back to. */
  suspended: u32;
  /** Bits of those whose next event other executions have. */
  asleep: u32;
  /** Events of this execution. */
  events: u32;
  /** Those of them that were vain attempts: a CPU without that knowledge does not make them. */
  vain: u32;
}

@inline
export function status(): Status {
  return changetype<Status>(base);
}

/** What the explorer knows of a CPU. */
@unmanaged @final
export class CpuState {
  /** Word it waits on, or 0. */
  wait_addr: u32;
  /** Second word it waits on, or 0. */
  wait_addr2: u32;
  /** Event it stands before: kind, size and site. */
  pending_meta: u32;
  /** Address of that event. */
  pending_addr: u32;
  /** Bytes of that event. */
  pending_size: u32;
  /** Number of the write that made it runnable again, + 1; 0 if its next event needs none. */
  woken_by: u32;
  /** Where it may have begun to spin: kind, size and site; 0 if nowhere. */
  spin_meta: u32;
  /** Address of that access. */
  spin_addr: u32;
  /** What it read there. */
  spin_value: u64;
  /** Words read since, at most SPIN_WORDS; more: any. */
  spin_count: u32;
  /** Bytes of the frames it had there; 0: not looked at yet. */
  spin_frames: u32;
  /** Sum of those frames. */
  spin_hash: u64;
  /** 1: it waits for any of the words that its loop reads. */
  waits_spinning: u32;
  /** Plain accesses from here to private_to are this CPU's own business. */
  private_from: u32;
  /** See private_from. */
  private_to: u32;
  /** Word that ends its waits when it is not 0, or 0. */
  attention_addr: u32;
  /** Access before which it had other frames when it came here, having changed nothing since; 0: none. */
  came_meta: u32;
  /** Bytes of those frames. */
  came_frames: u32;
  /** Sum of those frames. */
  came_hash: u64;
  /** Changes of memory by anybody until it came so. */
  came_changes: u32;
  /** Changes of memory by anybody until its frames were looked at. */
  spin_changes: u32;
  /** The first of SPIN_WORDS addresses read since. */
  spin_words: u32;
}

@inline
export function cpu_state(cpu: u32): CpuState {
  return changetype<CpuState>(base + STATUS_BYTES + cpu * CPU_BYTES);
}

/** Frames of a suspended CPU: two words that asyncify keeps, then the frames. */
@inline
export function stack_of(cpu: u32): usize {
  return base + STATUS_BYTES + MAX_CPUS * CPU_BYTES + cpu * STACK_BYTES;
}

/** Event number `index`: kind, size and site | address | bytes | CPU and who was runnable. */
@inline
export function event_at(index: u32): usize {
  return stack_of(MAX_CPUS) + index * EVENT_BYTES;
}

/** Undo record number `index`: address | - | what was there. */
@inline
export function undo_at(index: u32): usize {
  return event_at(MAX_EVENTS) + index * UNDO_BYTES;
}

/** Values before and after event number `index`, when they are recorded. */
@inline
export function values_at(index: u32): usize {
  return undo_at(MAX_UNDO) + index * VALUE_BYTES;
}

/** A state in which a CPU spins, found before: the access, its frames, and what its loop reads. */
@unmanaged @final
export class KnownSpin {
  /** Kind, size and site of the access. */
  meta: u32;
  /** Its address. */
  addr: u32;
  /** Sum of the frames. */
  hash: u64;
  /** Bytes of the frames. */
  frames: u32;
  /** Words that the loop reads. */
  count: u32;
  /** The first of SPIN_WORDS pairs: address, -, what it holds. */
  words: u32;
}

const KNOWN_BYTES: u32 = 32 + SPIN_WORDS * 16;
/** Spinning states that are remembered. */
export const MAX_KNOWN: u32 = 128;

/** Spinning state number `index`. */
@inline
export function known_spin(index: u32): KnownSpin {
  return changetype<KnownSpin>(values_at(MAX_EVENTS) + index * KNOWN_BYTES);
}

/** Pair number `index` of a spinning state. */
@inline
export function known_word(known: KnownSpin, index: u32): usize {
  return changetype<usize>(known) + 32 + index * 16;
}

/** The end of the machine's memory: nothing that is explored may touch what comes then. */
@inline
export function machine_end(): u32 {
  return <u32>base;
}

/** Classes of the sites, a byte each. */
@inline
export function site_classes(): usize {
  return changetype<usize>(known_spin(MAX_KNOWN));
}

/** The byte of the shadow that has the bit of `addr`. */
@inline
export function shadow_at(addr: u32): usize {
  return site_classes() + MAX_SITES + (addr >> 6);
}

/** The end of what the explorer needs. */
export function memory_end(): usize {
  return shadow_at(machine_end());
}

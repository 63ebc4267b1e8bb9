// Programs that use one lock from several CPUs. A lock is named by kind and address; the words that the CPUs talk over lie
// behind it: +128 the counter under the lock, +132 who is inside, +136 violations, +140 turn, +144 log length, +148 the log.

const COUNTER = 128;
const INSIDE = 132;
const VIOLATIONS = 136;
const TURN = 140;
const LOG = 144;
const MEETING = 208;
/** The bit of a bit spinlock. */
const BIT = 1 << 15;

/** Kinds by number: how to take and how to free. */
const KINDS = [
  ["spin", (k, at) => k.spin_lock(at), (k, at) => k.spin_unlock(at)],
  ["bit", (k, at) => k.bit_spin_lock(BIT, at), (k, at) => k.bit_spin_unlock(BIT, at)],
  ["mutex", (k, at) => k.mutex_lock(at), (k, at) => k.mutex_unlock(at)],
  ["write", (k, at) => k.down_write(at), (k, at) => k.up_write(at)],
  ["page", (k, at) => k.lock_page(at), (k, at) => k.unlock_page(at)],
  ["read", (k, at) => k.down_read(at), (k, at) => k.up_read(at)],
  ["try", (k, at) => void takeByTrying(k, at), (k, at) => k.spin_unlock(at)],
];

function takeByTrying(k, at) {
  while (k.spin_trylock(at) === 0) k.serve_ipis();
}

const word = (address) => address >>> 2;

/** Waits until the word has a value; gives the core away meanwhile. */
function await_(i32, address, value) {
  for (;;) {
    const seen = Atomics.load(i32, word(address));
    if (seen === value) return;
    Atomics.wait(i32, word(address), seen, 1);
  }
}

/** A frame with a free lock of each kind at its start; returns its address. The page lock is the page's own. */
export function makeLock(task, kind) {
  const { k, i32 } = task.cpu;
  const page = k.alloc_pages(0x80d0, 0);
  const frame = ((page >>> 0) - 0x220000) * 64;
  if (KINDS[kind][0] === "mutex") k.mutex_init(frame);
  if (["write", "read"].includes(KINDS[kind][0])) k.init_rwsem(frame);
  i32[word(frame + LOG)] = 0;
  return [KINDS[kind][0] === "page" ? page : frame, frame];
}

/** Waits until every CPU is there, so that they really compete. */
function meet(task, frame) {
  const { i32 } = task.cpu;
  const at = word(frame + MEETING);
  Atomics.add(i32, at, 1);
  Atomics.notify(i32, at);
  for (;;) {
    const seen = Atomics.load(i32, at);
    if (seen >= task.cpus) return;
    Atomics.wait(i32, at, seen, 1);
  }
}

/** Counts `rounds` times under the lock, in plain steps that lose counts if two are inside. */
export function hammer(task, kind, lock, frame, rounds) {
  const { k, i32 } = task.cpu;
  const [, take, release] = KINDS[kind];
  meet(task, frame);
  for (let i = 0; i < rounds; i++) {
    take(k, lock);
    if (i32[word(frame + INSIDE)] !== 0) i32[word(frame + VIOLATIONS)]++;
    i32[word(frame + INSIDE)] = task.cpuId + 1;
    const seen = i32[word(frame + COUNTER)];
    for (let wait = 0; wait < 20; wait++) i32[word(frame + 160)] = wait;
    i32[word(frame + COUNTER)] = seen + 1;
    if (i32[word(frame + INSIDE)] !== task.cpuId + 1) i32[word(frame + VIOLATIONS)]++;
    i32[word(frame + INSIDE)] = 0;
    release(k, lock);
  }
  return task.cpu.id;
}

/** What hammer left: counts and violations. */
export function result(task, frame) {
  const { i32 } = task.cpu;
  return { count: i32[word(frame + COUNTER)], violations: i32[word(frame + VIOLATIONS)] };
}

/** CPUs in the queue of a lock. */
function queued(i32, kind, lock) {
  const name = KINDS[kind][0];
  if (name === "spin") {
    const tickets = Atomics.load(i32, word(lock));
    return (((tickets >>> 16) - (tickets & 0xffff)) & 0xffff) - 1;
  }
  let count = 0;
  const head = lock + 8;
  for (let node = i32[word(head)]; node !== head; node = i32[word(node)]) count++;
  return count;
}

/**
 * CPU 0 holds the lock while the others queue up in the order of their numbers, then frees it. `kinds` has a decimal digit
 * for each CPU, the kind it takes the lock as. Each writes its number into the log when it is inside.
 */
export function queueUp(task, kinds, lock, frame) {
  const { k, i32 } = task.cpu;
  const kind = Math.floor(kinds / 10 ** task.cpuId) % 10;
  const [, take, release] = KINDS[kind];
  const turn = frame + TURN;
  if (task.cpuId === 0) {
    take(k, lock);
    for (let next = 1; next < task.cpus; next++) {
      Atomics.store(i32, word(turn), next);
      // Or it got in at once, which the log will show.
      while (queued(i32, kind, lock) + Atomics.load(i32, word(frame + LOG)) < next) {
        Atomics.wait(i32, word(frame + 200), 0, 1);
      }
    }
  } else {
    await_(i32, turn, task.cpuId);
    take(k, lock);
    const at = Atomics.add(i32, word(frame + LOG), 1);
    i32[word(frame + LOG + 4 + at * 4)] = task.cpuId;
    if (KINDS[kind][0] === "read") readersMeet(task, frame);
  }
  release(k, lock);
}

/** A reader stays until its reading neighbours are inside too: so they were let in together. */
function readersMeet(task, frame) {
  const { i32 } = task.cpu;
  const { together } = task.shared;
  const group = together[task.cpuId] ?? 1;
  while (Atomics.load(i32, word(frame + LOG)) < group) Atomics.wait(i32, word(frame + 200), 0, 1);
}

/** The log of queueUp. */
export function log(task, frame) {
  const { i32 } = task.cpu;
  const length = i32[word(frame + LOG)];
  return Array.from({ length }, (_, i) => i32[word(frame + LOG + 4 + i * 4)]);
}

/** Two CPUs hand the turn to each other `rounds` times; each sleeps on the lock that the other frees. */
export function pingPong(task, kind, first, second, rounds) {
  const { k } = task.cpu;
  const [, take, release] = KINDS[kind];
  const [mine, other] = task.cpuId === 0 ? [first, second] : [second, first];
  for (let i = 0; i < rounds; i++) {
    take(k, mine);
    release(k, other);
  }
  return task.cpu.u32[(task.cpu.area + 80) >>> 2];
}

/** Takes a lock and keeps it. */
export function hold(task, kind, lock) {
  KINDS[kind][1](task.cpu.k, lock);
}

// A lock-free stack (Treiber, 1986) without a counter in its head: between the look at the first node
// and the exchange, others may take that node off, and its successor, and put it back. The exchange then
// succeeds, and the stack's head is a node that somebody owns: the ABA problem.

const NODES: i32 = 3;
/** The first node, 1 to NODES; 0: empty. */
const HEAD: usize = memory.data(4);
/** The successor of each node. */
const NEXT: usize = memory.data(16);
/** Who owns a node: 0 the stack, else the number of its owner. */
const OWNER: usize = memory.data(16);

function push(node: i32): void {
  atomic.store<i32>(OWNER + node * 4, 0);
  while (true) {
    const first = atomic.load<i32>(HEAD);
    atomic.store<i32>(NEXT + node * 4, first);
    if (atomic.cmpxchg<i32>(HEAD, first, node) == first) return;
  }
}

function pop(owner: i32): i32 {
  while (true) {
    const first = atomic.load<i32>(HEAD);
    if (first == 0) return 0;
    const second = atomic.load<i32>(NEXT + first * 4);
    if (atomic.cmpxchg<i32>(HEAD, first, second) != first) continue;
    assert(atomic.xchg<i32>(OWNER + first * 4, owner) == 0, "a node that somebody owns was taken");
    return first;
  }
}

export function setup(): void {
  for (let node = 1; node <= NODES; node++) push(node);
}

export function cpu0(): void {
  pop(1);
  pop(1);
}

export function cpu1(): void {
  const first = pop(2);
  pop(2);
  push(first);
}

export function check(): bool {
  return true;
}

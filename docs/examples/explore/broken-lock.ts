// A lock that looks before it takes: two CPUs can both find it free.

const LOCK: usize = memory.data(4);
let counter: i32 = 0;

function acquire(): void {
  while (atomic.load<i32>(LOCK) != 0) {}
  atomic.store<i32>(LOCK, 1);
}

function release(): void {
  atomic.store<i32>(LOCK, 0);
}

function work(): void {
  acquire();
  counter = counter + 1;
  release();
}

export function cpu0(): void {
  work();
}

export function cpu1(): void {
  work();
}

export function check(): bool {
  return counter == 2;
}

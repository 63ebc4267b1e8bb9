// Test and set in one step: the lock that broken-lock.ts wants to be.

const LOCK: usize = memory.data(4);
let counter: i32 = 0;

function acquire(): void {
  while (atomic.cmpxchg<i32>(LOCK, 0, 1) != 0) {}
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
  work();
}

export function cpu1(): void {
  work();
  work();
}

export function check(): bool {
  return counter == 4;
}

// Peterson's algorithm (1981): mutual exclusion of two CPUs with loads and stores alone. Right on a
// machine that is sequentially consistent, as this one is; on x86 it needs a fence after `turn`.

const FLAG: usize = memory.data(8);
const TURN: usize = memory.data(4);
let counter: i32 = 0;

function acquire(me: i32): void {
  const other = 1 - me;
  atomic.store<i32>(FLAG + me * 4, 1);
  atomic.store<i32>(TURN, other);
  while (atomic.load<i32>(FLAG + other * 4) == 1 && atomic.load<i32>(TURN) == other) {}
}

function release(me: i32): void {
  atomic.store<i32>(FLAG + me * 4, 0);
}

function work(me: i32): void {
  acquire(me);
  counter = counter + 1;
  release(me);
}

export function cpu0(): void {
  work(0);
  work(0);
}

export function cpu1(): void {
  work(1);
  work(1);
}

export function check(): bool {
  return counter == 4;
}

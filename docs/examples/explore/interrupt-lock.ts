// A lock that normal code takes, and the handler of an interrupt too: a CPU that is interrupted while it
// holds the lock waits for itself. spin_lock_irq() turns interrupts off first: with IRQ_OFF = true this
// program is `complete`.

const LOCK: usize = memory.data(8);
const PENDING: usize = memory.data(8);
const IRQ_OFF: bool = false;

let irq_disabled: i32 = 0;
let counter: i32 = 0;

function acquire(): void {
  while (atomic.cmpxchg<i32>(LOCK, 0, 1) != 0) {}
}

function release(): void {
  atomic.store<i32>(LOCK, 0);
}

/** CPU 0 runs it in the middle of what it does. */
function handler(): void {
  acquire();
  counter = counter + 1;
  release();
}

/** Where CPU 0 can be interrupted. */
function interruptible(): void {
  if (irq_disabled == 0 && atomic.xchg<i32>(PENDING, 0) != 0) handler();
}

export function cpu0(): void {
  if (IRQ_OFF) irq_disabled = 1;
  acquire();
  interruptible();
  counter = counter + 1;
  release();
  irq_disabled = 0;
  interruptible();
}

/** Interrupts CPU 0. */
export function cpu1(): void {
  atomic.store<i32>(PENDING, 1);
}

export function check(): bool {
  return counter + atomic.load<i32>(PENDING) == 2;
}

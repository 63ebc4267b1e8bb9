// A broken rule of a lock in the lab: the CPU traps. The explorer is told which rule in words; on threads
// the worker ends with the trap. The kernel's arch/bug.ts writes a record for the host.

export const BUG_UNLOCK_OF_FREE_LOCK: u32 = 10;
export const BUG_LOCK_RECURSION: u32 = 21;
export const BUG_LOCK_NOT_HELD: u32 = 22;

/** Ends the run: `rule` broke at `_object`. */
export function panic(rule: u32, _object: usize, _value: u32): void {
  if (CONFIG_EXPLORED) {
    assert(rule != BUG_UNLOCK_OF_FREE_LOCK, "BUG_UNLOCK_OF_FREE_LOCK: a free lock was released");
    assert(rule != BUG_LOCK_RECURSION, "BUG_LOCK_RECURSION: a CPU takes a lock that it holds");
    assert(rule != BUG_LOCK_NOT_HELD, "BUG_LOCK_NOT_HELD: a CPU frees a lock it does not hold");
  }
  unreachable();
}

/** Ends the run if `condition` holds. */
@inline
export function bug_on(condition: bool, rule: u32, object: usize = 0, value: u32 = 0): void {
  if (condition) panic(rule, object, value);
}

/** bug_on of checking forms only; a condition with an atomic access is still worked out. */
@inline
export function check_bug_on(condition: bool, rule: u32, object: usize = 0, value: u32 = 0): void {
  if (CONFIG_CHECK) bug_on(condition, rule, object, value);
}

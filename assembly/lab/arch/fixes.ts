// What a machine can be booted without (arch/fixes.ts). In the lab a lock is as it is.

export const FIX_BIT_UNLOCK: u64 = 0x200000;

/** Nothing is left out. */
@inline
export function without(_fix: u64): bool {
  return false;
}

// Error numbers, as Linux has them on x86.

export const EPERM = 1;
export const ENOENT = 2;
export const ESRCH = 3;
export const EINTR = 4;
export const EBADF = 9;
export const ECHILD = 10;
export const EAGAIN = 11;
export const ENOMEM = 12;
export const EACCES = 13;
export const EFAULT = 14;
export const EEXIST = 17;
export const EINVAL = 22;
export const ENOEXEC = 8;
export const ENOSYS = 38;

const NAMES = new Map<number, string>([
  [EPERM, "EPERM"],
  [ENOENT, "ENOENT"],
  [ESRCH, "ESRCH"],
  [EINTR, "EINTR"],
  [ENOEXEC, "ENOEXEC"],
  [EBADF, "EBADF"],
  [ECHILD, "ECHILD"],
  [EAGAIN, "EAGAIN"],
  [ENOMEM, "ENOMEM"],
  [EACCES, "EACCES"],
  [EFAULT, "EFAULT"],
  [EEXIST, "EEXIST"],
  [EINVAL, "EINVAL"],
  [ENOSYS, "ENOSYS"],
]);

/** The name of an errno, given positive or negative. */
export function errnoName(errno: number): string {
  return NAMES.get(Math.abs(errno)) ?? `errno ${Math.abs(errno)}`;
}

/**
 * True if a result of the kernel is a negative errno and not an address (addresses are signed, and
 * never so near 0).
 */
export function isErrno(result: number): boolean {
  return result < 0 && result > -4096;
}

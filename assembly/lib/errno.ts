// Error numbers, as Linux has them on x86. Calls return them negative.

export const ENOENT: i32 = 2;
export const EINTR: i32 = 4;
export const ENOMEM: i32 = 12;
export const EFAULT: i32 = 14;
export const EEXIST: i32 = 17;
export const EINVAL: i32 = 22;

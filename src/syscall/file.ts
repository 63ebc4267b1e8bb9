// Files, as a program makes them. A file is an inode and its page cache: what the host puts there is its content, and there
// is no disk behind it. A handle keeps the file; so does every mapping of it.
// Left out: names, file descriptors, read and write (a program maps what it wants to read).

import { EBADF, EINVAL, ENOMEM } from "../layout/errno.ts";
import { FILE_SEED, FILE_ZERO, Inode, PAGE_SIZE } from "../layout/structs.gen.ts";
import { getU64 } from "../layout/view.ts";
import { SyscallError } from "../kernel/error.ts";
import type { Cpu } from "../kernel/load.ts";

/** A file that is a function of a number: page n always holds the same words (seed_word of the kernel). */
export interface SeedFile {
  /** Length in bytes. */
  readonly sizeBytes: number;
  /** 0 to 2^32 - 1. @defaultValue 0 */
  readonly seed?: number;
}

/** A file with given bytes. */
export interface ContentFile {
  readonly content: Uint8Array;
}

/** What a new file holds. */
export type FileContent = SeedFile | ContentFile;

/** Longest file, in bytes: offsets of mappings are numbers. */
const MAX_SIZE = 2 ** 47;

/** Checks the handle of a file. Throws SyscallError EBADF. */
export function checkFile(cpu: Cpu, name: string, file: number): void {
  const open = (file | 0) === file && cpu.k.inode_is_open(file) === 1;
  if (!open) throw new SyscallError(name, EBADF, `${file} is the handle of no file`);
}

function checkSize(name: string, sizeBytes: number): void {
  const valid = Number.isInteger(sizeBytes) && sizeBytes >= 0 && sizeBytes <= MAX_SIZE;
  if (!valid) throw new SyscallError(name, EINVAL, `a file cannot have ${sizeBytes} bytes`);
}

function allocate(cpu: Cpu, kind: number, seed: number, sizeBytes: number): number {
  checkSize("createFile", sizeBytes);
  const inode = cpu.k.inode_alloc(kind, seed, sizeBytes, 0);
  if (inode === 0) throw new SyscallError("createFile", ENOMEM, "out of memory");
  return inode;
}

/** Address of the content of page `index`. Throws SyscallError ENOMEM. */
function contentOf(cpu: Cpu, name: string, file: number, index: number): number {
  cpu.k.take_interrupts();
  const at = cpu.k.file_page_content(file, index);
  if (at !== 0) return at >>> 0;
  const detail = "out of memory, or the frame is highmem, which holds no content";
  throw new SyscallError(name, ENOMEM, detail);
}

/** Makes a file; returns its handle, which sysCloseFile gives back. Throws SyscallError EINVAL or ENOMEM. */
export function sysCreateFile(cpu: Cpu, from: FileContent): number {
  cpu.k.take_interrupts();
  if (!("content" in from)) return allocate(cpu, FILE_SEED, (from.seed ?? 0) >>> 0, from.sizeBytes);
  const { content } = from;
  const file = allocate(cpu, FILE_ZERO, 0, content.length);
  try {
    for (let done = 0; done < content.length; done += PAGE_SIZE) {
      const at = contentOf(cpu, "createFile", file, done / PAGE_SIZE);
      cpu.u8.set(content.subarray(done, done + PAGE_SIZE), at);
    }
  } catch (error) {
    cpu.k.inode_put(file);
    throw error;
  }
  return file;
}

/** Gives a handle back. The file goes when nobody maps it any more. Throws SyscallError EBADF. */
export function sysCloseFile(cpu: Cpu, file: number): void {
  cpu.k.take_interrupts();
  checkFile(cpu, "closeFile", file);
  cpu.k.inode_close(file);
}

/**
 * Gives a file a new length: what is cut off is gone from all who map it, what is new reads as zeros, or as
 * what the seed says. Throws SyscallError EBADF or EINVAL.
 */
export function sysFtruncate(cpu: Cpu, file: number, sizeBytes: number): void {
  cpu.k.take_interrupts();
  checkFile(cpu, "ftruncate", file);
  checkSize("ftruncate", sizeBytes);
  cpu.k.do_truncate(file, sizeBytes);
}

/** A copy of `length` bytes of a file from `offset` on, fewer at its end. Throws SyscallError EBADF, EINVAL or ENOMEM. */
export function sysFileBytes(cpu: Cpu, file: number, offset: number, length: number): Uint8Array {
  checkFile(cpu, "fileBytes", file);
  const valid = Number.isInteger(offset) && Number.isInteger(length) && offset >= 0 && length >= 0;
  if (!valid) throw new SyscallError("fileBytes", EINVAL, `no range: ${length} bytes at ${offset}`);
  const end = Math.min(offset + length, getU64(cpu, file + Inode.i_size));
  const bytes = new Uint8Array(Math.max(0, end - offset));
  let position = offset;
  while (position < end) {
    const inPage = position % PAGE_SIZE;
    const at = contentOf(cpu, "fileBytes", file, (position - inPage) / PAGE_SIZE) + inPage;
    const count = Math.min(PAGE_SIZE - inPage, end - position);
    bytes.set(cpu.u8.subarray(at, at + count), position - offset);
    position += count;
  }
  return bytes;
}

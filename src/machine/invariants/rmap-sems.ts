// The semaphores that stand for i_mmap_lock and anon_vma.lock in mmn-v13 with patches 08 and 09: they lie behind the
// structs, in objects that are larger, so the size of an object tells whether they are there.

import {
  AnonVma,
  AnonVmaSem,
  CACHE_ANON_VMA,
  CACHE_INODE,
  Inode,
  InodeSem,
  KmemCache,
} from "../../layout/structs.gen.ts";
import { cacheField } from "./walk-slabs.ts";
import { hex } from "./findings.ts";
import type { World } from "./world.ts";

const isLarger = (world: World, cacheId: number, bytes: number): boolean =>
  cacheField(world.memory, cacheId, KmemCache.reallen) > bytes;

/** What the semaphores of a machine are called, and where they are. */
export function* rmapSemaphores(world: World): Generator<readonly [name: string, at: number]> {
  if (isLarger(world, CACHE_ANON_VMA, AnonVma.SIZE)) {
    for (const anonVma of world.objects[CACHE_ANON_VMA] ?? []) {
      yield [`sem of anon_vma ${hex(anonVma)}`, anonVma + AnonVma.SIZE + AnonVmaSem.anon_vma_sem_0];
    }
  }
  if (isLarger(world, CACHE_INODE, Inode.SIZE)) {
    for (const inode of world.objects[CACHE_INODE] ?? []) {
      yield [`i_mmap_sem of inode ${hex(inode)}`, inode + Inode.SIZE + InodeSem.i_mmap_sem_0];
    }
  }
}

/** An anon_vma that is counted has a reference for each of the `vmas` on its list, and none besides: I-ANON-COUNT. */
export function checkAnonVmaCount(world: World, anonVma: number, vmas: number): void {
  if (!isLarger(world, CACHE_ANON_VMA, AnonVma.SIZE)) return;
  const count = world.i32(anonVma + AnonVma.SIZE + AnonVmaSem.refcount);
  world.findings.equal("I-ANON-COUNT", `references to anon_vma ${hex(anonVma)}`, vmas, count);
}

import { expect, test } from "vitest";
import { DirectMachine, KERNEL_NAMES } from "../support/direct.ts";
import { maps, mmOfTask } from "../support/inspect.ts";
const m0 = () => new DirectMachine({ kernel: "2.6.9" });
const RW = { read: true, write: true };
test("pud leak at exit", () => {
  const m = m0();
  m.run((t) => { for (const hint of [0x10000000, 0x90000000, 2**40]) t.touch(t.mmap({ length: 4096, ...RW, hint, fixed: true }), 4096); });
  expect(m.census()).toEqual(m.bootCensus);
});
test("misaligned", () => {
  const m = m0();
  m.run((t) => { const a = t.mmap({ length: 4096, ...RW }); t.store8(a + 1, 5); return t.load32(a + 1); });
});
test("shared anon", () => {
  const m = m0();
  expect(m.run((t) => { const a = t.mmap({ length: 8192, ...RW, shared: true }); m.program("c", (c) => { c.store32(a, 5); }); t.fork("c"); t.wait(); return t.load32(a); })).toBe(5);
});
test("neg offset", () => {
  const m = m0();
  m.run((t) => { const f = t.cpu.k.inode_alloc(0, 0, 4096, 1); const a = t.mmap({ length: 8192, ...RW, file: f, offset: -4096 }); });
});
test("hint unaligned", () => {
  const m = m0();
  m.run((t) => { t.mmap({ length: 8192, ...RW, hint: 0x10000001 }); });
});
test("hint beyond", () => {
  const m = m0();
  m.run((t) => { t.mmap({ length: 8192, ...RW, hint: 2**47 }); });
});
test("brk", () => {
  const m = m0();
  m.run((t) => { t.brk(0x3000); return maps(m.cpu, mmOfTask(m.cpu, t.address)) });
});
test("fixed 0", () => {
  const m = m0();
  m.run((t) => { t.mmap({ length: 8192, ...RW, hint: 0, fixed: true }); });
});
test("mremap old 0 onto itself", () => {
  const m = m0();
  m.run((t) => { const f = t.cpu.k.inode_alloc(0, 0, 40960, 1); const a = t.mmap({ length: 8192, ...RW, shared: true, file: f }); 
   try { t.mremap(a, 0, 8192, { fixedAt: a }) } catch (e) { console.log(String(e)) }; expect(maps(m.cpu, mmOfTask(m.cpu, t.address))).toHaveLength(1); });
});
test("mremap wholesale with lots of vmas", () => {
  const m = m0();
  m.run((t) => { const a = t.mmap({ length: 16384, ...RW }); t.touch(a, 16384); const b = t.mremap(a, 16384, 32768, { fixedAt: 0x40000000 - 8192}); return [t.load32(b), maps(m.cpu, mmOfTask(m.cpu, t.address))] });
  expect(m.census()).toEqual(m.bootCensus);
});

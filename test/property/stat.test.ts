import fc from "fast-check";
import { test } from "vitest";
import { type Op, operations } from "/work/main/test/support/operations.ts";
test("s", () => {
  const c: Record<string, number> = {}; let lens: number[] = [];
  const walk = (ops: readonly Op[], d: number) => { for (const o of ops) { c[o.op + d] = (c[o.op + d] ?? 0) + 1; if (o.op === "fork") { walk(o.child, d + 1); walk(o.parent, d + 1); } } };
  for (const ops of fc.sample(operations, 500)) { lens.push(ops.length); walk(ops, 0); }
  console.log(lens.reduce((a, b) => a + b) / 500, Math.max(...lens), c);
});

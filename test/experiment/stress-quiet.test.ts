// When a machine stands still for the checks of a stress: not while a CPU at rest is asked for something that it does
// without leaving its rest.

import { expect, test } from "vitest";
import {
  ATTENTION_DRAIN,
  ATTENTION_KSWAPD,
  HARDIRQ_OFFSET,
  PerCpu,
} from "../../src/layout/structs.gen.ts";
import { setI32 } from "../../src/layout/view.ts";
import { isQuiet } from "../../src/experiment/stress-quiet.ts";
import { Board, boardBuffer } from "../../src/workload/stress/board.ts";
import { DirectMachine } from "../support/direct.ts";

test.each([
  ["kswapd", PerCpu.attention, ATTENTION_KSWAPD],
  ["its free objects", PerCpu.attention, ATTENTION_DRAIN],
  ["nothing, but it is in the handler of an interrupt", PerCpu.irq_disabled, HARDIRQ_OFFSET],
])("a CPU at rest is not quiet while it is asked for %s", (_, at, value) => {
  const { cpu } = new DirectMachine({ cpus: 2 });
  const board = new Board(boardBuffer(2), 2);
  cpu.k.enter_rest();
  expect(isQuiet(cpu, board, 0, false)).toBe(true);

  setI32(cpu, cpu.area + at, value);

  expect(isQuiet(cpu, board, 0, false)).toBe(false);
});

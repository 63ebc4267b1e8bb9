// The progress bar: silent without a terminal, and the cursor comes back however the work ends.

import { Writable } from "node:stream";
import { afterEach, expect, test, vi } from "vitest";
import { createProgress } from "../../src/report/progress.ts";

const HIDE = "\u001b[?25l";
const SHOW = "\u001b[?25h";

class FakeStream extends Writable {
  readonly columns = 120;
  readonly isTTY: boolean;
  text = "";

  constructor(isTTY: boolean) {
    super();
    this.isTTY = isTTY;
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

function start(isTTY: boolean) {
  vi.stubEnv("TERM", "xterm");
  const stream = new FakeStream(isTTY);
  return { stream, progress: createProgress({ total: 30, label: "rounds", stream }) };
}

test("nothing is written to a stream that is no terminal", () => {
  const { stream, progress } = start(false);

  progress.update(3, "2.6.8");
  progress.stop();

  expect(stream.text).toBe("");
});

test("nothing is written to a terminal that cannot move its cursor", () => {
  vi.stubEnv("TERM", "dumb");
  const stream = new FakeStream(true);

  createProgress({ total: 1, label: "rounds", stream }).stop();

  expect(stream.text).toBe("");
});

test("a terminal shows label, position, time left and the note, as plain text", () => {
  const { stream, progress } = start(true);

  progress.update(3, "2.6.8 \u001b[2J{bar}");
  progress.stop();

  expect(stream.text).toMatch(/rounds \[=*-*\] 10% 3\/30, \S+ left 2\.6\.8 \?\[2J\{bar\}/);
});

test("the cursor is hidden at the start and given back at the end, once", () => {
  const { stream, progress } = start(true);
  expect(stream.text).toContain(HIDE);

  progress.stop();
  progress.stop();
  progress.update(5);

  expect(stream.text.split(SHOW)).toHaveLength(2);
  expect(stream.text.lastIndexOf(SHOW)).toBeGreaterThan(stream.text.lastIndexOf(HIDE));
});

test("a signal that the program handles itself takes the bar away and nothing else", () => {
  const kill = vi.spyOn(process, "kill").mockReturnValue(true);
  const own = vi.fn();
  process.on("SIGINT", own);
  const { stream } = start(true);

  for (const listener of process.listeners("SIGINT").slice(-1)) listener("SIGINT");
  process.off("SIGINT", own);

  expect(stream.text).toContain(SHOW);
  expect(kill).not.toHaveBeenCalled();
});

test("a signal that nobody else handles ends the process as it would have without a bar", () => {
  const kill = vi.spyOn(process, "kill").mockReturnValue(true);
  vi.spyOn(process, "listenerCount").mockReturnValue(0);
  const { stream } = start(true);

  for (const listener of process.listeners("SIGTERM").slice(-1)) listener("SIGTERM");

  expect(stream.text).toContain(SHOW);
  expect(kill).toHaveBeenCalledExactlyOnceWith(process.pid, "SIGTERM");
});

test("a stopped bar leaves no listener behind", () => {
  const count = () => ["SIGINT", "SIGTERM", "exit"].map((event) => process.listenerCount(event));
  const before = count();

  const { progress } = start(true);
  expect(count()).toEqual(before.map((listeners) => listeners + 1));
  progress.stop();

  expect(count()).toEqual(before);
});

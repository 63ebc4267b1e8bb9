// What the benches share: smoke and full sizes, the head of the output, rounds that take turns, a hash
// of the work that was done, and the table that puts each target next to what was measured.
//
// A ratio is one of medians over rounds in which both sides were measured one after the other, with
// the 95 % bootstrap interval of src/experiment/stats.ts: drift of the computer hits both sides alike.
// Left out: any claim about time that could fail. A target that is missed is printed, nothing else.

import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { nativeProblem } from "./native.ts";
import { hostFacts } from "../src/experiment/host.ts";
import { bootstrapChange, median } from "../src/experiment/stats.ts";
import { decimalsFor, formatNumber } from "../src/report/format.ts";
import { alignedTable } from "../src/report/table.ts";

/** Small sizes, to see that a bench works. BENCH=full measures. */
export const SMOKE: boolean = process.env["BENCH"] !== "full";

/** Seed of everything random: addresses and bootstrap samples. */
export const SEED = 2004;

/** The value for this run. */
export function sized<T>(smoke: T, full: T): T {
  return SMOKE ? smoke : full;
}

/** Says what is asked and on what computer; `note` may say what is compared. */
export function begin(question: string, ...notes: string[]): void {
  const { cpuModel, cores, node, os, date } = hostFacts();
  console.log(question);
  for (const note of notes) console.log(note);
  console.log(`seed ${SEED}, ${SMOKE ? "smoke values: the times mean nothing" : "full values"}`);
  console.log(`host ${cpuModel}, ${cores} cores, ${os}, node ${node}, ${date}\n`);
}

/** Says why there is nothing of C to compare with, if there is not. */
export function sayNativeProblem(): void {
  const problem = nativeProblem();
  if (problem !== undefined) console.log(`Only racier's own side: ${problem}.\n`);
}

/** A hash (FNV-1a) of the work done: two runs of the same sizes print the same one. */
export class WorkHash {
  #state = 0x811c9dc5;

  /** Takes in whole numbers. */
  add(...values: readonly number[]): void {
    for (const value of values) {
      for (let rest = value; ; rest = Math.floor(rest / 256)) {
        this.#state = Math.imul(this.#state ^ (rest & 0xff), 0x01000193) >>> 0;
        if (rest < 256) break;
      }
    }
  }

  /** The hash so far, in hexadecimal. */
  toString(): string {
    return this.#state.toString(16).padStart(8, "0");
  }
}

/** Measures once: one number, a time or a rate. */
export type Side = () => number | Promise<number>;

/**
 * Lets the sides take turns for `rounds` rounds; who begins changes from round to round. Element
 * [s][r] of the result is what side s measured in round r.
 */
export async function takeTurns(rounds: number, sides: readonly Side[]): Promise<number[][]> {
  const series: number[][] = sides.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < sides.length; turn++) {
      const index = (turn + round) % sides.length;
      series[index]!.push(await sides[index]!());
    }
  }
  return series;
}

/** A side that is measured in a process of its own. */
export interface OwnProcess {
  readonly measure: Side;
  /** Numbers for the hash of the work. */
  readonly proof: readonly number[];
  /** Ends the process. */
  close(): void;
}

/**
 * Starts the bench `url` once more with `args`, where it calls serveSide(). V8 compiles code for what
 * it has seen: with several machines in one process the code would be that of none.
 */
export async function ownProcess(url: string, args: readonly string[]): Promise<OwnProcess> {
  const child = fork(fileURLToPath(url), args);
  let end = (): void => undefined;
  const failed = new Promise<never>((_, reject) => {
    end = () => {
      child.off("exit", gone);
      child.disconnect();
    };
    const gone = (): void => {
      reject(new Error(`the process of ${args.join(" ")} has ended`));
    };
    child.on("exit", gone);
  });
  const answer = async (): Promise<unknown> => {
    const [message] = (await Promise.race([once(child, "message"), failed])) as [unknown];
    return message;
  };
  const proof = (await answer()) as number[];
  const measure = async (): Promise<number> => {
    child.send("measure");
    return (await answer()) as number;
  };
  return { measure, proof, close: end };
}

/** The other end of ownProcess(): measures whenever it is asked. */
export function serveSide(side: Side, proof: readonly number[]): void {
  process.on("message", () => {
    void Promise.resolve(side()).then((value) => process.send?.(value));
  });
  process.send?.(proof);
}

/** A value and the interval that holds the true one in 95 of 100 experiments. */
export interface Estimate {
  readonly value: number;
  readonly ci95: readonly [number, number];
}

/**
 * Median of `ours` divided by the median of `theirs`; round i of one belongs to round i of the other.
 * Without interval (NaN) if a value is not positive: a difference can drown in the noise.
 */
export function ratioOf(ours: readonly number[], theirs: readonly number[]): Estimate {
  if ([...ours, ...theirs].some((value) => !(value > 0))) {
    return { value: median(ours) / median(theirs), ci95: [NaN, NaN] };
  }
  const { changePercent, ci95 } = bootstrapChange(theirs, ours, { seed: SEED });
  const ratio = (percent: number): number => 1 + percent / 100;
  return { value: ratio(changePercent), ci95: [ratio(ci95[0]), ratio(ci95[1])] };
}

/** The median of a series. */
export function estimateOf(series: readonly number[]): Estimate {
  return ratioOf(
    series,
    series.map(() => 1),
  );
}

/** What a value should be. */
export type Target =
  | { readonly atMost: number }
  | { readonly atLeast: number }
  | { readonly between: readonly [number, number] };

/** One line of the result: a measured series, perhaps against another, perhaps with a target. */
export interface Line {
  readonly what: string;
  /** Of `ours` and `theirs`. */
  readonly unit: string;
  readonly ours: readonly number[];
  /** What it is compared with; the target is then one of the ratio. */
  readonly theirs?: readonly number[] | undefined;
  readonly target?: Target;
}

/** A header, and what stands below it. */
type Row = readonly string[];

/**
 * Prints the result. `ours` and `theirs` head the columns of medians; without `theirs` the lines have
 * no comparison, and targets are of the values themselves.
 */
export function printResult(
  lines: readonly Line[],
  ours: string,
  theirs: string | undefined,
  hash: WorkHash,
): void {
  const header = ["", "unit", ours, ...(theirs === undefined ? [] : [theirs, "ratio"])];
  const columns = [...header, "95 % interval", "target", ""].map((name, index) => ({
    header: name,
    align: index < 2 || name === "" ? ("left" as const) : ("right" as const),
  }));
  console.log(
    alignedTable(
      columns,
      lines.map((line) => rowOf(line, theirs !== undefined)),
    ),
  );
  console.log(`hash of the work ${hash.toString()}`);
}

function rowOf(line: Line, compared: boolean): Row {
  const { what, unit, ours, theirs, target } = line;
  const own = median(ours);
  const cells = [what, unit, number(own)];
  const estimate = theirs === undefined ? estimateOf(ours) : ratioOf(ours, theirs);
  if (theirs !== undefined) cells.push(number(median(theirs)), formatNumber(estimate.value, 3));
  else if (compared) cells.push("-", "-");
  const [low, high] = estimate.ci95;
  const decimals = theirs === undefined ? decimalsFor(low) : 3;
  const interval = `${formatNumber(low, decimals)} to ${formatNumber(high, decimals)}`;
  return [...cells, interval, limitOf(target), verdict(estimate, target)];
}

function number(value: number): string {
  return formatNumber(value, decimalsFor(value));
}

function limitOf(target: Target | undefined): string {
  if (target === undefined) return "-";
  if ("between" in target) return target.between.join(" to ");
  return "atMost" in target ? `<= ${target.atMost}` : `>= ${target.atLeast}`;
}

/** "met" or "missed" only where the whole interval says so. */
function verdict({ value, ci95 }: Estimate, target: Target | undefined): string {
  if (target === undefined || SMOKE) return "";
  const good = (x: number): boolean => {
    if ("between" in target) return x >= target.between[0] && x <= target.between[1];
    return "atMost" in target ? x <= target.atMost : x >= target.atLeast;
  };
  const word = good(value) ? "met" : "missed";
  return ci95.every((end) => good(end) === good(value)) ? word : `${word}, within the noise`;
}

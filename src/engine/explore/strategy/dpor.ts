// Every behaviour, with as few interleavings as the order of independent events allows: source sets with
// sleep sets (Abdulla, Aronis, Jonsson, Sagonas: Optimal dynamic partial order reduction, POPL 2014,
// algorithm 1), without state: each execution runs from the start. Executions that end early because
// every runnable CPU sleeps are redundant; each other one is a Mazurkiewicz trace of its own.
//
// Waiting: a CPU that waits takes no part until it is woken; the write that wakes it cannot come after.

import type { AccessLog } from "../access-log.ts";
import { HappensBefore } from "../happens-before.ts";
import { UNLIMITED, type Runtime } from "../runtime.ts";
import { isDependent, isFirstHalf, isSecondHalf, putToSleep, stepOf, type Step } from "./step.ts";
import type { WalkFrom } from "./path.ts";
import { lowestCpu, type Ended, type Strategy } from "./strategy.ts";

/** An event of the current path, and what else is to be tried in its place. */
export interface Node {
  cpu: number;
  /** CPUs that must be tried here. */
  backtrack: number;
  /** CPUs that have been tried. */
  done: number;
  /** Steps that executions before have shown already. */
  readonly sleep: Step[];
}

/** CPUs that remain to be tried. */
function candidates({ backtrack, done, sleep }: Node): number {
  return backtrack & ~done & ~sleep.reduce((mask, { cpu }) => mask | (1 << cpu), 0);
}

/** See the head of the file. */
export class Dpor implements Strategy {
  readonly name = "dpor";
  readonly needsLog = true;
  readonly breaksOnWake = false;
  readonly completeness = "every behaviour";
  steps = 0;
  readonly #runtime: Runtime;
  readonly #nodes: Node[];
  #order: HappensBefore | undefined;
  readonly #firsts: number[] = [];
  #last = -1;
  #isFirst: boolean;

  constructor(runtime: Runtime, from: WalkFrom<readonly Node[]> = "start") {
    this.#runtime = runtime;
    this.#isFirst = from === "start";
    this.#nodes = from === "start" ? [] : structuredClone([...from]);
  }

  /** What remains to be walked; undefined: nothing. */
  rest(): WalkFrom<readonly Node[]> | undefined {
    if (this.#isFirst) return "start";
    const last = this.#nodes.findLastIndex((node) => candidates(node) !== 0);
    return last < 0 ? undefined : this.#nodes.slice(0, last + 1);
  }

  begin(): boolean {
    this.#last = -1;
    if (this.#isFirst) {
      this.#isFirst = false;
      return true;
    }
    const nodes = this.#nodes;
    for (;;) {
      const node = nodes[nodes.length - 1];
      if (node === undefined) return false;
      const left = candidates(node);
      if (left !== 0) {
        node.cpu = lowestCpu(left);
        node.done |= 1 << node.cpu;
        return true;
      }
      nodes.pop();
    }
  }

  next(runnable: number, events: number): number {
    const nodes = this.#nodes;
    const branch = nodes.length - 1;
    if (events < branch) {
      const { cpu } = nodes[events] as Node;
      let end = events + 1;
      while (end < branch && nodes[end]?.cpu === cpu) end++;
      this.steps = end - events;
      this.#last = cpu;
      return cpu;
    }
    this.steps = UNLIMITED;
    if (events === branch) {
      const node = nodes[branch] as Node;
      for (const step of node.sleep) putToSleep(this.#runtime, step);
      this.#last = node.cpu;
      return node.cpu;
    }
    if (this.#runtime.calls.was_vain()) return -1;
    const awake = runnable & ~this.#runtime.status.asleep;
    if (awake === 0) return -1;
    if (this.#last < 0 || ((awake >> this.#last) & 1) === 0) this.#last = lowestCpu(awake);
    return this.#last;
  }

  end({ log }: Ended): void {
    const nodes = this.#nodes;
    const branch = Math.max(nodes.length - 1, 0);
    this.#extend(log, branch);
    this.#order ??= new HappensBefore(log);
    this.#order.run(branch, (first, second) => {
      this.#reverse(log, first, second);
    });
    // What was tried at a node need not be tried again before something touches it.
    for (let i = branch; i < log.length; i++) {
      if (!isFirstHalf(log, i)) (nodes[i] as Node).sleep.push(stepOf(log, i));
    }
  }

  /** Makes nodes of the new events; what slept before one sleeps after it if they are independent. */
  #extend(log: AccessLog, branch: number): void {
    const nodes = this.#nodes;
    for (let i = nodes.length; i < log.length; i++) {
      const before = nodes[i - 1];
      const step = before === undefined ? undefined : stepOf(log, i - 1);
      const sleep =
        before === undefined || step === undefined || i - 1 < branch
          ? []
          : before.sleep.filter((other) => !isDependent(other, step));
      const bit = 1 << log.cpu(i);
      nodes.push({ cpu: log.cpu(i), backtrack: bit, done: bit, sleep });
    }
  }

  /** Makes sure that an execution is tried in which `second` comes before `first`. */
  #reverse(log: AccessLog, first: number, second: number): void {
    const node = this.#nodes[isSecondHalf(log, first) ? first - 1 : first] as Node;
    const initials = this.#initials(log, first, second) & log.runnable(first);
    if (initials === 0) {
      node.backtrack |= log.runnable(first);
    } else if ((initials & node.backtrack) === 0) {
      const wanted = 1 << log.cpu(second);
      node.backtrack |= initials & wanted ? wanted : initials & -initials;
    }
  }

  /** CPUs that can begin what lies between the two events and is not ordered after the first. */
  #initials(log: AccessLog, first: number, second: number): number {
    const order = this.#order as HappensBefore;
    // The first event of each CPU in between: what is ordered after any of its CPU's is so after it.
    const firsts = this.#firsts;
    firsts.length = 0;
    let seen = 0;
    let initials = 0;
    for (let event = first + 1; event <= second; event++) {
      const cpu = log.cpu(event);
      if ((seen >> cpu) & 1) continue;
      if (event !== second && order.isOrdered(first, event)) continue;
      if (!firsts.some((other) => order.isOrdered(other, event))) initials |= 1 << cpu;
      seen |= 1 << cpu;
      firsts.push(event);
    }
    return initials;
  }
}

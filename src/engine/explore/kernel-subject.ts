// A scenario over the real kernel, ready to be explored: a small machine in the memory of a
// runtime, one instrumented instance of the kernel for each CPU, the programs of the scenario as
// host code (replay.ts).
//
// A CPU wakes, runs its program, lets its task exit if the scenario wants that, and is idle then: it
// serves the interrupts of others. When all are idle the scenario is asked, then every rule of the
// machine at rest is checked. Left out: a child on a CPU other than its parent's.

import {
  ATTENTION_DRAIN,
  ATTENTION_PANIC,
  ATTENTION_TLB,
  BOOT_PARAMS,
  BootParams,
  HELD_LOCKS_SIZE,
  LOCK_ORDER,
  LOCK_ORDER_END,
  PANIC_RECORD,
  PERCPU_AREAS,
  PERCPU_HELD_LOCKS,
  PERCPU_SIZE,
  PERCPU_TRACE,
  PanicRecord,
  PerCpu,
} from "../../layout/structs.gen.ts";
import { memoryViews, setI32, type MemoryViews } from "../../layout/view.ts";
import { isOneOf } from "../../kernel/catalogue.ts";
import { ConfigError, KernelBug, MachineSignal } from "../../kernel/error.ts";
import { loadTwin } from "../../kernel/load.ts";
import { bugOfTrap } from "../../machine/bug-report.ts";
import { parseMemory, type MachineConfig } from "../../machine/config.ts";
import { attachDisk } from "../../machine/machine.ts";
import { checkInvariants } from "../../machine/invariants/check.ts";
import type { ProgramTask } from "../../machine/task.ts";
import type { Prepared, Scenario, ScenarioProgram } from "../../scenario/scenario.ts";
import { withoutWords, type SwitchName } from "../../scenario/switches.ts";
import { sysExit } from "../../syscall/process.ts";
import { BrokenRule } from "./detect/broken-rule.ts";
import { NOTHING_OFF, type DetectorName, type Off } from "./detect/catalogue.ts";
import { Shadow } from "./detect/shadow.ts";
import type { Failure, Subject } from "./exploration.ts";
import { exploredTask, instantiateExplored, type ExploredCpu } from "./explored-cpu.ts";
import { ReplayError } from "./replay.ts";
import { createRuntime, type Runtime } from "./runtime.ts";
import { ScenarioHost } from "./scenario-host.ts";
import { UserLog } from "./user-data/log.ts";
import { SectionWatch } from "./user-data/watch.ts";

/** Events of an execution that ends, at most. */
const EVENT_LIMIT = 20_000;
const WASM_PAGE = 65_536;

/** How a scenario is explored. */
export interface KernelSubjectOptions {
  /** @defaultValue the first kernel of the scenario */
  readonly kernel?: string;
  /** What the machine does without; a checking build. @defaultValue nothing */
  readonly without?: readonly SwitchName[];
  /** The checking build of the kernel, not the one that is measured. @defaultValue true */
  readonly checking?: boolean;
  /** Values are recorded with events. @defaultValue false */
  readonly record?: boolean;
  /** Detectors that are switched off. @defaultValue none */
  readonly off?: Off;
}

/** Rules that lockdep watches (assembly/lock/lockdep.ts) in the checking kernels. */
const LOCK_RULES: readonly string[] = [
  "BUG_LOCK_ORDER",
  "BUG_LOCK_RECURSION",
  "BUG_LOCK_NOT_HELD",
  "BUG_LOCKS_HELD",
  "BUG_SLEEP_IN_ATOMIC",
];

const detectorOfBug = (rule: string): DetectorName =>
  LOCK_RULES.includes(rule) ? "lock-order" : "bug";

const ruleOf = (
  detector: DetectorName,
  { rule, message }: { readonly rule: string; readonly message: string },
): Omit<Failure, "cpu"> => ({ detector, rule, message });

/** See the head of the file. */
export class KernelSubject implements Subject {
  readonly cpus: number;
  readonly runtime: Runtime;
  readonly scenario: Scenario;
  readonly config: MachineConfig;
  /** The machine's memory, for those who look from outside. */
  readonly memory: MemoryViews;
  readonly #cpus: readonly ExploredCpu[];
  readonly #machine: ScenarioHost;
  readonly #prepared: Prepared<unknown>;
  /** The tasks as programs see them. */
  readonly #tasks: readonly ProgramTask[];
  #stray: Failure | undefined;
  /** States that programs have ended in and that broke no rule. */
  readonly #goodStates = new Set<bigint>();
  readonly #off: Off;
  readonly #shadow: Shadow;
  /** What programs do to their memory; undefined: nobody wants to know. */
  readonly #userLog: UserLog | undefined;
  /** Sections of each CPU, for the log. */
  readonly #watches: readonly SectionWatch[];
  /** Bits of the CPUs whose programs have ended. */
  #idle = 0;

  /** @throws ConfigError for a kernel that the scenario is not for, or that is not built */
  constructor(scenario: Scenario, options: KernelSubjectOptions = {}) {
    const [first = ""] = scenario.kernels;
    const kernel = options.kernel ?? first;
    const known = [...scenario.kernels, ...(scenario.others ?? [])];
    if (!isOneOf(kernel, known)) {
      throw new ConfigError(
        `the scenario ${scenario.name} is not for ${kernel}: it is for ${known.join(", ")}`,
      );
    }
    const checking = options.checking ?? true;
    if (!checking && (options.without ?? []).length > 0) {
      throw new ConfigError(`the release build of ${kernel} has no switches: leave --release out`);
    }
    this.scenario = scenario;
    this.#off = options.off ?? NOTHING_OFF;
    this.cpus = scenario.programs.length;
    const bytes = Math.ceil(parseMemory(scenario.memory ?? "4M") / WASM_PAGE) * WASM_PAGE;
    // A disk is the end of the memory.
    const diskBlocks = scenario.diskBlocks ?? 0;
    this.config = {
      ...{ kernel, cpus: this.cpus, checking, oversubscribed: false },
      ...{ lowmemPages: bytes / 4096 - diskBlocks, highmemPages: 0 },
      ...{ diskBlocks, backedBlocks: diskBlocks },
    };
    this.runtime = createRuntime(bytes);
    this.memory = memoryViews(this.runtime.memory.buffer as unknown as SharedArrayBuffer);
    const module = loadTwin(kernel, checking);
    const { record = false } = options;
    this.#shadow = new Shadow(this.runtime, this.memory, this.config, { off: this.#off, record });
    this.#cpus = scenario.programs.map((_, id) =>
      instantiateExplored(this.#shadow.runtimeOf(id), module, id),
    );
    this.#boot(options);
    const log = this.#makeLog();
    this.#userLog = log;
    this.#watches = log === undefined ? [] : this.#cpus.map(() => new SectionWatch(log));
    const cpus = this.#cpus.map(({ cpu }) => cpu);
    this.#machine = new ScenarioHost(this.config, cpus, scenario.children ?? {}, {
      stray: (error, cpu) => {
        this.#stray ??= this.explain(error, cpu);
      },
      viewOf: (task) => {
        log?.adopt(task);
        const { replay } = this.#cpus[task.cpuId] as ExploredCpu;
        return exploredTask(task, replay, this.#watches[task.cpuId]);
      },
    });
    this.#machine.warm();
    this.#prepared = scenario.setup(this.#machine);
    this.#machine.settle();
    log?.commit();
    this.#tasks = this.#prepared.tasks;
    if (this.#prepared.tasks.length !== this.cpus) {
      throw new ConfigError(`${scenario.name}: setup() gives each of ${this.cpus} programs a task`);
    }
  }

  #makeLog(): UserLog | undefined {
    const wrongData = !this.#off.has("wrong-data");
    const staleTlb = !this.#off.has("stale-tlb");
    if (!wrongData && !staleTlb) return undefined;
    const { calls } = this.runtime;
    return new UserLog(this.memory, () => calls.get_events(), { wrongData, staleTlb });
  }

  #boot(options: KernelSubjectOptions): void {
    const { calls } = this.runtime;
    calls.configure(EVENT_LIMIT, options.record ?? false, false);
    calls.configure_unobserved(BOOT_PARAMS, PANIC_RECORD + PanicRecord.SIZE);
    calls.configure_history(LOCK_ORDER, LOCK_ORDER_END);
    // The trace, and behind it the locks that are held, which is none when a state is looked at.
    const trace = [PERCPU_TRACE, PERCPU_HELD_LOCKS + HELD_LOCKS_SIZE] as const;
    const counters = [PerCpu.pgfault, PerCpu.phase] as const;
    const areas = this.cpus * PERCPU_SIZE;
    calls.configure_noise(PERCPU_AREAS, areas, PERCPU_SIZE, ...trace, ...counters);
    for (const { cpu } of this.#cpus) {
      const { id, area } = cpu;
      // What a waiting CPU serves: for RCU it is not the place.
      const served = ATTENTION_TLB | ATTENTION_DRAIN | ATTENTION_PANIC;
      calls.configure_cpu(id, area, area + PERCPU_SIZE, area + PerCpu.attention, served);
    }
    const { k } = (this.#cpus[0] as ExploredCpu).cpu;
    if (k.boot_machine(this.cpus, this.config.lowmemPages, 0, 1, 0) === 0) {
      throw new ConfigError(`the memory of ${this.scenario.name} is too small to boot: give it 4M`);
    }
    attachDisk(this.config, k);
    const [low, high] = withoutWords(options.without ?? []);
    setI32(this.memory, BOOT_PARAMS + BootParams.without, low);
    setI32(this.memory, BOOT_PARAMS + BootParams.without + 4, high);
    if (this.#off.has("lock-order")) setI32(this.memory, BOOT_PARAMS + BootParams.lockdep, 0);
  }

  /** See Subject. */
  begin(): void {
    this.#stray = undefined;
    this.#idle = 0;
    this.#shadow.begin();
    this.#userLog?.reset();
    for (const watch of this.#watches) watch.reset();
    for (const { replay } of this.#cpus) replay.begin();
  }

  /** See Subject. */
  run(cpu: number): void {
    const { replay } = this.#cpus[cpu] as ExploredCpu;
    try {
      replay.run(
        () => {
          this.#runProgram(cpu);
        },
        () => {
          this.#idleAfter(cpu);
        },
      );
    } catch (error) {
      throw this.#userLog?.complaint ?? error;
    }
    // A child of the program may have died of it.
    if (this.#userLog?.complaint !== undefined) throw this.#userLog.complaint;
  }

  #runProgram(id: number): void {
    const { cpu } = this.#cpus[id] as ExploredCpu;
    cpu.k.leave_lazy();
    const task = this.#tasks[id] as ProgramTask;
    (this.scenario.programs[id] as ScenarioProgram<unknown>)(task, this.#prepared.state);
  }

  /** What a CPU does when its program has ended. */
  #idleAfter(id: number): void {
    const { cpu } = this.#cpus[id] as ExploredCpu;
    const { address } = this.#tasks[id] as ProgramTask;
    if (this.scenario.exits === true) sysExit(cpu, address, 0);
    this.#idle |= 1 << id;
    for (;;) cpu.k.cpu_idle(cpu.k.cpu_kicks());
  }

  /** See Subject. */
  idle(): number {
    return this.#idle;
  }

  /** States that executions have ended in without a broken rule. */
  get states(): ReadonlySet<bigint> {
    return this.#goodStates;
  }

  /** See Subject. Throws the rule that does not hold. A state that was seen is not looked at again. */
  check(): string | undefined {
    if (this.#stray !== undefined) {
      const { detector, rule, message } = this.#stray;
      throw new BrokenRule(detector, rule, message);
    }
    if (this.runtime.calls.is_undo_full() !== 0) {
      const { name } = this.scenario;
      throw new ConfigError(`${name} overwrites more memory than can be put back: make it smaller`);
    }
    this.#userLog?.check();
    const state = this.runtime.calls.state_hash();
    if (this.#goodStates.has(state)) return undefined;
    const complaint = this.#checkState();
    if (complaint === undefined) this.#goodStates.add(state);
    return complaint;
  }

  #checkState(): string | undefined {
    const complaint = this.#off.has("check")
      ? undefined
      : this.scenario.check?.(this.#machine, this.#prepared);
    if (complaint !== undefined || this.#off.has("invariant")) return complaint;
    const violations = checkInvariants(this.memory);
    const [first] = violations;
    if (first === undefined) return undefined;
    throw new BrokenRule("invariant", first.rule, violations.map(({ text }) => text).join("\n"));
  }

  /** What an exception of a program, a trap or a check means; undefined: the explorer is misused. */
  readonly explain = (error: unknown, cpu: number): Failure | undefined => {
    if (error instanceof ReplayError || error instanceof ConfigError) return undefined;
    if (error instanceof WebAssembly.RuntimeError) {
      const forbidden = this.#shadow.failureOf(cpu);
      if (forbidden !== undefined) return forbidden;
      const bug = bugOfTrap(this.memory, cpu, error.message);
      return { ...ruleOf(detectorOfBug(bug.rule), bug), cpu: bug.cpu };
    }
    if (error instanceof BrokenRule) return { ...ruleOf(error.detector, error), cpu };
    if (error instanceof MachineSignal) {
      return { detector: "trap", rule: error.signal, message: error.message, cpu };
    }
    if (error instanceof KernelBug) {
      return { ...ruleOf(detectorOfBug(error.rule), error), cpu: error.cpu };
    }
    // What a program of the scenario finds wrong, it throws.
    if (error instanceof Error) {
      const isCheck = error.name === "Error";
      const [detector, rule] = isCheck
        ? (["check", "check"] as const)
        : (["trap", error.name] as const);
      return { detector, rule, message: error.message, cpu };
    }
    return { detector: "trap", rule: "thrown", message: String(error), cpu };
  };
}

// What can be explored, by the word of the command line: a file with a program, or a scenario over a
// kernel. Gives the search an exploration, and the report names.

import { createHash } from "node:crypto";
import { basename } from "node:path";
import type { Off } from "../engine/explore/detect/catalogue.ts";
import { kernelDataRaces } from "../engine/explore/detect/intended.ts";
import { dataRaces } from "../engine/explore/detect/race-failure.ts";
import { Exploration } from "../engine/explore/exploration.ts";
import { kernelNames } from "../engine/explore/kernel-names.ts";
import { KernelSubject } from "../engine/explore/kernel-subject.ts";
import { programNames, type Names } from "../engine/explore/names.ts";
import type { Runtime } from "../engine/explore/runtime.ts";
import { fingerprintOf } from "../engine/explore/schedule.ts";
import {
  SourceProgram,
  compileLockProgram,
  compileProgram,
  explainProgram,
  type CompiledProgram,
} from "../engine/explore/source-program.ts";
import { ConfigError } from "../kernel/error.ts";
import { readTwin } from "../kernel/load.ts";
import { LOCKS } from "../lab/catalogue.ts";
import { exploredName } from "../lab/explored.ts";
import { keepsContract, lockSource } from "../lab/sources.ts";
import { scenarioNamed } from "../scenario/catalogue.ts";
import type { Scenario } from "../scenario/scenario.ts";
import { SWITCHES_OFF, type SwitchName } from "../scenario/switches.ts";
import { racierVersion } from "./version.ts";

/** What is to be explored. */
export interface SubjectOptions {
  /** A file, or the name of a scenario or a lock. */
  readonly subject: string;
  /** CPUs that use a lock. @defaultValue 2 */
  readonly cpus?: number | undefined;
  /** Kernel of a scenario. @defaultValue the first of its kernels */
  readonly kernel?: string | undefined;
  /** What the kernel of a scenario does without. @defaultValue nothing */
  readonly without?: readonly string[] | undefined;
  /** The build of that kernel that is measured, not the one that checks. @defaultValue false */
  readonly release?: boolean | undefined;
  /** Detectors that are switched off. */
  readonly off: Off;
}

/** One machine to explore. */
export interface Explored {
  readonly exploration: Exploration;
  readonly runtime: Runtime;
  readonly names: Names;
  /** States of a kernel that executions have ended in. */
  readonly states?: ReadonlySet<bigint>;
}

/** What another thread needs to open the same subject. */
export interface SubjectParcel {
  readonly options: SubjectOptions;
  /** A program is compiled only once. */
  readonly program?: CompiledProgram;
}

/** Something that can be explored. */
export interface ExploreSubject {
  /** As reports call it. */
  readonly name: string;
  /** As a schedule's line calls it. */
  readonly key: string;
  readonly fingerprint: string;
  /** Its unnamed spin loops are to be learnt before an exhaustive search. */
  readonly spins: boolean;
  /** Makes a fresh machine; `record`: values are written down with the events. */
  open(record: boolean): Explored;
  readonly parcel: SubjectParcel;
}

/** Finds what the options name. Throws ConfigError. */
export async function subjectOf(options: SubjectOptions): Promise<ExploreSubject> {
  const { subject, cpus } = options;
  const isFile = /[./\\]/.test(subject);
  const isLock = isFile ? keepsContract(subject) : LOCKS.some(({ name }) => name === subject);
  if (isLock) return lockSubject(options);
  if (cpus !== undefined) throw new ConfigError(`--cpus is for locks: ${subject} is none`);
  return isFile ? programSubject(options) : scenarioSubject(options);
}

/** Finds, in another thread, what a parcel was made of. Throws ConfigError. */
export function subjectOfParcel({ options, program }: SubjectParcel): ExploreSubject {
  return program === undefined ? scenarioSubject(options) : compiledSubject(options, program);
}

/** What can be sent to another thread. */
const subjectOptions = ({
  subject,
  cpus,
  kernel,
  without,
  release,
  off,
}: SubjectOptions): SubjectOptions => ({
  ...{ subject, cpus, kernel, without, release, off },
});

/** What the line of a schedule names: "file.ts", "lock:3cpus", or "scenario:kernel:switches". */
export function subjectOfKey(key: string, off: Off): SubjectOptions {
  const lock = /^(.+):(\d)cpus$/.exec(key);
  if (lock !== null) return { subject: lock[1] ?? "", cpus: Number(lock[2]), off };
  const match = /^([a-z-]+):([\w.-]+?(?:\+[\w=-]+?)*)(-release)?(?::([a-z,-]+))?$/.exec(key);
  if (match === null) return { subject: key, off };
  const [, subject = "", kernel, release, without] = match;
  return { subject, kernel, release: release !== undefined, without: without?.split(","), off };
}

async function programSubject(options: SubjectOptions): Promise<ExploreSubject> {
  refuseScenarioOptions(options, "a program");
  return compiledSubject(options, await compileProgram(options.subject));
}

async function lockSubject(options: SubjectOptions): Promise<ExploreSubject> {
  refuseScenarioOptions(options, "a lock");
  const { subject, cpus = 2 } = options;
  const program = await compileLockProgram(lockSource(subject), cpus);
  return compiledSubject({ ...options, cpus }, program);
}

function refuseScenarioOptions(options: SubjectOptions, what: string): void {
  const { subject, kernel, without, release } = options;
  if (kernel === undefined && without === undefined && release !== true) return;
  throw new ConfigError(`${subject} is ${what}: --kernel, --without, --release are for scenarios`);
}

function compiledSubject(options: SubjectOptions, program: CompiledProgram): ExploreSubject {
  const { subject: path, cpus, off } = options;
  const nameAt = program.isLock === true ? exploredName : undefined;
  const names = programNames(program.sites, program.variables, nameAt);
  const open = (record: boolean): Explored => {
    const subject = new SourceProgram(program);
    subject.record(record);
    const { runtime, cpus } = subject;
    const detectors = off.has("data-race") ? [] : [dataRaces(runtime, cpus, names)];
    return {
      exploration: new Exploration(runtime, subject, explainProgram, detectors, off),
      runtime,
      names,
    };
  };
  const fingerprint = fingerprintOf(program.wasm);
  const parcel = { options: subjectOptions(options), program };
  const known = { fingerprint, spins: true, open, parcel };
  if (program.isLock !== true) return { name: basename(path), key: path, ...known };
  return { name: `${basename(path)}, ${cpus} CPUs`, key: `${path}:${cpus}cpus`, ...known };
}

/** A switch by its name. Throws ConfigError. */
function switchNamed(name: string): SwitchName {
  if (name in SWITCHES_OFF) return name as SwitchName;
  const known = Object.keys(SWITCHES_OFF).join(", ");
  throw new ConfigError(`there is no switch "${name}": there are ${known}`);
}

function scenarioSubject(options: SubjectOptions): ExploreSubject {
  const scenario = scenarioNamed(options.subject);
  const kernel = options.kernel ?? scenario.kernels[0] ?? "";
  const without = (options.without ?? []).map(switchNamed);
  const { off } = options;
  const checking = options.release !== true;
  const build = checking ? kernel : `${kernel}-release`;
  const tail = without.length > 0 ? `:${without.join(",")}` : "";
  const open = (record: boolean): Explored => {
    const subject = new KernelSubject(scenario, { kernel, without, checking, record, off });
    const { runtime } = subject;
    const names = kernelNames(subject.config, subject.memory);
    // Release builds do not tell write_once() from a plain store.
    const looksForRaces = checking && !off.has("data-race");
    const detectors = looksForRaces ? [kernelDataRaces(runtime, subject.cpus, names)] : [];
    const exploration = new Exploration(runtime, subject, subject.explain, detectors, off);
    return { exploration, runtime, names, states: subject.states };
  };
  const lacks = without.length > 0 ? `, ${without.join(", ")}` : "";
  return {
    name: `${scenario.name}, kernel ${build}${lacks}`,
    key: `${scenario.name}:${build}${tail}`,
    fingerprint: scenarioFingerprint(scenario, kernel, checking),
    spins: false,
    open,
    parcel: { options: subjectOptions(options) },
  };
}

/** Changes with the kernel, with the scenario, and with racier, whose host code is part of it. */
function scenarioFingerprint(scenario: Scenario, kernel: string, checking: boolean): string {
  const hash = createHash("sha256").update(racierVersion());
  hash.update(readTwin(kernel, checking, "twin"));
  for (const program of scenario.programs) hash.update(String(program));
  return hash.digest("hex").slice(0, 8);
}

// Runs a search: alone in this thread at first, since most end before others could help; then with a
// crew of workers. What is found, and what is counted until then, is the business of the ledger.

import { performance } from "node:perf_hooks";
import { Slicer, type Slice, type SliceResult } from "../engine/explore/slice.ts";
import { Crew } from "./explore-crew.ts";
import type { Checkpoint } from "./explore-checkpoint.ts";
import type { Counts, Job, Ledger, Outcome } from "./explore-ledger.ts";
import type { Explored, ExploreSubject } from "./explore-subject.ts";

/** What bounds a search, and who wants to know of it. */
export interface SearchOptions {
  /** Time, at most. */
  readonly seconds: number;
  readonly workers: number;
  readonly interrupted?: (() => boolean) | undefined;
  readonly onProgress?: ((progress: ExploreProgress) => void) | undefined;
}

/** How far a search has come. */
export interface ExploreProgress {
  /** By all workers. */
  readonly executions: number;
  readonly seconds: number;
  readonly strategy: string;
  /** Executions that showed something new, as far as is known: of programs. */
  readonly traces: number;
  /** States that executions have ended in: of kernels. */
  readonly states: number | undefined;
}

/** How a search ended. */
export interface Searched {
  readonly reason: Outcome["reason"] | "time" | "interrupted";
  readonly failing: Outcome["failing"];
  readonly strategy: string;
  /** Up to the failure, or in all. */
  readonly counts: Readonly<Counts>;
  readonly seconds: number;
}

/** Others are called for when a search has not ended after this time. */
const ALONE_MS = 200;
const STEP_MS = 20;
const MS_BETWEEN_PAUSES = 50;
/** Checkpoints are written so far apart, and at first when the search has gone on for as long again. */
const MS_BETWEEN_CHECKPOINTS = 2000;
/** A failure that is known waits for what comes before it, for so much longer than the search may take. */
const PATIENCE = 2;

/** See the head of the file. */
export class Search {
  readonly #subject: ExploreSubject;
  readonly #explored: Explored;
  readonly #ledger: Ledger;
  readonly #options: SearchOptions;
  readonly #checkpoint: Checkpoint | undefined;
  readonly #began = performance.now();
  /** Seconds of runs before this one. */
  readonly #before: number;
  readonly #states = new Set<bigint>();
  /** States of this thread that are among them. */
  #own = 0;
  #slicer: Slicer | undefined;
  #crew: Crew | undefined;
  #mine: { readonly job: Job; readonly slice: Slice } | undefined;
  #strategy = "";
  #lastPause = this.#began;
  #lastCheckpoint = this.#began;

  /** @param before seconds that runs before this one have taken */
  constructor(
    subject: ExploreSubject,
    explored: Explored,
    ledger: Ledger,
    options: SearchOptions,
    checkpoint?: Checkpoint,
    before = 0,
  ) {
    this.#subject = subject;
    this.#explored = explored;
    this.#ledger = ledger;
    this.#options = options;
    this.#checkpoint = checkpoint;
    this.#before = before;
  }

  /** Seconds of this run. */
  get #seconds(): number {
    return (performance.now() - this.#began) / 1000;
  }

  /** Searches until something is found, nothing is left, or the time is over. */
  async run(): Promise<Searched> {
    if (this.#ledger.outcome !== null) return this.#searched();
    try {
      // At once, so that a file that cannot be written is no surprise at the end.
      this.#write();
      while (!this.#isOver()) await this.#goOn();
      await this.#leaveOff();
      this.#write();
    } finally {
      await this.#crew?.close();
    }
    return this.#searched();
  }

  async #goOn(): Promise<void> {
    const { workers } = this.#options;
    if (workers > 1 && this.#crew === undefined && this.#seconds * 1000 >= ALONE_MS) {
      this.#crew = new Crew(this.#subject.parcel, workers, {
        take: () => this.#take(),
        give: (id, result) => {
          this.#give(id, result);
        },
        meet: (states) => {
          for (const state of states) this.#states.add(state);
        },
      });
    }
    const crew = this.#crew;
    crew?.lower(this.#ledger.horizon);
    crew?.feed();
    if (this.#mine !== undefined || crew?.isUp !== true) this.#work();
    if (this.#mine === undefined && crew !== undefined) await crew.wait(MS_BETWEEN_PAUSES);
    await this.#pause();
  }

  #take(): Job | undefined {
    const job = this.#ledger.take(this.#crew?.places ?? 1);
    this.#strategy = job?.name ?? this.#strategy;
    return job;
  }

  #give(id: number, result: SliceResult): void {
    if (this.#ledger.outcome === null) this.#ledger.give(id, result);
  }

  /** Does a little in this thread. */
  #work(): void {
    this.#slicer ??= new Slicer(this.#explored.exploration, this.#subject.spins);
    if (this.#mine === undefined) {
      const job = this.#take();
      if (job === undefined) return;
      this.#mine = { job, slice: this.#slicer.start(job.work, job.limit) };
    }
    const { job, slice } = this.#mine;
    const isWanted = job.phase <= this.#ledger.horizon;
    if (isWanted && slice.step(STEP_MS)) return;
    this.#mine = undefined;
    this.#give(job.id, slice.result(!isWanted));
  }

  /** Lets others have the thread now and then, and tells how far the search has come. */
  async #pause(): Promise<void> {
    const now = performance.now();
    if (now - this.#lastPause < MS_BETWEEN_PAUSES) return;
    this.#lastPause = now;
    const { executions, redundant } = this.#ledger.everything();
    const running = (this.#mine?.slice.executions ?? 0) + (this.#crew?.live ?? 0);
    this.#options.onProgress?.({
      ...{ executions: executions + running, seconds: this.#seconds, strategy: this.#strategy },
      traces: executions + running - redundant,
      states: this.#countStates(),
    });
    const age = Math.min(MS_BETWEEN_CHECKPOINTS, this.#lastCheckpoint - this.#began);
    if (now - this.#lastCheckpoint >= Math.max(age, ALONE_MS)) this.#write();
    await new Promise(setImmediate);
  }

  /** Different ones that were met by anybody. */
  #countStates(): number | undefined {
    const { states } = this.#explored;
    if (states === undefined || this.#crew === undefined) return states?.size;
    if (states.size !== this.#own) for (const state of states) this.#states.add(state);
    this.#own = states.size;
    return this.#states.size;
  }

  #write(): void {
    const seconds = this.#before + this.#seconds;
    this.#checkpoint?.write({ seconds, ledger: this.#ledger.write() });
    this.#lastCheckpoint = performance.now();
  }

  #isOver(): boolean {
    if (this.#ledger.outcome !== null) return true;
    if (this.#options.interrupted?.() === true) return true;
    const { seconds } = this.#options;
    const isPatient = this.#ledger.firstKnown() !== null;
    return this.#seconds >= (isPatient ? seconds * PATIENCE : seconds);
  }

  /** What is running is ended where it is. */
  async #leaveOff(): Promise<void> {
    if (this.#ledger.outcome !== null) return;
    if (this.#mine !== undefined) {
      const { job, slice } = this.#mine;
      this.#give(job.id, slice.result(true));
      this.#mine = undefined;
    }
    await this.#crew?.drain();
  }

  #searched(): Searched {
    const ledger = this.#ledger;
    const seconds = this.#before + this.#seconds;
    const { outcome } = ledger;
    if (outcome !== null) {
      const { reason, failing, strategy } = outcome;
      return { reason, failing, strategy, counts: ledger.counts, seconds };
    }
    const known = ledger.firstKnown();
    const wasInterrupted = this.#options.interrupted?.() === true;
    return {
      reason: known?.reason ?? (wasInterrupted ? "interrupted" : "time"),
      failing: known?.failing,
      strategy: known?.strategy ?? this.#strategy,
      counts: ledger.everything(),
      seconds,
    };
  }
}

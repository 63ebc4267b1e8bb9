// What an address space should look like: its regions, page by page and word by word. The model
// lies on the board, since the threads of an address space share it and fork copies it.
//
// Who writes what. A region belongs to a thread, the only one that changes its layout; while it
// does, the region's `seq` is odd, and that of the thread's whole part no multiple of CHANGE_OVER. Any
// thread of the address space may load and store in it meanwhile: each has words of its own in every
// page. `epoch` of a page is odd while its content is being dropped, and grows when it was.

import {
  MODEL_FLOATS,
  MODEL_HEAD,
  MODEL_WORDS,
  REGIONS,
  THREADS,
  THREAD_SEQ,
  THREAD_WORDS,
  type Board,
} from "./board.ts";
import { Region } from "./region.ts";

const CLAIMED = 0;
const USERS = 1;
const READY = 2;
const DEPTH = 3;
const HOARDING = 4;
const MEETING = 5;
const TURN = 6;
const ALIVE = 0;
const HAZARD = 2;
const MOVED = 3;

/** One address space. */
export class Model {
  readonly board: Board;
  readonly index: number;
  readonly regions: readonly Region[];
  readonly #at: number;

  constructor(board: Board, index: number) {
    this.board = board;
    this.index = index;
    this.#at = board.modelAt(index);
    this.regions = Array.from(
      { length: THREADS * REGIONS },
      (_, region) => new Region(board, index, region),
    );
  }

  #threadAt(thread: number): number {
    return this.board.threadAt(this.index, thread);
  }

  /** Takes the model for a new address space; false if it is in use. */
  claim(depth: number): boolean {
    const { words } = this.board;
    if (Atomics.compareExchange(words, this.#at + CLAIMED, 0, 1) !== 0) return false;
    words[this.#at + DEPTH] = depth;
    Atomics.store(words, this.#at + USERS, 1);
    Atomics.store(words, this.#at + READY, 0);
    words[this.#at + HOARDING] = 0;
    words[this.#at + MEETING] = 0;
    words[this.#at + TURN] = 0;
    for (let thread = 0; thread < THREADS; thread++) {
      words.fill(0, this.#threadAt(thread), this.#threadAt(thread) + THREAD_WORDS);
    }
    for (const region of this.regions) region.vanish();
    this.setAlive(0, true);
    return true;
  }

  /** Gives the model back. */
  release(): void {
    Atomics.store(this.board.words, this.#at + CLAIMED, 0);
  }

  get claimed(): boolean {
    return Atomics.load(this.board.words, this.#at + CLAIMED) !== 0;
  }

  /** How many forks it is away from a job. */
  get depth(): number {
    return this.board.words[this.#at + DEPTH] as number;
  }

  /** The address space keeps most of the memory. */
  get hoarding(): boolean {
    return this.board.words[this.#at + HOARDING] !== 0;
  }

  set hoarding(hoarding: boolean) {
    if (hoarding === this.hoarding) return;
    this.board.words[this.#at + HOARDING] = hoarding ? 1 : 0;
    if (hoarding) this.board.beginHoard();
    else this.board.endHoard();
  }

  /** A thread begins to use the address space. */
  addUser(): void {
    Atomics.add(this.board.words, this.#at + USERS, 1);
  }

  /** A thread has ended; true for the last one. */
  dropUser(): boolean {
    return Atomics.sub(this.board.words, this.#at + USERS, 1) === 1;
  }

  /** The parent has finished writing: the child may begin. */
  publish(): void {
    Atomics.store(this.board.words, this.#at + READY, 1);
    Atomics.notify(this.board.words, this.#at + READY);
  }

  /**
   * Waits for publish(), which the parent calls right after fork without a kernel call in between.
   */
  awaitReady(): void {
    while (Atomics.load(this.board.words, this.#at + READY) === 0) {
      Atomics.wait(this.board.words, this.#at + READY, 0, 1);
    }
  }

  isAlive(thread: number): boolean {
    return Atomics.load(this.board.words, this.#threadAt(thread) + ALIVE) !== 0;
  }

  setAlive(thread: number, alive: boolean): void {
    Atomics.store(this.board.words, this.#threadAt(thread) + ALIVE, alive ? 1 : 0);
  }

  /** The thread has begun to run. */
  setRunning(thread: number): void {
    Atomics.store(this.board.words, this.#threadAt(thread) + ALIVE, 2);
  }

  /** True if another thread than `me` has begun to run. */
  hasCompany(me: number): boolean {
    return this.othersThan(me).some(
      (thread) => Atomics.load(this.board.words, this.#threadAt(thread) + ALIVE) === 2,
    );
  }

  /** Waits a moment for the meeting to change. */
  awaitMeeting(proposed: number): void {
    Atomics.wait(this.board.words, this.#at + MEETING, proposed, 0.1);
  }

  /** How far two threads that have met and take turns have come. */
  get turn(): number {
    return Atomics.load(this.board.words, this.#at + TURN);
  }

  /** Nobody takes turns. */
  resetTurns(): void {
    Atomics.store(this.board.words, this.#at + TURN, 0);
  }

  /** The other thread's turn; nothing happens if that is not waiting for it any more. */
  passTurn(from: number, to: number): void {
    Atomics.compareExchange(this.board.words, this.#at + TURN, from, to);
    Atomics.notify(this.board.words, this.#at + TURN);
  }

  /** Waits a moment for the turn to pass. */
  awaitTurn(turn: number): void {
    Atomics.wait(this.board.words, this.#at + TURN, turn, 0.1);
  }

  /** Threads that run, besides `me`. */
  othersThan(me: number): number[] {
    return Array.from({ length: THREADS }, (_, thread) => thread).filter(
      (thread) => thread !== me && this.isAlive(thread),
    );
  }

  /**
   * What a thread proposes to do together: a positive number; negative once another has joined; 0:
   * nothing.
   */
  get meeting(): number {
    return Atomics.load(this.board.words, this.#at + MEETING);
  }

  /** Changes the meeting from one value to another; false if it was not that one any more. */
  changeMeeting(from: number, to: number): boolean {
    const changed =
      Atomics.compareExchange(this.board.words, this.#at + MEETING, from, to) === from;
    if (changed) Atomics.notify(this.board.words, this.#at + MEETING);
    return changed;
  }

  /** A multiple of CHANGE_OVER while the part of a thread stands still. */
  threadSeq(thread: number): number {
    return Atomics.load(this.board.words, this.#threadAt(thread) + THREAD_SEQ);
  }

  /** Fork could not follow what a thread of the parent did: the child unmaps that part. */
  markMoved(thread: number): void {
    this.board.words[this.#threadAt(thread) + MOVED] = 1;
  }

  /** See markMoved. */
  hasMoved(thread: number): boolean {
    return this.board.words[this.#threadAt(thread) + MOVED] !== 0;
  }

  /** Announces that `thread` uses a region of somebody else. */
  setHazard(thread: number, region: Region): void {
    const at = this.board.modelNumbersAt(this.index) + THREADS * REGIONS + thread * 2;
    this.board.numbers[at] = region.low;
    this.board.numbers[at + 1] = region.high;
    Atomics.store(this.board.words, this.#threadAt(thread) + HAZARD, region.index + 1);
  }

  clearHazard(thread: number): void {
    Atomics.store(this.board.words, this.#threadAt(thread) + HAZARD, 0);
  }

  /** True if another thread may still use addresses of [low, high), or this entry of the model. */
  hazardous(me: number, low: number, high: number, entry: number): boolean {
    return this.othersThan(me).some((thread) => {
      const used = Atomics.load(this.board.words, this.#threadAt(thread) + HAZARD);
      if (used === 0) return false;
      const at = this.board.modelNumbersAt(this.index) + THREADS * REGIONS + thread * 2;
      const from = this.board.numbers[at] as number;
      const to = this.board.numbers[at + 1] as number;
      return used === entry + 1 || (low < to && from < high);
    });
  }

  /** Copies all regions of `parent`, whatever they are doing. */
  copyRegions(parent: Model): void {
    const { words, numbers } = this.board;
    const from = parent.board.modelAt(parent.index);
    words.copyWithin(this.#at + MODEL_HEAD, from + MODEL_HEAD, from + MODEL_WORDS);
    const source = parent.board.modelNumbersAt(parent.index);
    const target = this.board.modelNumbersAt(this.index);
    numbers.copyWithin(target, source, source + MODEL_FLOATS);
  }
}

// What a lock of the bench protects, and how it is found out whether it does.
//
//   data:  begun, done │ begun, done │ parked, kicks          on a line of its own
//           version 0     version 1
//
// Who writes reads `done`, and counts both on, `done` at the end. Two who write at once read the same, so
// one turn is lost; one who reads while another writes finds begun != done. When all have stopped, `done`
// of all locks must be the sum of what the CPUs say that they did. Nothing here is atomic: the lock is to
// see to that. Version 1 is for locks that let readers in with a writer, who fills the other version.
//
// The work under the lock needs what was read first, and what is written needs the work: by adding
// `value & nothing`, where only the host knows that `nothing` is 0. Else a processor does the work while it
// waits for the lock, and the lock seems to cost nothing.

import * as lock from "racier/subject";
import { Counts, LAST_TURNS } from "./area";
import { work } from "./work";

/** What one lock protects. */
@unmanaged @final
export class Data {
  /** Turns that have begun. */
  begun: u64;
  /** Turns that are done. */
  done: u64;
  /** The second version of both. */
  begun_1: u64;
  /** See begun_1. */
  done_1: u64;
  /** CPUs that sleep until the lock is free, or are about to; --acquire park. */
  @atomic parked: u32;
  /** Changes whenever one of them is woken. */
  @atomic kicks: u32;
}

/** The data with version `version` in the place of version 0. */
@inline
function version_of(data: Data, version: u32): Data {
  return changetype<Data>(changetype<usize>(data) + version * offsetof<Data>("begun_1"));
}

/** One turn of a writer. Returns its number, from 0. */
@inline
export function write_section(
  word: usize, data: Data, has_readers: bool, turns: u32, nothing: u32, counts: Counts,
): u64 {
  let target = data;
  let current = data;
  if (isDefined(lock.write_version)) {
    const version = lock.write_version(word);
    target = version_of(data, version);
    current = version_of(data, version ^ 1);
  }
  const turn = current.done;
  if (has_readers) target.begun = turn + 1;
  if (turns != 0) {
    const value = work(turns, counts.result + <u32>turn);
    counts.result = value;
    target.done = turn + 1 + (value & nothing);
  } else {
    target.done = turn + 1;
  }
  return turn;
}

/** One look of a reader. False when it met a writer. */
@inline
function look(word: usize, data: Data, turns: u32, nothing: u32, counts: Counts): bool {
  let source = data;
  if (isDefined(lock.read_version)) source = version_of(data, lock.read_version(word));
  const begun = source.begun;
  if (turns == 0) return begun == source.done;
  const value = work(turns, counts.result + <u32>begun);
  counts.result = value;
  return begun == changetype<Data>(changetype<usize>(source) + (value & nothing)).done;
}

/** One turn of a reader, who may have to look again. */
@inline
export function read_section(
  word: usize, data: Data, turns: u32, nothing: u32, counts: Counts,
): void {
  counts.reads++;
  if (isDefined(lock.read_begin)) {
    while (true) {
      const begun = lock.read_begin(word);
      const is_whole = look(word, data, turns, nothing, counts);
      if (!lock.read_retry(word, begun)) {
        if (!is_whole) counts.torn++;
        return;
      }
      counts.retries++;
    }
  }
  if (!look(word, data, turns, nothing, counts)) counts.torn++;
}

/** Address of the word where this CPU remembers its last turn under the lock number `index`. */
@inline
export function last_turn(area: usize, index: u32): usize {
  return area + LAST_TURNS + index * 8;
}

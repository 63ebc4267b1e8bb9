// In which order configurations are measured. Each is measured once in every round, and every round begins with
// another one, so that drift of the computer, and what a machine finds in the caches, hit all alike.

/** What there is to measure, in the order of a round. */
export function inTurn<T>(items: readonly T[], round: number): readonly T[] {
  const first = items.length === 0 ? 0 : round % items.length;
  return [...items.slice(first), ...items.slice(0, first)];
}

/** What the user is told, and may want. */
export interface TurnHooks {
  /** Told after each step how many of all are done. */
  readonly onProgress?: (done: number, total: number, note: string) => void;
  /** True when the user wants it to end. */
  readonly interrupted?: () => boolean;
}

/** Measures every item in every round, until interrupted; true if it was. */
export async function takeTurns<T>(
  items: readonly T[],
  rounds: number,
  { onProgress, interrupted }: TurnHooks,
  measure: (item: T) => Promise<void>,
  noteOf: (item: T) => string,
): Promise<boolean> {
  let done = 0;
  for (let round = 0; round < rounds; round++) {
    for (const item of inTurn(items, round)) {
      await measure(item);
      onProgress?.(++done, items.length * rounds, noteOf(item));
      if (interrupted?.()) return true;
    }
  }
  return false;
}

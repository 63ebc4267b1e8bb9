// What an execution changes in the log of user data, so that the next one begins where it did.

/** See the head of the file. */
export class Journal {
  readonly #undo: (() => void)[] = [];

  /** Sets or, with undefined, deletes an entry. */
  put<K, V>(map: Map<K, V>, key: K, value: V | undefined): void {
    const old = map.get(key);
    this.#undo.push(() => {
      set(map, key, old);
    });
    set(map, key, value);
  }

  /** Something else has been changed; `undo` changes it back. */
  note(undo: () => void): void {
    this.#undo.push(undo);
  }

  /** What has been changed stays. */
  commit(): void {
    this.#undo.length = 0;
  }

  /** Changes everything back, the last change first. */
  rollback(): void {
    for (let i = this.#undo.length - 1; i >= 0; i--) this.#undo[i]?.();
    this.#undo.length = 0;
  }
}

function set<K, V>(map: Map<K, V>, key: K, value: V | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}

// The file of --checkpoint: the books of a search, so that it can go on where it was, after Ctrl-C or
// worse. Two lines: what the file is, with a digest of the rest; then the books, with what they are the
// books of. A search goes on only if that is the same to the letter; the file of another one is left as
// it is.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { ConfigError } from "../kernel/error.ts";
import { readBuilt } from "../kernel/load.ts";
import type { WrittenLedger } from "./explore-ledger.ts";
import type { StrategyName } from "./explore-plan.ts";
import { replaceFile } from "./replace-file.ts";
import { racierVersion } from "./version.ts";

const MARK = "racier checkpoint 1";
const WAY_OUT = "give another file, or remove this one";

/** What a search is: everything that its result depends on. */
export interface SearchIdentity {
  /** See searchCode(). */
  readonly code: string;
  readonly subject: string;
  readonly off: readonly string[];
  readonly strategy: StrategyName;
  readonly seed: number;
  readonly depth: number;
  /** Executions, at most; null: no bound. */
  readonly executions: number | null;
}

/** How far a search has come. */
export interface Written {
  readonly seconds: number;
  readonly ledger: WrittenLedger;
}

/** What stands for the code of a search: the subject, racier's version, its explorer. */
export function searchCode(fingerprint: string): string {
  const hash = createHash("sha256").update(`${racierVersion()} ${fingerprint} `);
  return hash.update(readBuilt("explorer.wasm")).digest("hex").slice(0, 8);
}

/** See the head of the file. */
export class Checkpoint {
  readonly path: string;
  readonly #identity: SearchIdentity;

  constructor(path: string, identity: SearchIdentity) {
    this.path = path;
    this.#identity = identity;
  }

  /**
   * Reads the file; undefined: there is none.
   * @throws ConfigError when it is damaged, or the file of another search
   */
  read(): Written | undefined {
    const text = this.#text();
    if (text === undefined) return undefined;
    const [head = "", body = ""] = text.split("\n");
    if (!head.startsWith("racier checkpoint ")) {
      throw new ConfigError(`${this.path} is no checkpoint of racier: ${WAY_OUT}`);
    }
    if (head !== headOf(body)) {
      throw new ConfigError(`${this.path} is damaged, or of another version of racier: ${WAY_OUT}`);
    }
    const { identity, ...written } = JSON.parse(body) as Written & { identity: SearchIdentity };
    for (const key of Object.keys(this.#identity) as (keyof SearchIdentity)[]) {
      const [was, is] = [identity[key], this.#identity[key]].map((each) => JSON.stringify(each));
      if (was !== is) throw new ConfigError(this.#otherSearch(key, was ?? "", is ?? ""));
    }
    return written;
  }

  /** Writes the file. Throws ConfigError when that cannot be done. */
  write(written: Written): void {
    const body = JSON.stringify({ identity: this.#identity, ...written });
    try {
      replaceFile(this.path, `${headOf(body)}\n${body}\n`);
    } catch (error) {
      throw new ConfigError(`${this.path} cannot be written: ${(error as Error).message}`);
    }
  }

  #text(): string | undefined {
    try {
      return readFileSync(this.path, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw new ConfigError(`${this.path} cannot be read: ${(error as Error).message}`);
    }
  }

  #otherSearch(key: string, was: string, is: string): string {
    if (key === "code") return `${this.path} is a checkpoint of other code: ${WAY_OUT}`;
    return `${this.path} is the checkpoint of another search (${key} ${was}, not ${is}): ${WAY_OUT}`;
  }
}

function headOf(body: string): string {
  return `${MARK} ${createHash("sha256").update(body).digest("hex")}`;
}

// A client of MMU notifiers in a file of its own: the default export of a module, found by every CPU.

import { ConfigError } from "../kernel/error.ts";
import type { NotifierClient } from "../notifier/client.ts";
import { importModule } from "./program.ts";

/** A client as CPUs are told of it. */
export interface ClientEntry {
  /** Its number, the same on every CPU. */
  readonly id: number;
  readonly url: string;
}

const METHODS = [
  ...["invalidatePage", "rangeStart", "rangeEnd", "clearFlushYoung", "release"],
  ...["access", "underWay", "translations"],
] as const;

/** The client that a module exports. Throws ConfigError when it exports none, or one that lacks something. */
export async function importClient(url: string): Promise<NotifierClient> {
  const { default: client } = await importModule(url);
  if (typeof client !== "object" || client === null) {
    throw new ConfigError(
      `${url} exports no client: write export default defineNotifierClient(...)`,
    );
  }
  const parts = client as Partial<Record<string, unknown>>;
  const missing = METHODS.filter((name) => typeof parts[name] !== "function");
  const { name, state, maxPages } = client as Partial<NotifierClient>;
  if (typeof name !== "string" || typeof state !== "object" || !Number.isInteger(maxPages)) {
    throw new ConfigError(`the client of ${url} needs a name, a state and maxPages`);
  }
  if (missing.length > 0) {
    throw new ConfigError(`the client ${name} of ${url} lacks ${missing.join(", ")}`);
  }
  checkTable(client as NotifierClient, url);
  return client as NotifierClient;
}

/** What the hardware walks must have an entry for each page. */
function checkTable({ name, state, maxPages, table }: NotifierClient, url: string): void {
  if (table === undefined || (state[table]?.bytes ?? 0) >= 4 * maxPages) return;
  throw new ConfigError(
    `the client ${name} of ${url} has no field ${table} with an entry for each of ${maxPages} pages`,
  );
}

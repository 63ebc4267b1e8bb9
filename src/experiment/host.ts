// Facts about the machine underneath, which every measurement must carry to mean anything.

import os from "node:os";
import process from "node:process";

/** The machine that racier ran on. */
export interface HostFacts {
  /** As the operating system names it; "unknown" when it does not. */
  cpuModel: string;
  /** Hardware threads that this process may use. */
  cores: number;
  /** Version of Node.js, without "v". */
  node: string;
  /** Name, release and architecture. */
  os: string;
  /** Start of the measurement, ISO 8601 in UTC. */
  date: string;
}

/** Reads the facts now. */
export function hostFacts(now: Date = new Date()): HostFacts {
  const model = os.cpus()[0]?.model.replace(/\s+/g, " ").trim() ?? "";
  return {
    cpuModel: model === "" ? "unknown" : model,
    cores: os.availableParallelism(),
    node: process.versions.node,
    os: `${os.type()} ${os.release()} ${os.arch()}`,
    date: now.toISOString(),
  };
}

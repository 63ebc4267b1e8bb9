// Runs the clients of a CPU: answers the kernel's calls, registers and unregisters, and does the accesses of
// programs through secondary MMUs. A registration is named by the address of its MmuNotifier, its handle.

import { EINVAL, ENOMEM } from "../layout/errno.ts";
import { CLIENT_MAGIC, MmuNotifier, NOTIFIER_STATE } from "../layout/structs.gen.ts";
import { getI32, getU32, setI32, setU64 } from "../layout/view.ts";
import { ConfigError, MachineSignal, SyscallError } from "../kernel/error.ts";
import type { Cpu } from "../kernel/load.ts";
import type { NotifierMethods } from "../kernel/notifier-port.ts";
import type { NotifierClient, Perform, Self } from "./client.ts";
import { Operation } from "./operation.ts";
import { selfOf } from "./secondary.ts";
import { layOut, type StateFields } from "./state.ts";

const { ops, magic, mm, users, window_start, window_pages } = MmuNotifier;

/** A client and its state on this CPU. */
interface Bound {
  readonly id: number;
  readonly client: NotifierClient;
  readonly self: Self<StateFields>;
}

/** The part of an address space that a secondary MMU maps. */
export interface Window {
  /** First address; page aligned. */
  readonly start: number;
  readonly pages: number;
  /** The caller is no thread of that address space: it will unregister. @defaultValue false */
  readonly foreign?: boolean;
}

/** Where the entries of a client lie that the hardware walks; 0: it has none. */
function tableOf({ state, table }: NotifierClient): number {
  if (table === undefined) return 0;
  return NOTIFIER_STATE + (layOut(state).offsets[table] as number);
}

/** See the head of the file. */
export class NotifierHost implements NotifierMethods {
  readonly #cpu: Cpu;
  readonly #operation: Operation;
  readonly #clients: NotifierClient[] = [];
  /** Objects only: what they stand for lies in memory, so one that is stale is merely not used. */
  readonly #bound = new Map<number, Bound>();
  #last: Bound | undefined;
  #lastHandle = 0;

  constructor(cpu: Cpu) {
    this.#cpu = cpu;
    this.#operation = new Operation(cpu.k);
    cpu.notifiers.methods = this;
  }

  /** Makes a client known under a number that is the same on every CPU. */
  add(id: number, client: NotifierClient): void {
    this.#clients[id] = client;
  }

  /** Names of the clients that are known. */
  get names(): readonly string[] {
    return this.#clients.map((client) => client.name);
  }

  /** Lets a client follow the mm `of`, which the caller is a user of; the handle. Throws SyscallError and ConfigError. */
  register(name: string, of: number, window: Window): number {
    const id = this.#clients.findIndex((each) => each.name === name);
    const client = this.#clients[id];
    if (client === undefined) {
      throw new ConfigError(
        `there is no notifier client "${name}": there are ${this.names.join(", ")}`,
      );
    }
    const { start, pages, foreign = false } = window;
    if (start % 4096 !== 0 || pages < 1 || pages > client.maxPages) {
      const range = `1 to ${client.maxPages} whole pages`;
      throw new SyscallError("register", EINVAL, `the window of ${name} is ${range}`);
    }
    const { k } = this.#cpu;
    const handle = k.client_alloc(NOTIFIER_STATE + layOut(client.state).bytes);
    if (handle === 0) {
      throw new SyscallError("register", ENOMEM, "no memory for the client's state");
    }
    setI32(this.#cpu, handle + ops, id);
    setI32(this.#cpu, handle + users, 1);
    setU64(this.#cpu, handle + window_start, start);
    setI32(this.#cpu, handle + window_pages, pages);
    setI32(this.#cpu, handle + MmuNotifier.table, tableOf(client));
    setI32(this.#cpu, handle + MmuNotifier.foreign, foreign ? 1 : 0);
    this.#initialise(handle, client);
    // Who keeps the address of an mm keeps its struct.
    k.mmgrab(of);
    const error = k.mmu_notifier_register(handle, of);
    if (error === 0) return handle;
    this.#free(handle, of);
    const reason =
      error === -EINVAL ? "this kernel has no MMU notifiers" : "no memory for its locks";
    throw new SyscallError("register", error, reason);
  }

  #initialise(handle: number, { state }: NotifierClient): void {
    const { offsets } = layOut(state);
    for (const [name, field] of Object.entries(state)) {
      field.init?.(this.#cpu, handle + NOTIFIER_STATE + (offsets[name] as number));
    }
  }

  /** Ends a registration; its handle is free unless others have attached. Throws SyscallError ENOMEM. */
  unregister(handle: number): void {
    this.#at(handle);
    const error = this.#cpu.k.mmu_notifier_unregister(handle);
    if (error !== 0) throw new SyscallError("unregister", error, "no memory for its locks");
    this.detach(handle);
  }

  /** One more process uses the handle. */
  attach(handle: number): void {
    this.#at(handle);
    this.#cpu.k.client_fetch_add(handle + users, 1);
  }

  /** One process less; the last frees it. */
  detach(handle: number): void {
    const { k } = this.#cpu;
    if (k.client_fetch_add(handle + users, -1) === 1) {
      this.#free(handle, getI32(this.#cpu, handle + mm));
    }
  }

  #free(handle: number, of: number): void {
    this.#cpu.k.client_free(handle);
    this.#cpu.k.mmdrop(of);
  }

  /** Closes what a process whose address space has gone has left open. */
  close(of: number): void {
    for (;;) {
      const handle = this.#cpu.k.client_of_mm(of);
      if (handle === 0) return;
      this.unregister(handle);
    }
  }

  /** Loads 32 bits through a secondary MMU. Throws MachineSignal SIGSEGV. */
  load32(handle: number, address: number): number {
    this.#check(handle);
    const found = this.#cpu.k.secondary_walk_load32(handle, address);
    if (found >= 0) return found;
    this.#access(handle, address, false, this.#operation.load32);
    return this.#operation.value;
  }

  /** Stores 32 bits through a secondary MMU. Throws MachineSignal SIGSEGV. */
  store32(handle: number, address: number, value: number): void {
    this.#check(handle);
    if (this.#cpu.k.secondary_walk_store32(handle, address, value) !== 0) return;
    this.#operation.value = value;
    this.#access(handle, address, true, this.#operation.store32);
  }

  /** Loads 64 bits. Throws MachineSignal SIGSEGV. */
  load64(handle: number, address: number): bigint {
    this.#check(handle);
    const { k } = this.#cpu;
    const found = k.secondary_walk_load64(handle, address);
    if (k.secondary_missed() === 0) return BigInt.asUintN(64, found);
    this.#access(handle, address, false, this.#operation.load64);
    return this.#operation.wide;
  }

  /** Stores 64 bits. Throws MachineSignal SIGSEGV. */
  store64(handle: number, address: number, value: bigint): void {
    this.#check(handle);
    if (this.#cpu.k.secondary_walk_store64(handle, address, value) !== 0) return;
    this.#operation.wide = value;
    this.#access(handle, address, true, this.#operation.store64);
  }

  #access(handle: number, address: number, write: boolean, perform: Perform): void {
    const { client, self } = this.#at(handle);
    this.#operation.offset = address % 4096;
    if (client.access(self, address, write, perform)) return;
    throw new MachineSignal("SIGSEGV", address, write ? "write" : "read");
  }

  /** Lets this CPU do what there is to do for a secondary MMU; true if there was something. */
  serve(handle: number): boolean {
    const { client, self } = this.#at(handle);
    return client.serve?.(self) ?? false;
  }

  /** What the client has counted. */
  counts(handle: number): Readonly<Record<string, number>> {
    const { client, self } = this.#at(handle);
    return client.counts?.(self) ?? {};
  }

  /** See NotifierMethods. */
  invalidatePage(notifier: number, id: number, address: number): void {
    const { client, self } = this.#of(notifier, id);
    client.invalidatePage(self, address);
  }

  /** See NotifierMethods. */
  rangeStart(notifier: number, id: number, start: number, end: number): void {
    const { client, self } = this.#of(notifier, id);
    client.rangeStart(self, start, end);
  }

  /** See NotifierMethods. */
  rangeEnd(notifier: number, id: number, start: number, end: number): void {
    const { client, self } = this.#of(notifier, id);
    client.rangeEnd(self, start, end);
  }

  /** See NotifierMethods. */
  clearFlushYoung(notifier: number, id: number, address: number): number {
    const { client, self } = this.#of(notifier, id);
    return client.clearFlushYoung(self, address) ? 1 : 0;
  }

  /** See NotifierMethods. */
  release(notifier: number, id: number): void {
    const { client, self } = this.#of(notifier, id);
    client.release(self);
  }

  /** The client of a handle that a program gave. Throws ConfigError when it is none. */
  #at(handle: number): Bound {
    this.#check(handle);
    return this.#of(handle, getU32(this.#cpu, handle + ops));
  }

  /** Throws ConfigError for a handle that is none. */
  #check(handle: number): void {
    if (getU32(this.#cpu, handle + magic) === CLIENT_MAGIC && handle % 4096 === 0) return;
    throw new ConfigError(`0x${(handle >>> 0).toString(16)} is no registration`);
  }

  #of(handle: number, id: number): Bound {
    if (handle === this.#lastHandle && this.#last?.id === id) return this.#last;
    let bound = this.#bound.get(handle);
    if (bound?.id !== id) {
      const client = this.#clients[id] as NotifierClient;
      bound = { id, client, self: selfOf(this.#cpu, handle, client) };
      this.#bound.set(handle, bound);
    }
    this.#lastHandle = handle;
    this.#last = bound;
    return bound;
  }
}

// What a client is given of one registration (client.ts says what it means): an object for each CPU and state,
// with nothing of its own but the address.

import {
  BOOT_PARAMS,
  BootParams,
  MEM_MAP,
  MmuNotifier,
  NOTIFIER_STATE,
  PerCpu,
  STRUCT_PAGE_SHIFT,
  Task,
} from "../layout/structs.gen.ts";
import { getI32, getU32, getU64 } from "../layout/view.ts";
import { ConfigError } from "../kernel/error.ts";
import type { Cpu } from "../kernel/load.ts";
import { mmput } from "../mm/unmap.ts";
import { mmapSem } from "../mm/vma.ts";
import type { NotifierClient, Secondary, Self, UserPage } from "./client.ts";
import { bindState, type StateFields } from "./state.ts";

const { mm, window_start, window_pages } = MmuNotifier;

/** See the head of the file. */
export class SecondaryMmu implements Secondary {
  readonly address: number;
  readonly #cpu: Cpu;

  constructor(cpu: Cpu, address: number, fields: StateFields) {
    this.#cpu = cpu;
    this.address = address;
    bindState(this, cpu, fields, address + NOTIFIER_STATE);
  }

  get cpu(): number {
    return this.#cpu.id;
  }

  get cpus(): number {
    return getU32(this.#cpu, BOOT_PARAMS + BootParams.nr_cpus);
  }

  get mm(): number {
    return getI32(this.#cpu, this.address + mm);
  }

  get start(): number {
    return getU64(this.#cpu, this.address + window_start);
  }

  get pages(): number {
    return getU32(this.#cpu, this.address + window_pages);
  }

  has(fix: number): boolean {
    return this.#cpu.k.has_fix(fix) !== 0;
  }

  indexOf(address: number): number {
    const offset = address - this.start;
    return offset >= 0 && offset < this.pages * 4096 ? Math.floor(offset / 4096) : -1;
  }

  overlap(from: number, to: number): { readonly first: number; readonly last: number } {
    const { start } = this;
    const first = Math.max(0, Math.floor((from - start) / 4096));
    return { first, last: Math.min(this.pages, Math.ceil((to - start) / 4096)) - 1 };
  }

  addressOf(index: number): number {
    return this.start + index * 4096;
  }

  withMmapSem<T>(body: () => T): T {
    const { k } = this.#cpu;
    const sem = mmapSem(this.mm);
    k.down_read(sem);
    try {
      return body();
    } finally {
      k.up_read(sem);
    }
  }

  withBothMmapSems<T>(body: () => T): T {
    const { k } = this.#cpu;
    const current = getI32(this.#cpu, this.#cpu.area + PerCpu.current);
    const mine = current === 0 ? 0 : getI32(this.#cpu, current + Task.mm);
    const other = this.mm;
    if (mine === 0 || mine === other || k.client_down_read_both(mine, other) === 0) {
      return this.withMmapSem(body);
    }
    try {
      return body();
    } finally {
      k.client_up_read_both(mine, other);
    }
  }

  tryMmapSem<T>(body: () => T): T | undefined {
    const { k } = this.#cpu;
    const sem = mmapSem(this.mm);
    if (k.down_read_trylock(sem) === 0) return undefined;
    try {
      return body();
    } finally {
      k.up_read(sem);
    }
  }

  withUser<T>(body: () => T): T | undefined {
    const { mm } = this;
    if (this.#cpu.k.mmget_not_zero(mm) === 0) return undefined;
    try {
      return body();
    } finally {
      mmput(this.#cpu, mm);
    }
  }

  getUserPage(address: number, write: boolean): UserPage | undefined {
    const page = this.#cpu.k.get_user_page(this.mm, address, write ? 1 : 0);
    if (page === 0) return undefined;
    return { page, pfn: ((page >>> 0) - MEM_MAP) >>> STRUCT_PAGE_SHIFT };
  }

  putPage({ page }: UserPage): void {
    this.#cpu.k.put_page(page);
  }

  zapPages(from: number, to: number): void {
    if (this.#cpu.k.client_zap_page_range(this.mm, from, to) !== 0) return;
    throw new ConfigError(
      "zap_page_range is the kernel's own: mmn-v13+zap-export lets clients call it",
    );
  }

  flush(): void {
    this.#cpu.k.flush_secondary();
  }

  spinWhile(address: number, seen: number): void {
    this.#cpu.k.client_spin(address, seen);
  }

  mightSleep(): void {
    this.#cpu.k.client_might_sleep();
  }
}

/** A registration as functions of its client take it. */
export const selfOf = (cpu: Cpu, address: number, client: NotifierClient): Self<StateFields> =>
  new SecondaryMmu(cpu, address, client.state) as unknown as Self<StateFields>;

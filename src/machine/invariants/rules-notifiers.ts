// Rules about secondary MMUs: what one can reach is what the process maps, and every range that began has ended. What
// a client has mapped only the client can say: its own function is asked, over memory that nobody changes.

import { CLIENT_MAGIC, MmuNotifier, _PAGE_PRESENT, _PAGE_RW } from "../../layout/structs.gen.ts";
import type { KernelCalls } from "../../kernel/calls.ts";
import type { Cpu } from "../../kernel/load.ts";
import { NotifierPort } from "../../kernel/notifier-port.ts";
import { CLIENTS } from "../../notifier/clients/index.ts";
import { selfOf } from "../../notifier/secondary.ts";
import { hex } from "./findings.ts";
import { frameName, type ClientRecord, type PteRecord, type World } from "./world.ts";

/** A CPU that can only read. */
function reader(world: World): Cpu {
  const calls: Partial<KernelCalls> = { client_read: (word) => world.u32(word) };
  const k = calls as KernelCalls;
  return { ...world.memory, id: 0, area: 0, notifiers: new NotifierPort(), k };
}

const keyOf = (mm: number, address: number): string => `${mm}:${Math.floor(address / 4096)}`;

function checkClient(
  world: World,
  cpu: Cpu,
  record: ClientRecord,
  ptes: ReadonlyMap<string, PteRecord>,
): void {
  const client = CLIENTS[record.client];
  if (client === undefined) return;
  const self = selfOf(cpu, record.address, client);
  const name = `${client.name} at ${hex(record.address)}`;
  world.findings.equal("I-RANGE", `ranges under way of ${name}`, 0, client.underWay(self));
  for (const { address, pfn, writable } of client.translations(self)) {
    const pte = ptes.get(keyOf(record.mm, address));
    const what = `entry of ${name} for ${hex(address)}`;
    const found = pte === undefined ? "nothing" : frameName(pte.pfn);
    const present = pte !== undefined && (pte.low & _PAGE_PRESENT) !== 0;
    if (!present || pte.pfn !== pfn) {
      world.findings.add("I-SPTE", what, found, frameName(pfn));
    } else if (writable && (pte.low & _PAGE_RW) === 0) {
      world.findings.add("I-SPTE", what, "read-only, as the PTE", "writable");
    }
  }
}

/** A secondary MMU reaches no more than the process maps, and no range is left open: I-SPTE, I-RANGE. */
export function checkNotifiers(world: World): void {
  if (world.clients.length === 0) return;
  const cpu = reader(world);
  const ptes = new Map(world.ptes.map((pte) => [keyOf(pte.mm.address, pte.virtual), pte]));
  for (const record of world.clients) {
    if (world.u32(record.address + MmuNotifier.magic) !== CLIENT_MAGIC || record.mm === 0) continue;
    checkClient(world, cpu, record, ptes);
  }
}

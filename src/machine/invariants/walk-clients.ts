// Memory of the clients of MMU notifiers: the list of all blocks (assembly/notifier/client.ts).

import { CLIENTS_LIST, CLIENT_MAGIC, MmuNotifier } from "../../layout/structs.gen.ts";
import { hex } from "./findings.ts";
import { ROLE_CLIENT, type World } from "./world.ts";

const { alloc_next, magic, mm, order, ops, registered } = MmuNotifier;
/** A list that does not end within this is damaged. */
const MOST_BLOCKS = 1 << 20;

/** Notes the blocks and their frames. */
export function walkClients(world: World): void {
  let address = world.u32(CLIENTS_LIST);
  for (let left = MOST_BLOCKS; address !== 0 && left > 0; left--) {
    if (!world.inMemory(address) || world.u32(address + magic) !== CLIENT_MAGIC) {
      world.findings.add("FRAMES", "list of notifier clients", "their memory", hex(address));
      return;
    }
    const frames = 2 ** world.u32(address + order);
    for (let i = 0; i < frames; i++) world.use((address >>> 12) + i, ROLE_CLIENT, 1);
    const follows = world.u32(address + mm);
    const holds = follows === 0 ? 0 : 1 + world.u32(address + registered);
    world.clients.push({ address, mm: follows, holds, client: world.u32(address + ops) });
    address = world.u32(address + alloc_next);
  }
}

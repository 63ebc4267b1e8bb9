// Secondary MMUs beside the programs: a thread registers a client on a part of its address space, and does a part of its
// accesses through it (secondary-access.ts).

import { loadWord, ownsWord, storeWord } from "./access.ts";
import type { Actor, Registration } from "./actor.ts";
import { KIND_STACK, type Region } from "./region.ts";
import { visit } from "./visit.ts";
import { ALL_WORDS } from "./words.ts";

/** Clients of one thread, at most. */
const MOST = 3;

/** Registers a client, or ends one. */
export function opNotifier(actor: Actor): void {
  const { random, notifiers, order, task } = actor;
  if (notifiers.length === MOST || (notifiers.length > 0 && random.chance(40))) {
    const { handle } = notifiers.splice(random.below(notifiers.length), 1)[0] as Registration;
    // Where the locks cannot be had it goes on, until the process ends.
    actor.request("unregister", [], () => {
      task.unregisterNotifier(handle);
    });
    return;
  }
  // An access below a stack lets it grow, which the walk below does not expect.
  const regions = actor.ownRegions.filter((region) => region.kind !== KIND_STACK);
  if (regions.length === 0) return;
  const region = random.pick(regions);
  const addresses = [region.address(0), region.address(region.count - 1)];
  const start = Math.min(...addresses);
  const end = Math.max(...addresses) + 4096;
  const client = random.pick(order.notifiers);
  actor.request("register", [], () => {
    const handle = task.registerNotifier(client, start, (end - start) / 4096);
    notifiers.push({ handle, start, end });
    actor.count("notifiers");
  });
  use(actor, region);
}

/** Loads and stores in a region whose pages some client has in its window. */
function use(actor: Actor, region: Region): void {
  visit(actor, region, (seen) => {
    for (let page = 0; page < seen.count; page++) {
      for (const word of ALL_WORDS) {
        if (actor.random.chance(50)) loadWord(actor, seen, page, word);
        else if (ownsWord(actor, region, word)) storeWord(actor, seen, page, word);
      }
    }
  });
}

// swapoff and swapon, while everybody else swaps. One CPU does it at a time.

import type { Actor } from "./actor.ts";

/** Empties a swap area and adds it again, perhaps with another priority. */
export function opSwap(actor: Actor): void {
  const { board, order, random, task } = actor;
  const { swapAreas, swapBytes } = order;
  if (swapAreas === 0 || !board.beginSwap()) return;
  try {
    const slot = random.below(swapAreas);
    const area = board.swapArea(slot);
    if (area >= 0) {
      actor.count("swapoff");
      const refused = actor.request("swapoff", ["EINTR", "ENOMEM"], () => {
        task.swapoff(area);
      });
      if (refused !== undefined) return;
      board.setSwapArea(slot, -1);
    }
    actor.request("swapon", ["ENOMEM"], () => {
      const length = swapBytes / swapAreas;
      board.setSwapArea(slot, task.swapon({ length, priority: random.below(3) }));
    });
  } finally {
    board.endSwap();
  }
}

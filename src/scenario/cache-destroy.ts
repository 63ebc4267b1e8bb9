// A CPU gives back all that it keeps of a slab cache of a module: the slab goes through RCU. Another destroys the cache.
// When a grace period has passed, the slab may be on the first CPU's list of callbacks that are due, and not yet
// freed; and who frees a slab looks at its cache.
//
// rmap-history 6.27: kmem_cache_destroy waited for a grace period until June 2009, and has rcu_barrier since.

import { CACHE_MODULE } from "../layout/structs.gen.ts";
import { defineScenario } from "./scenario.ts";

export const cacheDestroy = defineScenario<undefined>({
  name: "cache-destroy",
  title: "kmem_cache_destroy, and a callback of RCU that frees a slab of the cache",
  kernels: ["2.6.9"],
  switches: ["destroy-synchronizes"],
  setup(machine) {
    const destroyer = machine.spawn(0);
    const user = machine.spawn(1);
    // What there is of the cache is on CPU 1.
    machine.run(user, ({ cpu }) => {
      cpu.k.kmem_cache_free(CACHE_MODULE, cpu.k.kmem_cache_alloc(CACHE_MODULE));
    });
    return { tasks: [destroyer, user], state: undefined };
  },
  programs: [
    ({ cpu }) => {
      cpu.k.kmem_cache_destroy(CACHE_MODULE);
    },
    ({ cpu }) => {
      cpu.k.kmem_cache_reap_all();
    },
  ],
});

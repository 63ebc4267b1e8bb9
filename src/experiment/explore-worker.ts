// The body of a worker of a search: a machine of its own that runs slices. Looks now and then whether its
// work is still wanted.

import { parentPort, workerData, type MessagePort } from "node:worker_threads";
import { Slicer } from "../engine/explore/slice.ts";
import { packError } from "../kernel/packed-error.ts";
import { HORIZON, LIVE, type CrewReply, type CrewStart } from "./explore-crew-messages.ts";
import type { Job } from "./explore-ledger.ts";
import { subjectOfParcel } from "./explore-subject.ts";

/** Between two looks. */
const STEP_MS = 20;

const port = parentPort as MessagePort;
const { parcel, shared, index } = workerData as CrewStart;
const words = new Int32Array(shared);
const say = (reply: CrewReply): void => {
  port.postMessage(reply);
};

const isWanted = (job: Job): boolean => job.phase <= Atomics.load(words, HORIZON);

function serve(): (job: Job) => void {
  const subject = subjectOfParcel(parcel);
  const { exploration, states } = subject.open(false);
  const slicer = new Slicer(exploration, subject.spins);
  let told = 0;
  const newStates = (): BigUint64Array | undefined => {
    if (states === undefined || states.size === told) return undefined;
    const fresh = BigUint64Array.from([...states].slice(told));
    told = states.size;
    return fresh;
  };
  return (job) => {
    const slice = slicer.start(job.work, job.limit);
    let goesOn = true;
    while (goesOn && isWanted(job)) {
      goesOn = slice.step(STEP_MS);
      Atomics.store(words, LIVE + index, slice.executions);
    }
    const result = slice.result(goesOn);
    Atomics.store(words, LIVE + index, 0);
    say({ type: "done", id: job.id, result, states: newStates() });
  };
}

try {
  const work = serve();
  port.on("message", (job: Job) => {
    try {
      work(job);
    } catch (error) {
      say({ type: "failed", error: packError(error) });
    }
  });
  say({ type: "ready" });
} catch (error) {
  say({ type: "failed", error: packError(error) });
}

// The body of a worker of the hall: shows one exhibit after the other, as it is told.

import { parentPort, workerData, type MessagePort } from "node:worker_threads";
import { packError } from "../kernel/packed-error.ts";
import { PLACES, showExhibit, type ExhibitOptions, type Place } from "./explore-exhibit.ts";
import type { HallReply, HallRequest } from "./explore-hall.ts";

const port = parentPort as MessagePort;
const { options, shared } = workerData as { options: ExhibitOptions; shared: SharedArrayBuffer };
const interruption = new Int32Array(shared);

async function answer({ index, seconds }: HallRequest): Promise<HallReply> {
  const isInterrupted = (): boolean => Atomics.load(interruption, 0) !== 0;
  try {
    const place = PLACES[index] as Place;
    return { index, exhibit: await showExhibit(place, options, seconds, isInterrupted) };
  } catch (error) {
    return { index, error: packError(error) };
  }
}

port.on("message", (request: HallRequest) => {
  void answer(request).then((reply) => {
    port.postMessage(reply);
  });
});

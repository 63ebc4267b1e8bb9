// Ctrl-C: the first asks the command to end with what it has found so far, the second ends it at
// once.

/** Watches for Ctrl-C (and SIGTERM) until stop() is called. */
export interface InterruptWatch {
  readonly interrupted: () => boolean;
  readonly stop: () => void;
}

/** Status of a program that ended by SIGINT, as shells report it. */
export const STATUS_INTERRUPTED = 130;

/** Starts to watch. */
export function watchInterrupt(): InterruptWatch {
  let count = 0;
  const onSignal = (): void => {
    count++;
    if (count > 1) process.exit(STATUS_INTERRUPTED);
    process.stderr.write(
      "\nracier: ending with what was found so far; Ctrl-C again to end at once\n",
    );
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  return {
    interrupted: () => count > 0,
    stop: () => {
      process.off("SIGINT", onSignal);
      process.off("SIGTERM", onSignal);
    },
  };
}

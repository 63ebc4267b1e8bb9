// The keys of `racier top` on a terminal: which page is shown, and the end.

/** Pages by their keys. */
export const TOP_PAGES = {
  o: "overview",
  m: "meminfo",
  v: "vmstat",
  b: "buddyinfo",
  s: "slabinfo",
} as const;

/** A page of `racier top`. */
export type TopPage = (typeof TOP_PAGES)[keyof typeof TOP_PAGES];

/** One line that says what can be pressed. */
export const KEY_LINE = [
  ...Object.entries(TOP_PAGES).map(([key, page]) => `${key} ${page}`),
  "q end",
].join("   ");

const CTRL_C = "\x03";

/** The page that a key stands for, if it stands for one. */
export function pageOfKey(key: string): TopPage | undefined {
  return Object.hasOwn(TOP_PAGES, key) ? TOP_PAGES[key as keyof typeof TOP_PAGES] : undefined;
}

/** Tells of keys until the function that it returns is called; of none where standard input is no terminal. */
export function watchKeys(show: (page: TopPage) => void): () => void {
  const { stdin } = process;
  if (!stdin.isTTY) return () => undefined;
  const pressed = (data: Buffer): void => {
    const key = data.toString();
    const page = pageOfKey(key);
    if (page !== undefined) show(page);
    // What the terminal would do, if it did not hand over each key.
    else if (key === "q" || key === CTRL_C) process.kill(process.pid, "SIGINT");
  };
  stdin.setRawMode(true);
  stdin.on("data", pressed);
  return () => {
    stdin.off("data", pressed);
    stdin.setRawMode(false);
    stdin.pause();
  };
}

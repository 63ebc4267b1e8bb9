// Reads a red-black tree of the kernel straight from memory and says what is wrong with it. A node is three
// words: parent and color (0 red, 1 black), left, right.

/** The rules that the tree at the word `root` breaks: none, one hopes. */
export function redBlackFaults(words: Uint32Array, root: number): string[] {
  const word = (address: number) => words[address / 4] ?? 0;
  const isRed = (node: number) => node !== 0 && (word(node) & 1) === 0;
  const faults = isRed(word(root)) ? ["the top is red"] : [];
  const blackHeight = (node: number, parent: number): number => {
    if (node === 0) return 0;
    const [left, right] = [word(node + 4), word(node + 8)];
    if ((word(node) & ~1) !== parent) faults.push(`${node} does not know its parent`);
    if (isRed(node) && (isRed(left) || isRed(right))) faults.push(`${node} and a child are red`);
    const height = blackHeight(left, node);
    if (blackHeight(right, node) !== height) faults.push(`${node}: black heights differ`);
    return height + (isRed(node) ? 0 : 1);
  };
  blackHeight(word(root), 0);
  return faults;
}

/** The nodes of the tree at the word `root`, in order. */
export function inOrder(words: Uint32Array, root: number): number[] {
  const nodes: number[] = [];
  const visit = (node: number): void => {
    if (node === 0) return;
    visit(words[node / 4 + 1] ?? 0);
    nodes.push(node);
    visit(words[node / 4 + 2] ?? 0);
  };
  visit(words[root / 4] ?? 0);
  return nodes;
}

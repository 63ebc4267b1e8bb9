// Heapsort in place: lib/sort.c of Linux, for addresses. No memory, no recursion, never quadratic.

@inline
function at(array: usize, index: u32): usize {
  return array + index * 4;
}

/** Lets the element at `root` sink until no child is greater; the heap has `count` elements. */
function sift_down(array: usize, from: u32, count: u32): void {
  let root = from;
  const value = load<usize>(at(array, root));
  while (true) {
    let child = root * 2 + 1;
    if (child >= count) break;
    const left = at(array, child);
    if (child + 1 < count && load<usize>(left) < load<usize>(left, 4)) child++;
    if (load<usize>(at(array, child)) <= value) break;
    store<usize>(at(array, root), load<usize>(at(array, child)));
    root = child;
  }
  store<usize>(at(array, root), value);
}

/** Sorts `count` addresses, the lowest first. */
export function sort_addresses(array: usize, count: u32): void {
  for (let i = count / 2; i > 0; i--) sift_down(array, i - 1, count);
  for (let last = count; last > 1; last--) {
    const greatest = load<usize>(at(array, 0));
    store<usize>(at(array, 0), load<usize>(at(array, last - 1)));
    store<usize>(at(array, last - 1), greatest);
    sift_down(array, 0, last - 1);
  }
}

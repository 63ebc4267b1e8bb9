// Red-black tree, intrusive. Models lib/rbtree.c and rbtree_augmented.h: the user descends by its
// own key and links the node; the tree only recolors and rotates. The caller holds the lock of the
// tree.
//
//   node  ──►  rb_parent_color   address of the parent | color (0 red, 1 black)
//              rb_left           left child, or 0
//              rb_right          right child, or 0
//   root  ──►  one word: the top node, or 0
//
// Rules: the top is black; a red node has no red child; every way down passes as many black nodes.
// So n nodes are at most 2 log2(n + 1) deep. A side is the offset of its child word, and so no case
// is written twice.
//
// An augmented tree keeps in each node a value computed from the node and its children. Its policy
// is a class without fields: changetype<P>(0).update(node) is a direct call, where a function
// pointer would need a table.
// Left out: walks by readers without a lock, and the cached leftmost node.

const LEFT: usize = 4;
const RIGHT: usize = 8;

const RED: usize = 0;
const BLACK: usize = 1;

/** The policy of a plain tree. One of an augmented tree has the same method. */
@unmanaged @final
export class NoAugment {
  /** Computes the value of `node` again from its children; true if it changed. */
  @inline
  update(_node: usize): bool {
    return false;
  }
}

/** The parent of `node`, or 0 if it is the top. */
@inline
export function rb_parent(node: usize): usize {
  return load<usize>(node) & ~BLACK;
}

/** The child of `node` with the smaller keys, or 0. */
@inline
export function rb_left(node: usize): usize {
  return load<usize>(node, LEFT);
}

/** The child of `node` with the larger keys, or 0. */
@inline
export function rb_right(node: usize): usize {
  return load<usize>(node, RIGHT);
}

/** Where the address of the left child of `node` stands: a link for rb_link_node. */
@inline
export function rb_left_link(node: usize): usize {
  return node + LEFT;
}

/** Where the address of the right child of `node` stands: a link for rb_link_node. */
@inline
export function rb_right_link(node: usize): usize {
  return node + RIGHT;
}

/**
 * Hangs `node` in the word `link`, which is 0: the root, or a child word of `parent`. Insert it
 * next.
 */
@inline
export function rb_link_node(node: usize, parent: usize, link: usize): void {
  store<usize>(node, parent | RED);
  store<usize>(node, 0, LEFT);
  store<usize>(node, 0, RIGHT);
  store<usize>(link, node);
}

/** Balances the tree after rb_link_node. */
export function rb_insert_color(node: usize, root: usize): void {
  rb_insert_augmented<NoAugment>(node, root);
}

/** Takes `node` off the tree; its own words keep their values. */
export function rb_erase(node: usize, root: usize): void {
  rb_erase_augmented<NoAugment>(node, root);
}

/** rb_insert_color of a tree with values: computes those of `node` and of all above it. */
export function rb_insert_augmented<P>(node: usize, root: usize): void {
  changetype<P>(0).update(node);
  propagate<P>(rb_parent(node));

  // `node` is red, and the only rule that may be broken is that its parent is not.
  while (true) {
    const parent = rb_parent(node);
    if (parent == 0) return paint(node, BLACK);
    if (!is_red(parent)) return;

    const grandparent = rb_parent(parent);
    const side = side_of(parent, grandparent);
    const uncle = child_on(grandparent, opposite(side));
    if (is_red(uncle)) {
      paint(parent, BLACK);
      paint(uncle, BLACK);
      paint(grandparent, RED);
      node = grandparent;
      continue;
    }
    if (child_on(parent, opposite(side)) == node) lift_child<P>(parent, opposite(side), root);
    paint(child_on(grandparent, side), BLACK);
    paint(grandparent, RED);
    lift_child<P>(grandparent, side, root);
    return;
  }
}

/** rb_erase of a tree with values: computes those of all that lost `node` again. */
export function rb_erase_augmented<P>(node: usize, root: usize): void {
  const left = rb_left(node);
  const right = rb_right(node);
  // The node whose color leaves the tree has at most one child: `node`, or the heir that takes its
  // place.
  let loser = node;
  if (left != 0 && right != 0) loser = leftmost(right);

  const color = load<usize>(loser) & BLACK;
  const child = loser == node ? left | right : rb_right(loser);
  let parent = rb_parent(loser);
  replace_child(parent, loser, child, root);
  if (child != 0) set_parent(child, parent);
  if (loser != node) {
    if (parent == node) parent = loser;
    inherit(loser, node, root);
    propagate<P>(parent);
    // The heir brought the value of its old place: the walk above may have stopped below it.
    changetype<P>(0).update(loser);
    propagate<P>(rb_parent(loser));
  } else {
    propagate<P>(parent);
  }
  if (color == BLACK) fill_black<P>(child, parent, root);
}

/** The node with the smallest key, or 0. */
export function rb_first(root: usize): usize {
  const top = load<usize>(root);
  return top == 0 ? 0 : leftmost(top);
}

/** The node after `node` in order, or 0. */
export function rb_next(node: usize): usize {
  return neighbour(node, RIGHT);
}

/** The node before `node` in order, or 0. */
export function rb_prev(node: usize): usize {
  return neighbour(node, LEFT);
}

function neighbour(node: usize, side: usize): usize {
  let below = child_on(node, side);
  if (below != 0) {
    for (let next = below; next != 0; next = child_on(next, opposite(side))) below = next;
    return below;
  }
  let parent = rb_parent(node);
  while (parent != 0 && child_on(parent, side) == node) {
    node = parent;
    parent = rb_parent(node);
  }
  return parent;
}

function leftmost(node: usize): usize {
  for (let left = rb_left(node); left != 0; left = rb_left(node)) node = left;
  return node;
}

/** Computes values upwards from `node`, up to the first that did not change. */
@inline
function propagate<P>(node: usize): void {
  while (node != 0 && changetype<P>(0).update(node)) node = rb_parent(node);
}

/**
 * Puts `heir`, which has just left its own place, into the place of `node`, with its color and
 * children.
 */
function inherit(heir: usize, node: usize, root: usize): void {
  const left = rb_left(node);
  const right = rb_right(node);
  replace_child(rb_parent(node), node, heir, root);
  store<usize>(heir, load<usize>(node));
  store<usize>(heir, left, LEFT);
  store<usize>(heir, right, RIGHT);
  set_parent(left, heir);
  if (right != 0) set_parent(right, heir);
}

/**
 * Mends a tree in which every way through `node`, a child of `parent` or 0, misses one black node.
 */
function fill_black<P>(node: usize, parent: usize, root: usize): void {
  while (parent != 0 && !is_red(node)) {
    const side = child_on(parent, LEFT) == node ? LEFT : RIGHT;
    let sibling = child_on(parent, opposite(side));
    if (is_red(sibling)) {
      paint(sibling, BLACK);
      paint(parent, RED);
      lift_child<P>(parent, opposite(side), root);
      sibling = child_on(parent, opposite(side));
    }
    const near = child_on(sibling, side);
    if (is_red(near) || is_red(child_on(sibling, opposite(side)))) {
      return borrow_black<P>(parent, sibling, side, root);
    }
    paint(sibling, RED);
    node = parent;
    parent = rb_parent(node);
  }
  if (node != 0) paint(node, BLACK);
}

/**
 * The last case: `sibling`, opposite to `side`, has a red child. One or two rotations, and the tree
 * is right.
 */
function borrow_black<P>(parent: usize, sibling: usize, side: usize, root: usize): void {
  if (!is_red(child_on(sibling, opposite(side)))) {
    lift_child<P>(sibling, side, root);
    sibling = child_on(parent, opposite(side));
  }
  lift_child<P>(parent, opposite(side), root);
  paint(sibling, load<usize>(parent) & BLACK);
  paint(rb_left(sibling), BLACK);
  paint(rb_right(sibling), BLACK);
}

/**
 * Rotates: the child of `node` on `side` takes its place, and `node` becomes the child's other
 * child.
 */
function lift_child<P>(node: usize, side: usize, root: usize): void {
  const child = child_on(node, side);
  const inner = child_on(child, opposite(side));
  const parent = rb_parent(node);
  store<usize>(node + side, inner);
  if (inner != 0) set_parent(inner, node);
  replace_child(parent, node, child, root);
  set_parent(child, parent);
  store<usize>(child + opposite(side), node);
  set_parent(node, child);
  changetype<P>(0).update(node);
  changetype<P>(0).update(child);
}

@inline
function replace_child(parent: usize, old: usize, node: usize, root: usize): void {
  if (parent == 0) store<usize>(root, node);
  else store<usize>(parent + side_of(old, parent), node);
}

@inline
function side_of(node: usize, parent: usize): usize {
  return rb_left(parent) == node ? LEFT : RIGHT;
}

@inline
function opposite(side: usize): usize {
  return LEFT + RIGHT - side;
}

@inline
function child_on(node: usize, side: usize): usize {
  return load<usize>(node + side);
}

@inline
function set_parent(node: usize, parent: usize): void {
  store<usize>(node, parent | (load<usize>(node) & BLACK));
}

@inline
function paint(node: usize, color: usize): void {
  store<usize>(node, (load<usize>(node) & ~BLACK) | color);
}

@inline
function is_red(node: usize): bool {
  return node != 0 && (load<usize>(node) & BLACK) == RED;
}

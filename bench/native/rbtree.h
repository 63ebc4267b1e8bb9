// Intrusive red-black tree of 32-bit pointers. Like assembly/lib/rbtree.ts: the user descends and
// links the node, the tree recolors and rotates. `update`, a constant at every call, computes the
// value of an augmented node again.

#ifndef TWIN_RBTREE_H
#define TWIN_RBTREE_H

#include "arch.h"

#define RB_LEFT 0
#define RB_RIGHT 1
#define RB_RED 0u
#define RB_BLACK 1u

// parent_color: address of the parent | color.
struct rb_node {
  u32 parent_color;
  u32 child[2];
};

// Computes the value of a node from its children; true if it changed.
typedef bool rb_update(struct rb_node *node);

static ALWAYS_INLINE bool no_update(struct rb_node *node) {
  (void)node;
  return false;
}

static ALWAYS_INLINE struct rb_node *rb_child(const struct rb_node *node, u32 side) {
  return DEREF(struct rb_node, node->child[side]);
}

static ALWAYS_INLINE struct rb_node *rb_parent(const struct rb_node *node) {
  return DEREF(struct rb_node, node->parent_color & ~RB_BLACK);
}

static ALWAYS_INLINE bool rb_is_red(const struct rb_node *node) {
  return node != NULL && (node->parent_color & RB_BLACK) == RB_RED;
}

static ALWAYS_INLINE void rb_paint(struct rb_node *node, u32 color) {
  node->parent_color = (node->parent_color & ~RB_BLACK) | color;
}

static ALWAYS_INLINE void rb_set_parent(struct rb_node *node, const struct rb_node *parent) {
  node->parent_color = REF(parent) | (node->parent_color & RB_BLACK);
}

static ALWAYS_INLINE u32 rb_side_of(const struct rb_node *node, const struct rb_node *parent) {
  return parent->child[RB_LEFT] == REF(node) ? RB_LEFT : RB_RIGHT;
}

static ALWAYS_INLINE void
rb_replace_child(struct rb_node *parent, struct rb_node *old, struct rb_node *node, u32 *root) {
  if (parent == NULL) *root = REF(node);
  else parent->child[rb_side_of(old, parent)] = REF(node);
}

static ALWAYS_INLINE void rb_propagate(struct rb_node *node, rb_update *update) {
  while (node != NULL && update(node)) node = rb_parent(node);
}

// Rotates: the child of `node` on `side` takes its place.
static ALWAYS_INLINE void
rb_lift_child(struct rb_node *node, u32 side, u32 *root, rb_update *update) {
  struct rb_node *child = rb_child(node, side);
  struct rb_node *inner = rb_child(child, !side);
  struct rb_node *parent = rb_parent(node);
  node->child[side] = REF(inner);
  if (inner != NULL) rb_set_parent(inner, node);
  rb_replace_child(parent, node, child, root);
  rb_set_parent(child, parent);
  child->child[!side] = REF(node);
  rb_set_parent(node, child);
  update(node);
  update(child);
}

static ALWAYS_INLINE void rb_link_node(struct rb_node *node, struct rb_node *parent, u32 *link) {
  node->parent_color = REF(parent) | RB_RED;
  node->child[RB_LEFT] = 0;
  node->child[RB_RIGHT] = 0;
  *link = REF(node);
}

// Balances the tree after rb_link_node.
static ALWAYS_INLINE void rb_insert_augmented(struct rb_node *node, u32 *root, rb_update *update) {
  update(node);
  rb_propagate(rb_parent(node), update);

  // `node` is red, and the only rule that may be broken is that its parent is not.
  while (true) {
    struct rb_node *parent = rb_parent(node);
    if (parent == NULL) return rb_paint(node, RB_BLACK);
    if (!rb_is_red(parent)) return;
    struct rb_node *grandparent = rb_parent(parent);
    const u32 side = rb_side_of(parent, grandparent);
    struct rb_node *uncle = rb_child(grandparent, !side);
    if (!rb_is_red(uncle)) {
      if (rb_child(parent, !side) == node) rb_lift_child(parent, !side, root, update);
      rb_paint(rb_child(grandparent, side), RB_BLACK);
      rb_paint(grandparent, RB_RED);
      return rb_lift_child(grandparent, side, root, update);
    }
    rb_paint(parent, RB_BLACK);
    rb_paint(uncle, RB_BLACK);
    rb_paint(grandparent, RB_RED);
    node = grandparent;
  }
}

// The last case: `sibling`, opposite to `side`, has a red child. One or two rotations, and the tree
// is right.
static ALWAYS_INLINE void rb_borrow_black(
  struct rb_node *parent, struct rb_node *sibling, u32 side, u32 *root, rb_update *update
) {
  if (!rb_is_red(rb_child(sibling, !side))) {
    rb_lift_child(sibling, side, root, update);
    sibling = rb_child(parent, !side);
  }
  rb_lift_child(parent, !side, root, update);
  rb_paint(sibling, parent->parent_color & RB_BLACK);
  rb_paint(rb_child(sibling, RB_LEFT), RB_BLACK);
  rb_paint(rb_child(sibling, RB_RIGHT), RB_BLACK);
}

// Mends a tree in which every way through `node`, a child of `parent` or NULL, misses one black
// node.
static ALWAYS_INLINE void
rb_fill_black(struct rb_node *node, struct rb_node *parent, u32 *root, rb_update *update) {
  while (parent != NULL && !rb_is_red(node)) {
    const u32 side = rb_child(parent, RB_LEFT) == node ? RB_LEFT : RB_RIGHT;
    struct rb_node *sibling = rb_child(parent, !side);
    if (rb_is_red(sibling)) {
      rb_paint(sibling, RB_BLACK);
      rb_paint(parent, RB_RED);
      rb_lift_child(parent, !side, root, update);
      sibling = rb_child(parent, !side);
    }
    if (rb_is_red(rb_child(sibling, side)) || rb_is_red(rb_child(sibling, !side))) {
      return rb_borrow_black(parent, sibling, side, root, update);
    }
    rb_paint(sibling, RB_RED);
    node = parent;
    parent = rb_parent(node);
  }
  if (node != NULL) rb_paint(node, RB_BLACK);
}

// Puts `heir`, which has just left its own place, into the place of `node`.
static ALWAYS_INLINE void rb_inherit(struct rb_node *heir, struct rb_node *node, u32 *root) {
  rb_replace_child(rb_parent(node), node, heir, root);
  *heir = *node;
  rb_set_parent(rb_child(heir, RB_LEFT), heir);
  if (heir->child[RB_RIGHT] != 0) rb_set_parent(rb_child(heir, RB_RIGHT), heir);
}

// Takes `node` off the tree.
static ALWAYS_INLINE void rb_erase_augmented(struct rb_node *node, u32 *root, rb_update *update) {
  // The node whose color leaves the tree has at most one child: `node`, or the heir that takes its
  // place.
  struct rb_node *loser = node;
  if (node->child[RB_LEFT] != 0 && node->child[RB_RIGHT] != 0) {
    loser = rb_child(node, RB_RIGHT);
    while (loser->child[RB_LEFT] != 0) loser = rb_child(loser, RB_LEFT);
  }
  const u32 color = loser->parent_color & RB_BLACK;
  struct rb_node *child = DEREF(struct rb_node, loser->child[RB_LEFT] | loser->child[RB_RIGHT]);
  struct rb_node *parent = rb_parent(loser);
  rb_replace_child(parent, loser, child, root);
  if (child != NULL) rb_set_parent(child, parent);
  if (loser != node) {
    if (parent == node) parent = loser;
    rb_inherit(loser, node, root);
    rb_propagate(parent, update);
    // The heir brought the value of its old place: the walk above may have stopped below it.
    update(loser);
    rb_propagate(rb_parent(loser), update);
  } else {
    rb_propagate(parent, update);
  }
  if (color == RB_BLACK) rb_fill_black(child, parent, root, update);
}

#endif

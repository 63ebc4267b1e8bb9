// Intrusive doubly linked list, circular, with the head as a node of its own. A node is two words,
// next and prev, inside the object; an address of a node is an address of those two words. Who looks
// whether a list is empty without its lock (waitqueue_active) may read the head's next at any time, so
// links forward are written once.

import { write_once } from "../arch/atomic";

/** Makes `head` an empty list. */
@inline
export function list_init(head: usize): void {
  store<usize>(head, head);
  store<usize>(head, head, 4);
}

/** The node after `node`. */
@inline
export function list_next(node: usize): usize {
  return load<usize>(node);
}

/** The node before `node`. */
@inline
export function list_prev(node: usize): usize {
  return load<usize>(node, 4);
}

/** True when nothing is on the list. */
@inline
export function list_empty(head: usize): bool {
  return load<usize>(head) == head;
}

@inline
function insert_between(node: usize, prev: usize, next: usize): void {
  store<usize>(next, node, 4);
  store<usize>(node, next);
  store<usize>(node, prev, 4);
  write_once<usize>(prev, node);
}

/** Puts `node` first. */
@inline
export function list_add(node: usize, head: usize): void {
  insert_between(node, head, load<usize>(head));
}

/** Puts `node` last. */
@inline
export function list_add_tail(node: usize, head: usize): void {
  insert_between(node, load<usize>(head, 4), head);
}

/** Takes `node` off its list; the node's own words keep their values. */
@inline
export function list_del(node: usize): void {
  const next = load<usize>(node);
  const prev = load<usize>(node, 4);
  store<usize>(next, prev, 4);
  write_once<usize>(prev, next);
}

/** Takes `node` off its list and makes it an empty list. */
@inline
export function list_del_init(node: usize): void {
  list_del(node);
  list_init(node);
}

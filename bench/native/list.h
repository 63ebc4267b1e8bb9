// Intrusive doubly linked list of 32-bit pointers. Like assembly/lib/list.ts.

#ifndef TWIN_LIST_H
#define TWIN_LIST_H

#include "arch.h"

static ALWAYS_INLINE struct list_head *list_node(u32 ref) {
  return DEREF(struct list_head, ref);
}

static ALWAYS_INLINE void list_init(struct list_head *head) {
  head->next = REF(head);
  head->prev = REF(head);
}

static ALWAYS_INLINE struct list_head *list_next(const struct list_head *node) {
  return list_node(node->next);
}

static ALWAYS_INLINE struct list_head *list_prev(const struct list_head *node) {
  return list_node(node->prev);
}

static ALWAYS_INLINE bool list_empty(const struct list_head *head) {
  return head->next == REF(head);
}

static ALWAYS_INLINE void
list_insert(struct list_head *node, struct list_head *prev, struct list_head *next) {
  next->prev = REF(node);
  node->next = REF(next);
  node->prev = REF(prev);
  prev->next = REF(node);
}

static ALWAYS_INLINE void list_add(struct list_head *node, struct list_head *head) {
  list_insert(node, head, list_next(head));
}

static ALWAYS_INLINE void list_add_tail(struct list_head *node, struct list_head *head) {
  list_insert(node, list_prev(head), head);
}

static ALWAYS_INLINE void list_del(struct list_head *node) {
  list_next(node)->prev = node->prev;
  list_prev(node)->next = node->next;
}

#endif

// Files: inode, page cache, and the tree of the VMAs that map a file. Like assembly/mm/mapping.ts,
// filemap.ts and lib/interval_tree.ts.
// Left out: content other than zeros. The page cache is a hash table instead of a radix tree: no
// command times it.

#ifndef TWIN_MAPPING_H
#define TWIN_MAPPING_H

#include "mm.h"

struct inode {
  i32 i_count;
  u32 i_open;
  u32 i_kind;
  u32 i_seed;
  u32 i_ino;
  u64 i_size;
  u32 i_sem[4];
  u32 page_tree_height;
  u32 page_tree_rnode;
  u32 tree_lock;
  u32 nrpages;
  u32 i_mmap;
  u32 i_mmap_lock;
  u32 truncate_count;
  u64 i_seed_end;
  u32 store_height;
  u32 store_rnode;
  struct list_head i_list;
};
SAME_SIZE(struct inode, SIZEOF_INODE);

static ALWAYS_INLINE struct inode *inode_ref(u32 ref) {
  return DEREF(struct inode, ref);
}

#define PAGE_HASH_BITS 16
// Pages of all files: the first of each chain, which goes on in private_.
static u32 page_hash[1 << PAGE_HASH_BITS];

static u32 *page_hash_slot(const struct inode *inode, u64 index) {
  const u64 mixed = (index + REF(inode)) * 0x9e3779b97f4a7c15ull;
  return &page_hash[mixed >> (64 - PAGE_HASH_BITS)];
}

static struct inode *inode_alloc(u32 ino) {
  struct inode *inode = kmem_cache_alloc(CACHE_INODE);
  memset(inode, 0, sizeof *inode);
  inode->i_ino = ino;
  list_init(&inode->i_list);
  return inode;
}

static ALWAYS_INLINE void inode_get(struct inode *inode) {
  atomic_inc(&inode->i_count);
}

static NOINLINE void inode_free(struct inode *inode) {
  for (u32 slot = 0; inode->nrpages != 0 && slot < 1u << PAGE_HASH_BITS; slot++) {
    for (u32 *link = &page_hash[slot]; *link != 0;) {
      struct page *page = DEREF(struct page, *link);
      if (page->mapping != REF(inode)) {
        link = &page->private_;
        continue;
      }
      *link = page->private_;
      inode->nrpages--;
      page->mapping = 0;
      put_page(page);
    }
  }
  bug_on(inode->nrpages != 0, "a file has lost pages", inode, inode->nrpages);
  kmem_cache_free(CACHE_INODE, inode);
}

// Drops a reference; the last one frees the page cache and the inode.
static ALWAYS_INLINE void inode_put(struct inode *inode) {
  if (atomic_dec_negative(&inode->i_count)) inode_free(inode);
}

// The page of a file with a reference, read in if need be.
static struct page *read_cache_page(struct inode *inode, u64 index) {
  spin_lock(&inode->tree_lock);
  u32 *slot = page_hash_slot(inode, index);
  struct page *page = DEREF(struct page, *slot);
  while (page != NULL && (page->mapping != REF(inode) || page->index != index)) {
    page = DEREF(struct page, page->private_);
  }
  const bool found = page != NULL;
  if (!found) {
    page = alloc_page(GFP_HIGHUSER | GFP_ZERO);
    page->mapping = REF(inode);
    page->index = index;
    page->private_ = *slot;
    *slot = REF(page);
    inode->nrpages++;
    page_set_flag(page, PG_uptodate);
  }
  get_page(page);
  spin_unlock(&inode->tree_lock);
  if (!found) lru_cache_add(page);
  return page;
}

static ALWAYS_INLINE struct vm_area *vma_of_shared(struct rb_node *node) {
  return CONTAINER(struct vm_area, shared, node);
}

static ALWAYS_INLINE u64 subtree_last(struct rb_node *node, u64 last) {
  if (node == NULL || vma_of_shared(node)->shared_subtree_last < last) return last;
  return vma_of_shared(node)->shared_subtree_last;
}

// shared_subtree_last is the last page that the VMA or any below it maps.
static ALWAYS_INLINE bool update_subtree_last(struct rb_node *node) {
  struct vm_area *vma = vma_of_shared(node);
  u64 last = vma->vm_pgoff + vma_pages(vma) - 1;
  last = subtree_last(rb_child(node, RB_LEFT), last);
  last = subtree_last(rb_child(node, RB_RIGHT), last);
  if (vma->shared_subtree_last == last) return false;
  vma->shared_subtree_last = last;
  return true;
}

static void vma_interval_tree_insert(struct vm_area *vma, u32 *root) {
  struct rb_node *parent = NULL;
  u32 *link = root;
  while (*link != 0) {
    parent = DEREF(struct rb_node, *link);
    link = &parent->child[vma->vm_pgoff < vma_of_shared(parent)->vm_pgoff ? RB_LEFT : RB_RIGHT];
  }
  rb_link_node(&vma->shared, parent, link);
  rb_insert_augmented(&vma->shared, root, update_subtree_last);
}

static void vma_interval_tree_remove(struct vm_area *vma, u32 *root) {
  rb_erase_augmented(&vma->shared, root, update_subtree_last);
}

// Makes a VMA findable from its file.
static ALWAYS_INLINE void vma_link_file(struct vm_area *vma) {
  struct inode *inode = inode_ref(vma->vm_file);
  spin_lock(&inode->i_mmap_lock);
  vma_interval_tree_insert(vma, &inode->i_mmap);
  spin_unlock(&inode->i_mmap_lock);
}

// Takes a VMA out of its file's tree; its PTEs are gone.
static ALWAYS_INLINE void vma_unlink_file(struct vm_area *vma) {
  struct inode *inode = inode_ref(vma->vm_file);
  spin_lock(&inode->i_mmap_lock);
  vma_interval_tree_remove(vma, &inode->i_mmap);
  spin_unlock(&inode->i_mmap_lock);
}

#endif

// Tasks, the run queue, the switch of address spaces, and the births and deaths of these. Like
// assembly/sched/task.ts and mm/mm.ts.

#ifndef TWIN_TASK_H
#define TWIN_TASK_H

#include "mapping.h"
#include "zap.h"

#define TASK_READY 0u
#define TASK_ZOMBIE 2u

struct task {
  u32 pid;
  u32 state;
  u32 exit_code;
  u32 cpu;
  u32 mm;
  u32 parent;
  struct list_head children;
  struct list_head sibling;
  struct list_head run;
  u32 program;
  u32 min_flt;
  u32 cmin_flt;
  u32 job;
  u32 oom_naps;
  double args[4];
};
SAME_SIZE(struct task, SIZEOF_TASK);

static u32 tasklist_lock;
static u32 last_pid;
static u32 mmlist_lock;
static u32 mm_serial;
static struct list_head mmlist;
// What an idle CPU uses.
static struct mm init_mm;

static void mm_init(struct mm *mm, u64 *pgd) {
  memset(mm, 0, sizeof *mm);
  mm->pgd = REF(pgd);
  mm->mm_users = 1;
  mm->mm_count = 1;
  mm->serial = atomic_fetch_add(&mm_serial, 1);
  init_rwsem(&mm->mmap_sem);
  list_init(&mm->mmlist);
}

// A new empty address space with one user, on the list of all.
static struct mm *mm_alloc(void) {
  struct mm *mm = kmem_cache_alloc(CACHE_MM);
  mm_init(mm, alloc_table());
  spin_lock(&mmlist_lock);
  list_add_tail(&mm->mmlist, &mmlist);
  spin_unlock(&mmlist_lock);
  return mm;
}

// One user less; true when it was the last, who then unmaps everything.
static bool mm_put_user(struct mm *mm) {
  if (!atomic_dec_and_test(&mm->mm_users)) return false;
  spin_lock(&mmlist_lock);
  list_del(&mm->mmlist);
  spin_unlock(&mmlist_lock);
  return true;
}

// Drops a reference to the mm itself; the last one frees the top table.
static void mmdrop(struct mm *mm) {
  if (!atomic_dec_and_test(&mm->mm_count)) return;
  free_table(DEREF(u64, mm->pgd));
  kmem_cache_free(CACHE_MM, mm);
}

// Frees the tables of each run of VMAs that share an entry of the second level, so that empty space
// costs nothing.
static void free_all_tables(struct mm *mm) {
  struct vm_area *vma = vma_ref(mm->mmap);
  while (vma != NULL) {
    struct vm_area *last = vma;
    struct vm_area *next = vma_ref(last->vm_next);
    while (next != NULL && next->vm_start >> PUD_SHIFT <= (last->vm_end - 1) >> PUD_SHIFT) {
      last = next;
      next = vma_ref(last->vm_next);
    }
    const u64 ceiling = next == NULL ? TASK_SIZE + ((u64)1 << PGD_SHIFT) : next->vm_start;
    // What lies before is gone already, so the last run below a table frees it.
    free_pgtables(mm, vma->vm_start, last->vm_end, 0, ceiling);
    vma = next;
  }
}

// Unmaps everything and frees the page tables, but for the top one.
static void exit_mmap_tables(struct mm *mm) {
  spin_lock(&mm->page_table_lock);
  tlb_gather_mmu(mm, true);
  for (struct vm_area *vma = vma_ref(mm->mmap); vma != NULL; vma = vma_ref(vma->vm_next)) {
    unmap_page_range(mm, vma->vm_start, vma->vm_end);
  }
  free_all_tables(mm);
  tlb_finish_mmu();
  spin_unlock(&mm->page_table_lock);
}

// A new task for `mm`, whose reference it takes over, child of `parent`.
static struct task *task_alloc(struct task *parent, struct mm *mm) {
  struct task *task = kmem_cache_alloc(CACHE_TASK);
  task->pid = atomic_fetch_add(&last_pid, 1) + 1;
  task->state = TASK_READY;
  task->exit_code = 0;
  task->mm = REF(mm);
  task->parent = REF(parent);
  task->program = 0;
  task->min_flt = 0;
  task->cmin_flt = 0;
  task->job = 0;
  list_init(&task->children);
  list_init(&task->sibling);
  if (parent != NULL) {
    spin_lock(&tasklist_lock);
    list_add_tail(&task->sibling, &parent->children);
    spin_unlock(&tasklist_lock);
  }
  return task;
}

static void wake_up_new_task(struct task *task) {
  struct percpu *cpu = this_cpu();
  task->cpu = cpu->id;
  spin_lock(&cpu->runqueue_lock);
  list_add_tail(&task->run, &cpu->runqueue);
  cpu->nr_running++;
  spin_unlock(&cpu->runqueue_lock);
}

static struct task *pick_next_task(void) {
  struct percpu *cpu = this_cpu();
  struct task *task = NULL;
  if (read_once(&cpu->nr_running) == 0) return NULL;
  spin_lock(&cpu->runqueue_lock);
  if (!list_empty(&cpu->runqueue)) {
    struct list_head *node = list_next(&cpu->runqueue);
    list_del(node);
    cpu->nr_running--;
    task = CONTAINER(struct task, run, node);
  }
  spin_unlock(&cpu->runqueue_lock);
  return task;
}

static void switch_mm(struct mm *next) {
  struct percpu *cpu = this_cpu();
  const u64 me = cpu_bit(cpu->id);
  struct mm *prev = mm_ref(cpu->active_mm);
  if (prev == next) return;
  atomic_and(&prev->cpu_vm_mask, ~me);
  cpu->active_mm = REF(next);
  atomic_or(&next->cpu_vm_mask, me);
  local_flush_tlb();
}

// Runs `mm` on this CPU from here on, and lets go of the one before.
static void switch_active_mm(struct mm *mm) {
  struct mm *lazy = mm_ref(this_cpu()->active_mm);
  if (lazy == mm) return;
  atomic_inc(&mm->mm_count);
  switch_mm(mm);
  mmdrop(lazy);
}

// Runs `task` on this CPU from here on.
static void switch_to(struct task *task) {
  this_cpu()->current = REF(task);
  if (task == NULL || task->mm == 0) return;
  switch_active_mm(mm_ref(task->mm));
}

// Ends a task without children; a parent finds it as a zombie.
static void task_exit(struct task *task, u32 exit_code) {
  spin_lock(&tasklist_lock);
  bug_on(!list_empty(&task->children), "a task ends before its children", task, task->pid);
  task->exit_code = exit_code;
  task->state = TASK_ZOMBIE;
  if (task->parent == 0) kmem_cache_free(CACHE_TASK, task);
  spin_unlock(&tasklist_lock);
}

// An ended child of `parent`, taken off its list, or NULL.
static struct task *wait_task_zombie(struct task *parent) {
  struct task *found = NULL;
  spin_lock(&tasklist_lock);
  for (struct list_head *node = list_next(&parent->children); node != &parent->children;
       node = list_next(node)) {
    struct task *child = CONTAINER(struct task, sibling, node);
    if (child->state == TASK_ZOMBIE) {
      list_del(node);
      parent->cmin_flt += child->min_flt + child->cmin_flt;
      found = child;
      break;
    }
  }
  spin_unlock(&tasklist_lock);
  return found;
}

static bool has_children(struct task *parent) {
  spin_lock(&tasklist_lock);
  const bool any = !list_empty(&parent->children);
  spin_unlock(&tasklist_lock);
  return any;
}

#endif

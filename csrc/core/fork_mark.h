/*
 * Tells a forked child from the process that made the mark, without a system
 * call each time: a page that the kernel hands out zeroed to children.
 */
#ifndef ACCS_FORK_MARK_H
#define ACCS_FORK_MARK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef struct accs_fork_mark {
    unsigned char *page; /* NULL: the kernel cannot, process ids are compared */
    size_t page_len;
    pid_t pid;
} accs_fork_mark;

/* Cannot fail: without such a page accs_fork_mark_here() asks for the process id. */
void accs_fork_mark_init(accs_fork_mark *mark);
void accs_fork_mark_cleanup(accs_fork_mark *mark);

/* Whether this is the process that made the mark. */
bool accs_fork_mark_here(const accs_fork_mark *mark);

#endif

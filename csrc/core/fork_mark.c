#include "fork_mark.h"

#include <sys/mman.h>
#include <unistd.h>

void accs_fork_mark_init(accs_fork_mark *mark)
{
    long page_len = sysconf(_SC_PAGESIZE);
    unsigned char *page = MAP_FAILED;

    *mark = (accs_fork_mark){.pid = getpid()};
    if (page_len > 0)
        page = mmap(NULL, (size_t)page_len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                    0);
    if (page == MAP_FAILED)
        return;
    if (madvise(page, (size_t)page_len, MADV_WIPEONFORK) != 0) { /* Linux before 4.14 */
        munmap(page, (size_t)page_len);
        return;
    }
    page[0] = 1;
    mark->page = page;
    mark->page_len = (size_t)page_len;
}

void accs_fork_mark_cleanup(accs_fork_mark *mark)
{
    if (mark->page != NULL)
        munmap(mark->page, mark->page_len);
    mark->page = NULL;
}

bool accs_fork_mark_here(const accs_fork_mark *mark)
{
    return mark->page != NULL ? mark->page[0] != 0 : mark->pid == getpid();
}

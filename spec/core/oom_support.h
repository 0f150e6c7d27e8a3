/*
 * Memory runs out when a test says so. The Makefile links it with --wrap, so that the core's
 * allocations come here.
 */
#ifndef OOM_SUPPORT_H
#define OOM_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* The linker gives these names.
 * NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t len);
void __wrap_free(void *block);
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

/* The allocator is the one place of a program that no argument reaches. */
static long left = -1;  /* allocations that still succeed; -1: all */
static bool persistent; /* with left at 0: all fail, not just the next */
static long live;       /* blocks in use */

static bool starved(void)
{
    if (left != 0) {
        left -= left > 0;
        return false;
    }
    if (!persistent)
        left = -1;
    return true;
}

static void *counted(void *block)
{
    live += block != NULL;
    return block;
}

void *__wrap_malloc(size_t size)
{
    return starved() ? NULL : counted(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return starved() ? NULL : counted(__real_calloc(count, size));
}

void *__wrap_realloc(void *block, size_t size)
{
    if (starved())
        return NULL;
    return block != NULL ? __real_realloc(block, size) : counted(__real_realloc(NULL, size));
}

char *__wrap_strndup(const char *text, size_t len)
{
    size_t copied = strnlen(text, len);
    char *copy = __wrap_malloc(copied + 1);

    if (copy != NULL) {
        memcpy(copy, text, copied);
        copy[copied] = '\0';
    }
    return copy;
}

char *__wrap_strdup(const char *text)
{
    return __wrap_strndup(text, strlen(text));
}

void __wrap_free(void *block)
{
    live -= block != NULL;
    __real_free(block);
}

#endif

/*
 * Sees what is wiped: OPENSSL_cleanse(), by which the core overwrites secrets, is this one in a
 * test that includes it. It notes how often the marker was in memory that was wiped, then wipes.
 */
#ifndef WIPE_SUPPORT_H
#define WIPE_SUPPORT_H

#include <openssl/crypto.h>
#include <stddef.h>
#include <string.h>

static const char *wiped_marker;
static size_t wiped_count;

/* Counts from now on how often marker is wiped; NULL stops. */
static inline void watch_wiping(const char *marker)
{
    wiped_marker = marker;
    wiped_count = 0;
}

void OPENSSL_cleanse(void *ptr, size_t len)
{
    volatile unsigned char *byte = ptr;
    const char *found = ptr;
    const char *end = found + len;

    while (wiped_marker != NULL && (found = memmem(found, (size_t)(end - found), wiped_marker,
                                                   strlen(wiped_marker))) != NULL) {
        wiped_count++;
        found += strlen(wiped_marker);
    }
    for (size_t i = 0; i < len; i++)
        byte[i] = 0;
}

#endif

#include "clock.h"

#include <sys/random.h>
#include <time.h>

enum { MS_PER_S = 1000, US_PER_S = 1000000, NS_PER_US = 1000, NS_PER_MS = 1000000 };

void accs_clock_system(void *context, accs_now *now)
{
    struct timespec mono = {0};
    struct timespec boot = {0};
    struct timespec wall = {0};

    (void)context;
    clock_gettime(CLOCK_MONOTONIC, &mono);
    if (clock_gettime(CLOCK_BOOTTIME, &boot) != 0)
        boot = mono; /* no suspend to be counted where the system has no such clock */
    clock_gettime(CLOCK_REALTIME, &wall);
    *now = (accs_now){
        .mono_ms = (int64_t)mono.tv_sec * MS_PER_S + mono.tv_nsec / NS_PER_MS,
        .mono_us = (int64_t)mono.tv_sec * US_PER_S + mono.tv_nsec / NS_PER_US,
        .boot_ms = (int64_t)boot.tv_sec * MS_PER_S + boot.tv_nsec / NS_PER_MS,
        .wall_s = (int64_t)wall.tv_sec,
        .wall_ms = (int64_t)wall.tv_sec * MS_PER_S + wall.tv_nsec / NS_PER_MS,
    };
}

/* Of the system: OpenSSL's generator reads its whole configuration at the first use. */
uint32_t accs_random_32(void)
{
    unsigned char bytes[4];

    if (getentropy(bytes, sizeof bytes) != 0)
        return 0x80000000U; /* the middle: jitter is lost, waiting is not */
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

accs_error accs_random_id(char id[33])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[16];

    if (getentropy(bytes, sizeof bytes) != 0)
        return ACCS_ERROR_IO;
    for (size_t i = 0; i < sizeof bytes; i++) {
        id[2 * i] = digits[bytes[i] >> 4];
        id[2 * i + 1] = digits[bytes[i] & 15];
    }
    id[32] = '\0';
    return ACCS_OK;
}

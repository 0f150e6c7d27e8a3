#include "ledger.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <execinfo.h>
#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

enum {
    TRACE_MAX = 14,
    SLOTS = 1 << 20, /* of live blocks: a power of two, never more than half full */
    FREED = 1 << 22, /* blocks that can be remembered */
    WIRE = 64 << 20, /* bytes each way */
    ARENA_GIB = 4,   /* of what stood in freed blocks; only what is used takes memory */
};

/* The linker gives these names.
 * NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t len);
void __wrap_free(void *block);
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

typedef struct record {
    char *bytes; /* live: the block; freed: its copy; NULL: an empty slot */
    size_t size;
    ledger_owner owner;
    int trace_count;
    void *trace[TRACE_MAX];
} record;

typedef struct wire {
    char *bytes;
    size_t len;
} wire;

/* A program that no argument reaches: the allocators have no context. */
static record *live;
static record *freed;
static size_t freed_count;
static size_t all_count;
static char *arena;
static size_t arena_len;
static wire received;
static wire sent;
static bool recording;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char GONE; /* marks a slot whose block was freed */

static void *map(size_t size)
{
    void *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (bytes == MAP_FAILED) {
        perror("mmap");
        exit(2);
    }
    return bytes;
}

static void full(const char *what)
{
    fprintf(stderr, "the ledger is full: %s\n", what);
    exit(2);
}

/* ---------------------------------------------------------------- blocks */

static size_t slot_of(const void *block)
{
    return ((uintptr_t)block >> 4) * 11400714819323198485u >> 44;
}

static void note(ledger_owner owner, void *block, size_t size)
{
    size_t slot = slot_of(block);
    record *entry;

    if (block == NULL || !recording)
        return;
    pthread_mutex_lock(&lock);
    while (live[slot].bytes != NULL && live[slot].bytes != &GONE)
        slot = (slot + 1) % SLOTS;
    entry = &live[slot];
    entry->owner = owner;
    entry->size = size;
    entry->trace_count = backtrace(entry->trace, TRACE_MAX);
    entry->bytes = block;
    all_count++;
    pthread_mutex_unlock(&lock);
}

/* What is in the block now is what it held when it was freed. Returns its size. */
static size_t forget(void *block)
{
    size_t slot = slot_of(block);
    size_t size = 0;

    if (block == NULL || !recording)
        return 0;
    pthread_mutex_lock(&lock);
    while (live[slot].bytes != NULL && live[slot].bytes != block)
        slot = (slot + 1) % SLOTS;
    if (live[slot].bytes != NULL) {
        size = live[slot].size;
        if (freed_count == FREED || arena_len + size > (size_t)ARENA_GIB << 30)
            full("freed blocks");
        freed[freed_count] = live[slot];
        freed[freed_count++].bytes = memcpy(arena + arena_len, block, size);
        arena_len += size;
        live[slot].bytes = (char *)(uintptr_t)&GONE;
    }
    pthread_mutex_unlock(&lock);
    return size;
}

static size_t size_of(void *block)
{
    size_t slot = slot_of(block);
    size_t size = 0;

    pthread_mutex_lock(&lock);
    while (live[slot].bytes != NULL && live[slot].bytes != block)
        slot = (slot + 1) % SLOTS;
    if (live[slot].bytes != NULL)
        size = live[slot].size;
    pthread_mutex_unlock(&lock);
    return size;
}

/* Filled, so that a block holds only what its owner wrote, and nothing of who had it before. */
static void *make(ledger_owner owner, size_t size)
{
    void *block = __real_malloc(size);

    if (block != NULL)
        memset(block, 0xA5, size);
    note(owner, block, size);
    return block;
}

static void *make_zeroed(ledger_owner owner, size_t count, size_t size)
{
    void *block = __real_calloc(count, size);

    note(owner, block, count * size);
    return block;
}

static void drop(void *block)
{
    forget(block);
    __real_free(block);
}

/* Always moves, so that nothing that is left behind escapes. */
static void *change(ledger_owner owner, void *block, size_t size)
{
    size_t old_size;
    void *made;

    if (block == NULL)
        return make(owner, size);
    old_size = size_of(block);
    made = make(owner, size);
    if (made == NULL)
        return NULL;
    memcpy(made, block, old_size < size ? old_size : size);
    drop(block);
    return made;
}

static char *copy(ledger_owner owner, const char *text, size_t len)
{
    char *made = make(owner, len + 1);

    if (made != NULL) {
        memcpy(made, text, len);
        made[len] = '\0';
    }
    return made;
}

/* ------------------------------------------------------------ allocators */

void *__wrap_malloc(size_t size)
{
    return make(LEDGER_CORE, size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return make_zeroed(LEDGER_CORE, count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    return change(LEDGER_CORE, block, size);
}

char *__wrap_strdup(const char *text)
{
    return copy(LEDGER_CORE, text, strlen(text));
}

char *__wrap_strndup(const char *text, size_t len)
{
    return copy(LEDGER_CORE, text, strnlen(text, len));
}

void __wrap_free(void *block)
{
    drop(block);
}

void *ledger_lua(void *context, void *block, size_t old_size, size_t new_size)
{
    (void)context;
    (void)old_size;
    if (new_size > 0)
        return change(LEDGER_LUA, block, new_size);
    drop(block);
    return NULL;
}

static void *curl_make(size_t size)
{
    return make(LEDGER_CURL, size);
}

static void *curl_make_zeroed(size_t count, size_t size)
{
    return make_zeroed(LEDGER_CURL, count, size);
}

static void *curl_change(void *block, size_t size)
{
    return change(LEDGER_CURL, block, size);
}

static char *curl_copy(const char *text)
{
    return copy(LEDGER_CURL, text, strlen(text));
}

static void *openssl_make(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return size > 0 ? make(LEDGER_OPENSSL, size) : NULL;
}

static void *openssl_change(void *block, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    if (size > 0)
        return change(LEDGER_OPENSSL, block, size);
    drop(block);
    return NULL;
}

static void openssl_drop(void *block, const char *file, int line)
{
    (void)file;
    (void)line;
    drop(block);
}

/* ------------------------------------------------------------------ wire */

static void keep(wire *to, const void *bytes, size_t len)
{
    if (!recording)
        return;
    pthread_mutex_lock(&lock);
    if (to->len + len > WIRE)
        full("wire");
    memcpy(to->bytes + to->len, bytes, len);
    to->len += len;
    pthread_mutex_unlock(&lock);
}

/* libcurl calls these instead of those of libc and OpenSSL: a program's own names come first. */

/* A function of the next library that has the name. */
static void *next(const char *name)
{
    void *function = dlsym(RTLD_NEXT, name);

    if (function == NULL)
        full(name);
    return function;
}

__attribute__((visibility("default"))) ssize_t recv(int fd, void *bytes, size_t size, int flags)
{
    ssize_t (*real)(int, void *, size_t, int);
    ssize_t count;

    *(void **)&real = next("recv");
    count = real(fd, bytes, size, flags);
    if (count > 0 && (flags & MSG_PEEK) == 0)
        keep(&received, bytes, (size_t)count);
    return count;
}

__attribute__((visibility("default"))) ssize_t send(int fd, const void *bytes, size_t size,
                                                    int flags)
{
    ssize_t (*real)(int, const void *, size_t, int);
    ssize_t count;

    *(void **)&real = next("send");
    count = real(fd, bytes, size, flags);
    if (count > 0)
        keep(&sent, bytes, (size_t)count);
    return count;
}

__attribute__((visibility("default"))) int SSL_read(SSL *ssl, void *bytes, int size)
{
    int (*real)(SSL *, void *, int);
    int count;

    *(void **)&real = next("SSL_read");
    count = real(ssl, bytes, size);
    if (count > 0)
        keep(&received, bytes, (size_t)count);
    return count;
}

__attribute__((visibility("default"))) int SSL_write(SSL *ssl, const void *bytes, int size)
{
    int (*real)(SSL *, const void *, int);
    int count;

    *(void **)&real = next("SSL_write");
    count = real(ssl, bytes, size);
    if (count > 0)
        keep(&sent, bytes, (size_t)count);
    return count;
}

const char *ledger_received(size_t *len)
{
    *len = received.len;
    return received.bytes;
}

const char *ledger_sent(size_t *len)
{
    *len = sent.len;
    return sent.bytes;
}

/* ---------------------------------------------------------------- public */

void ledger_begin(void)
{
    void *warm[4];

    live = map(SLOTS * sizeof *live);
    freed = map(FREED * sizeof *freed);
    arena = map((size_t)ARENA_GIB << 30);
    received.bytes = map(WIRE);
    sent.bytes = map(WIRE);
    (void)backtrace(warm, 4); /* loads libgcc, which allocates */
    recording = true;
    if (CRYPTO_set_mem_functions(openssl_make, openssl_change, openssl_drop) != 1 ||
        curl_global_init_mem(CURL_GLOBAL_DEFAULT, curl_make, __wrap_free, curl_change, curl_copy,
                             curl_make_zeroed) != CURLE_OK) {
        fputs("the allocators cannot be set\n", stderr);
        exit(2);
    }
}

void ledger_end(void)
{
    recording = false;
}

static void look(const record *entry, bool is_freed, const char *bytes, size_t len,
                 void (*found)(void *context, const ledger_find *), void *context)
{
    if (entry->bytes == NULL || entry->bytes == &GONE || entry->size < len ||
        memmem(entry->bytes, entry->size, bytes, len) == NULL)
        return;
    found(context, &(ledger_find){.owner = entry->owner,
                                  .freed = is_freed,
                                  .size = entry->size,
                                  .trace = entry->trace,
                                  .trace_count = entry->trace_count});
}

void ledger_search(const char *bytes, size_t len, void (*found)(void *context, const ledger_find *),
                   void *context)
{
    for (size_t i = 0; i < SLOTS; i++)
        look(&live[i], false, bytes, len, found, context);
    for (size_t i = 0; i < freed_count; i++)
        look(&freed[i], true, bytes, len, found, context);
}

const char *ledger_owner_name(ledger_owner owner)
{
    static const char *const names[LEDGER_OWNERS] = {"core", "lua", "libcurl", "openssl"};

    return names[owner];
}

size_t ledger_count(void)
{
    return all_count;
}

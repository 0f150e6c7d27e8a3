/*
 * What an engine keeps from one request to the next: connections, TLS sessions,
 * addresses of names. libcurl holds them; here stand their limits.
 */
#ifndef ACCS_POOL_H
#define ACCS_POOL_H

#include "accs.h"
#include "compat.h"

/* Zeroed is valid and empty. */
typedef struct accs_pool {
    CURLSH *sessions; /* of TLS: libcurl would keep them by easy handle */
    long idle_s;
    long names_s;
} accs_pool;

/* options: borrowed; NULL for the defaults. Returns false when memory runs out. */
bool accs_pool_init(accs_pool *pool, CURLM *multi, const accs_engine_options *options);

/* After the last easy handle that was prepared. A second call is fine. */
void accs_pool_cleanup(accs_pool *pool);

/* Sets what an easy handle must know of the pool; false when memory runs out. */
bool accs_pool_prepare(const accs_pool *pool, CURL *easy);

#endif

#include "pool.h"

#include "limits.h"

#include <limits.h>

static long count(size_t value, size_t fallback)
{
    if (value == 0)
        value = fallback;
    return value < INT_MAX ? (long)value : (long)INT_MAX;
}

/* libcurl counts these in whole seconds, and takes 0 for "never" or "at once". */
static long seconds(int64_t value_ms, int64_t fallback_ms)
{
    if (value_ms <= 0)
        value_ms = fallback_ms;
    return value_ms < INT_MAX ? (long)((value_ms + 999) / 1000) : (long)(INT_MAX / 1000);
}

static bool set_limits(CURLM *multi, const accs_engine_options *options)
{
    return curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS,
                             count(options->max_connections, ACCS_LIMIT_MAX_CONNECTIONS)) ==
               CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
                             count(options->max_total_connections, 0)) == CURLM_OK &&
           /* libcurl's own choice is four for each transfer under way: after a burst of eight it
            * would close four, and the next burst would shake hands again. */
           curl_multi_setopt(
               multi, CURLMOPT_MAXCONNECTS,
               count(options->max_idle_connections, ACCS_LIMIT_MAX_IDLE_CONNECTIONS)) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_MAX_CONCURRENT_STREAMS,
                             count(options->max_streams, ACCS_LIMIT_MAX_STREAMS)) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX) == CURLM_OK;
}

bool accs_pool_init(accs_pool *pool, CURLM *multi, const accs_engine_options *options)
{
    static const accs_engine_options defaults = {.max_connections = 0};

    if (options == NULL)
        options = &defaults;
    pool->idle_s = seconds(options->max_idle_time_ms, ACCS_LIMIT_MAX_IDLE_TIME);
    pool->names_s = seconds(options->dns_cache_time_ms, ACCS_LIMIT_DNS_CACHE_TIME);
    pool->sessions = curl_share_init();
    return pool->sessions != NULL &&
           curl_share_setopt(pool->sessions, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION) ==
               CURLSHE_OK &&
           set_limits(multi, options);
}

void accs_pool_cleanup(accs_pool *pool)
{
    curl_share_cleanup(pool->sessions);
    pool->sessions = NULL;
}

bool accs_pool_prepare(const accs_pool *pool, CURL *easy)
{
    return curl_easy_setopt(easy, CURLOPT_SHARE, pool->sessions) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, pool->idle_s) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, pool->names_s) == CURLE_OK;
}

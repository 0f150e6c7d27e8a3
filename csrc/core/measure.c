#include "measure.h"

static int64_t moment(CURL *easy, CURLINFO what)
{
    curl_off_t since_start_us = 0;

    curl_easy_getinfo(easy, what, &since_start_us);
    return since_start_us;
}

/* From one moment to another; 0 when the later one never came. */
static int64_t between(int64_t earlier_us, int64_t later_us)
{
    return later_us > earlier_us ? later_us - earlier_us : 0;
}

static accs_protocol protocol_of(CURL *easy)
{
    long version = CURL_HTTP_VERSION_NONE;

    curl_easy_getinfo(easy, CURLINFO_HTTP_VERSION, &version);
    switch (version) {
    case CURL_HTTP_VERSION_1_0:
        return ACCS_PROTOCOL_HTTP_1_0;
    case CURL_HTTP_VERSION_1_1:
        return ACCS_PROTOCOL_HTTP_1_1;
    case CURL_HTTP_VERSION_2_0:
        return ACCS_PROTOCOL_HTTP_2;
    default:
        return ACCS_PROTOCOL_NONE;
    }
}

/*
 * The wait for a connection among those of the engine, before libcurl began to
 * count: it counts anew when it ends. (CURLINFO_QUEUE_TIME_T is of 8.6 and newer.)
 */
static int64_t time_pending(CURL *easy, const accs_watch *watch)
{
    if (watch->sent_us == 0)
        return 0;
    return between(moment(easy, CURLINFO_PRETRANSFER_TIME_T), watch->sent_us - watch->started_us);
}

typedef struct answer_times {
    int64_t first_us; /* from the attempt's start, without time pending; 0: no byte came */
    int64_t total_us;
} answer_times;

static answer_times time_answer(CURL *easy, const accs_watch *watch, int64_t now_us, bool bodied,
                                int64_t pending_us)
{
    /* CURLINFO_TOTAL_TIME_T is 0 where the transfer was ended by us. */
    answer_times times = {0, between(pending_us, now_us - watch->started_us)};
    int64_t since_us = now_us - watch->answered_us;

    if (watch->answered_us == 0)
        return times;
    if (bodied) { /* in pieces: then libcurl tells of the first byte sent */
        times.first_us = between(since_us, times.total_us);
    } else {
        times.first_us = moment(easy, CURLINFO_STARTTRANSFER_TIME_T);
        times.total_us = times.first_us + since_us;
    }
    return times;
}

/*
 * libcurl's times are all counted from the attempt's start; these are durations.
 * Where an open connection is used, the name lookup's "end" is when it was found.
 */
static accs_phases take_phases(CURL *easy, const accs_watch *watch, int64_t now_us, bool reused,
                               bool bodied)
{
    int64_t pending_us = time_pending(easy, watch);
    int64_t name_us = moment(easy, CURLINFO_NAMELOOKUP_TIME_T);
    int64_t connect_us = moment(easy, CURLINFO_CONNECT_TIME_T);
    int64_t tls_us = moment(easy, CURLINFO_APPCONNECT_TIME_T);
    answer_times answer = time_answer(easy, watch, now_us, bodied, pending_us);

    if (reused)
        return (accs_phases){.queue_us = pending_us + name_us,
                             .first_byte_us = between(name_us, answer.first_us),
                             .total_us = between(name_us, answer.total_us)};
    return (accs_phases){
        .queue_us = pending_us,
        .name_lookup_us = name_us,
        .connect_us = between(name_us, connect_us),
        .tls_us = between(connect_us, tls_us),
        .first_byte_us = between(tls_us > 0 ? tls_us : connect_us, answer.first_us),
        .total_us = answer.total_us,
    };
}

void accs_measure_take(CURL *easy, const accs_watch *watch, int64_t now_us, accs_measure *measure)
{
    long connects = 0;
    long head_bytes = 0;
    curl_off_t body_bytes = 0;

    curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &connects);
    curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &head_bytes);
    curl_easy_getinfo(easy, CURLINFO_SIZE_UPLOAD_T, &body_bytes);
    measure->connects = (unsigned)connects;
    measure->bytes_out = (uint64_t)head_bytes;
    /* A small body goes out with the head, and libcurl then counts it as part of that too. */
    if (body_bytes > head_bytes)
        measure->bytes_out += (uint64_t)body_bytes;
    if (!watch->wanted)
        return;
    measure->protocol = protocol_of(easy);
    measure->phases = take_phases(easy, watch, now_us, connects == 0, body_bytes > 0);
}

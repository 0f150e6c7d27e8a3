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
 * libcurl's times are all counted from the attempt's start; these are durations.
 * Where an open connection is used, the name lookup's "end" is when it was found.
 * CURLINFO_PRETRANSFER_TIME_T is of no use: the request may have left before.
 */
static void take_phases(CURL *easy, bool reused, int64_t first_us, accs_phases *phases)
{
    int64_t name_us = moment(easy, CURLINFO_NAMELOOKUP_TIME_T);
    int64_t connect_us = moment(easy, CURLINFO_CONNECT_TIME_T);
    int64_t tls_us = moment(easy, CURLINFO_APPCONNECT_TIME_T);
    int64_t total_us = moment(easy, CURLINFO_TOTAL_TIME_T);

    if (reused) {
        *phases = (accs_phases){.queue_us = name_us,
                                .first_byte_us = between(name_us, first_us),
                                .total_us = between(name_us, total_us)};
        return;
    }
    *phases = (accs_phases){.name_lookup_us = name_us,
                            .connect_us = between(name_us, connect_us),
                            .tls_us = between(connect_us, tls_us),
                            .first_byte_us = between(tls_us > 0 ? tls_us : connect_us, first_us),
                            .total_us = total_us};
}

/* When the first byte of the answer came, since the attempt's start; 0: it did not. */
static int64_t first_byte(CURL *easy, bool bodied, int64_t since_us)
{
    if (since_us < 0)
        return 0;
    if (!bodied)
        return moment(easy, CURLINFO_STARTTRANSFER_TIME_T);
    return between(since_us, moment(easy, CURLINFO_TOTAL_TIME_T));
}

void accs_measure_take(CURL *easy, bool phases, int64_t since_us, accs_measure *measure)
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
    if (!phases)
        return;
    measure->protocol = protocol_of(easy);
    take_phases(easy, connects == 0, first_byte(easy, body_bytes > 0, since_us), &measure->phases);
}

#include "call.h"
#include "credentials.h"
#include "limits.h"
#include "secret.h"
#include "url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { OWN_HEADERS_MAX = 5, REQUEST_HEADERS_MAX = 64 };

struct accs_client {
    accs_member member; /* first */
    accs_lane lane;
    char *base_url; /* in normal form */
    char *store;
    bool read_only;
    int64_t timeout_ms;
    accs_retry_policy policy;
    size_t max_body;
    size_t max_headers;
};

/* ------------------------------------------------------------ life cycle */

static void close_lane(accs_client *client)
{
    accs_lane *lane = &client->lane;
    bool usable;

    if (lane->engine == NULL)
        return;
    usable = accs_engine_usable(lane->engine);
    accs_calls_cancel(lane);
    accs_lane_stop(lane);
    if (lane->source != NULL)
        accs_token_source_leave(lane->source, &lane->user);
    if (usable)
        accs_transport_free(lane->transport); /* in a forked child: the parent's, left alone */
    lane->source = NULL;
    lane->transport = NULL;
}

/* The engine has discarded the calls already. */
static void engine_gone(accs_member *member)
{
    close_lane((accs_client *)(void *)member);
}

static void free_client(accs_client *client)
{
    close_lane(client);
    curl_slist_free_all(client->lane.common);
    free(client->base_url);
    free(client->store);
    free(client);
}

void accs_client_free(accs_client *client)
{
    accs_engine *engine;

    if (client == NULL)
        return;
    engine = client->lane.engine;
    if (engine != NULL) {
        accs_engine_leave(engine, &client->member);
        accs_engine_refresh(engine);
    }
    free_client(client);
    if (engine != NULL)
        accs_engine_follow(engine); /* what is gone may have made room for others */
}

static size_t size_or_default(size_t value, size_t fallback)
{
    return value > 0 ? value : fallback;
}

static bool add_line(struct curl_slist **list, const char *name, const char *value)
{
    size_t room = strlen(name) + strlen(value) + sizeof ": ";
    char *line = malloc(room);
    struct curl_slist *longer;

    if (line == NULL)
        return false;
    snprintf(line, room, "%s: %s", name, value);
    longer = curl_slist_append(*list, line);
    free(line);
    if (longer != NULL)
        *list = longer;
    return longer != NULL;
}

static bool make_common(accs_client *client, const accs_client_options *options)
{
    struct curl_slist **list = &client->lane.common;
    const char *client_id = accs_token_source_identity(client->lane.source)->client_id;

    return (client_id == NULL || add_line(list, "x-api-key", client_id)) &&
           (options->org_id == NULL || add_line(list, "x-gw-ims-org-id", options->org_id)) &&
           add_line(list, "User-Agent",
                    options->user_agent != NULL ? options->user_agent : "accs/" ACCS_VERSION) &&
           add_line(list, "Accept-Encoding", "gzip");
}

static void set_limits(accs_client *client, const accs_client_options *options)
{
    accs_lane *lane = &client->lane;

    client->read_only = options->read_only;
    client->timeout_ms = accs_options_time(options->timeout_ms, ACCS_LIMIT_TIMEOUT);
    client->policy = (accs_retry_policy){
        .attempts = options->attempts > 0 ? options->attempts : ACCS_LIMIT_ATTEMPTS,
        .backoff_ms = accs_options_time(options->backoff_ms, ACCS_LIMIT_BACKOFF),
        .max_backoff_ms = accs_options_time(options->max_backoff_ms, ACCS_LIMIT_MAX_BACKOFF),
        .max_retry_after_ms =
            accs_options_time(options->max_retry_after_ms, ACCS_LIMIT_MAX_RETRY_AFTER),
    };
    client->max_body = size_or_default(options->max_body, ACCS_LIMIT_MAX_BODY);
    lane->http2 = options->http_version != NULL && strcmp(options->http_version, "2") == 0;
    client->max_headers = size_or_default(options->max_headers, ACCS_LIMIT_MAX_HEADERS);
    accs_throttle_init(&lane->throttle,
                       size_or_default(options->max_concurrency, ACCS_LIMIT_MAX_CONCURRENCY),
                       options->fixed_concurrency);
    accs_budget_init(&lane->budget, options->retry_budget, options->retry_budget_min);
}

static accs_error check_http_version(const char *version, accs_failure *failure)
{
    if (version == NULL || strcmp(version, "1.1") == 0 || strcmp(version, "2") == 0)
        return ACCS_OK;
    return accs_fail(failure, ACCS_ERROR_CONFIG, "http_version must be 1.1 or 2");
}

static accs_error check_options(const accs_client_options *options, accs_failure *failure)
{
    const accs_connection_options connection = accs_options_connection(options);

    if (accs_options_text("client_id", options->client_id, failure) != ACCS_OK ||
        accs_options_text("org_id", options->org_id, failure) != ACCS_OK ||
        accs_options_text("store", options->store, failure) != ACCS_OK ||
        accs_options_text("user_agent", options->user_agent, failure) != ACCS_OK ||
        check_http_version(options->http_version, failure) != ACCS_OK)
        return ACCS_ERROR_CONFIG;
    return accs_connection_check(&connection, failure);
}

static accs_error fill(accs_client *client, const accs_client_options *options,
                       accs_failure *failure)
{
    const accs_connection_options connection = accs_options_connection(options);
    accs_lane *lane = &client->lane;
    accs_buffer base;
    accs_error error;

    accs_buffer_init(&base, ACCS_LIMIT_MAX_URL);
    error = accs_credentials_join(lane->engine, options, &lane->user, &lane->source, failure);
    if (error == ACCS_OK)
        error = accs_url_base("base_url", options->base_url, &base, failure);
    if (error != ACCS_OK)
        goto done;
    client->base_url = accs_buffer_take(&base, NULL);
    client->store = options->store != NULL ? strdup(options->store) : NULL;
    error = ACCS_ERROR_MEMORY;
    if (client->base_url != NULL && (options->store == NULL || client->store != NULL) &&
        make_common(client, options))
        error = accs_transport_new(lane->engine, &connection, &lane->transport);

done:
    if (error == ACCS_ERROR_MEMORY)
        accs_fail(failure, error, "no memory left for a client");
    accs_buffer_cleanup(&base);
    return error;
}

accs_error accs_client_new(accs_engine *engine, const accs_client_options *options,
                           accs_client **client, accs_failure *failure)
{
    accs_client *made;
    accs_error error;

    if (accs_engine_check(engine, failure) != ACCS_OK)
        return ACCS_ERROR_CLOSED;
    if (options == NULL || options->base_url == NULL)
        return accs_fail(failure, ACCS_ERROR_CONFIG, "base_url is missing");
    error = check_options(options, failure);
    if (error != ACCS_OK)
        return error;
    made = calloc(1, sizeof *made);
    if (made == NULL)
        return accs_fail(failure, ACCS_ERROR_MEMORY, "no memory left for a client");
    if (accs_lane_open(&made->lane, engine) != ACCS_OK) {
        free(made);
        return accs_fail(failure, ACCS_ERROR_MEMORY, "no memory left for a client");
    }
    made->lane.user.listener.handle = accs_engine_number(engine);
    made->lane.user.listener.wanted = options->events;
    made->member.engine_gone = engine_gone;
    set_limits(made, options);
    error = fill(made, options, failure);
    if (error != ACCS_OK) {
        free_client(made);
        return error;
    }
    accs_engine_join(engine, &made->member);
    *client = made;
    return ACCS_OK;
}

uint64_t accs_client_handle(const accs_client *client)
{
    return client->lane.user.listener.handle;
}

void accs_client_stats(const accs_client *client, accs_stats *stats)
{
    const accs_lane *lane = &client->lane;
    const accs_token_user *user = &lane->user;

    accs_tally_read(&lane->tally, stats);
    for (const accs_place *place = lane->first_waiting; place != NULL; place = place->next)
        stats->waiting++;
    stats->tokens_acquired = user->acquired;
    stats->tokens_refreshed = user->refreshed;
    stats->tokens_failed = user->failed;
    stats->events_dropped = user->listener.dropped;
}

void accs_client_throttle(accs_client *client, int64_t delay_ms)
{
    accs_lane *lane = &client->lane;

    if (lane->engine == NULL || !accs_engine_usable(lane->engine))
        return;
    accs_engine_refresh(lane->engine);
    accs_lane_pause(lane, delay_ms, 0);
}

void accs_client_redact(const accs_client *client, char *text)
{
    if (client->lane.source != NULL)
        accs_token_source_redact(client->lane.source, text);
}

/* -------------------------------------------------------------- requests */

static bool one_of(const char *text, const char *const *list, bool any_case)
{
    for (; *list != NULL; list++)
        if ((any_case ? strcasecmp(text, *list) : strcmp(text, *list)) == 0)
            return true;
    return false;
}

static accs_error check_method(const accs_client *client, const accs_request *request,
                               accs_failure *failure)
{
    static const char *const reads[] = {"GET", "HEAD", NULL};
    static const char *const writes[] = {"POST", "PUT", "PATCH", "DELETE", NULL};
    const char *method = request->method;

    if (request->source && request->body != NULL)
        return accs_fail(failure, ACCS_ERROR_CONFIG, "a request has a body or a source, not both");
    if (one_of(method, reads, false)) /* libcurl would make a POST of one with a body */
        return request->body == NULL && !request->source
                   ? ACCS_OK
                   : accs_fail(failure, ACCS_ERROR_CONFIG, "%s takes no body", method);
    if (!one_of(method, writes, false))
        return accs_fail(failure, ACCS_ERROR_CONFIG,
                         "the method is not one of GET, HEAD, POST, PUT, PATCH, DELETE");
    if (client->read_only)
        return accs_fail(failure, ACCS_ERROR_CONFIG,
                         "%s refused: this client was made with read_only", method);
    return ACCS_OK;
}

static accs_error check_header(const accs_header *header, accs_failure *failure)
{
    static const char *const own[] = {"Authorization",
                                      "Proxy-Authorization",
                                      "Host",
                                      "Content-Length",
                                      "Transfer-Encoding",
                                      "Connection",
                                      "Expect",
                                      "Accept-Encoding",
                                      "x-api-key",
                                      "x-gw-ims-org-id",
                                      "User-Agent",
                                      "Store",
                                      "x-request-id",
                                      NULL};

    if (!accs_header_name_valid(header->name))
        return accs_fail(failure, ACCS_ERROR_CONFIG,
                         "a header's name holds a character that HTTP does not allow there");
    if (one_of(header->name, own, true))
        return accs_fail(failure, ACCS_ERROR_CONFIG, "the header %.40s is set by the client itself",
                         header->name);
    if (header->value == NULL || !accs_header_value_valid(header->value))
        return accs_fail(failure, ACCS_ERROR_CONFIG,
                         "the value of the header %.40s holds a control character", header->name);
    if (strlen(header->name) + strlen(header->value) > ACCS_LIMIT_MAX_REQUEST_HEADER)
        return accs_fail(failure, ACCS_ERROR_CONFIG, "the header %.40s is longer than %zu bytes",
                         header->name, ACCS_LIMIT_MAX_REQUEST_HEADER);
    return ACCS_OK;
}

static bool given(const accs_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (strcasecmp(request->headers[i].name, name) == 0)
            return true;
    return false;
}

static bool request_id_valid(const char *id)
{
    size_t len = 0;

    if (id == NULL)
        return true;
    while (len <= ACCS_REQUEST_ID_MAX && id[len] > 0x20 && id[len] < 0x7f)
        len++;
    return len > 0 && id[len] == '\0' && len <= ACCS_REQUEST_ID_MAX;
}

/* The caller's headers and those that depend on the request; false when one is refused. */
static accs_error gather_headers(const accs_client *client, const accs_request *request,
                                 accs_header *headers, size_t *header_count, accs_failure *failure)
{
    const char *store = request->store != NULL ? request->store : client->store;
    const char *type = request->content_type != NULL ? request->content_type : "application/json";
    bool bodied = request->body != NULL || request->source;
    size_t count = 0;

    if (request->header_count > REQUEST_HEADERS_MAX)
        return accs_fail(failure, ACCS_ERROR_CONFIG, "more than %d headers", REQUEST_HEADERS_MAX);
    for (size_t i = 0; i < request->header_count; i++) {
        if (check_header(&request->headers[i], failure) != ACCS_OK)
            return ACCS_ERROR_CONFIG;
        headers[count++] = request->headers[i];
    }
    if (accs_options_text("store", store, failure) != ACCS_OK ||
        accs_options_text("content_type", type, failure) != ACCS_OK)
        return ACCS_ERROR_CONFIG;
    if (!request_id_valid(request->request_id))
        return accs_fail(failure, ACCS_ERROR_CONFIG,
                         "request_id must be 1 to %d visible ASCII characters",
                         ACCS_REQUEST_ID_MAX);
    if (store != NULL)
        headers[count++] = (accs_header){"Store", store};
    if (request->request_id != NULL)
        headers[count++] = (accs_header){"x-request-id", request->request_id};
    if (!given(request, "Accept"))
        headers[count++] = (accs_header){"Accept", "application/json"};
    /* NULL: libcurl must not make up a type of its own, as it does for a method that writes. */
    if (!given(request, "Content-Type") && strcmp(request->method, "GET") != 0)
        headers[count++] = (accs_header){"Content-Type", bodied ? type : NULL};
    if (bodied) /* a server that ignores it costs a second */
        headers[count++] = (accs_header){"Expect", NULL};
    *header_count = count;
    return ACCS_OK;
}

/* Those of the call where it names some, else the client's. */
static void set_call_limits(const accs_client *client, const accs_request *request,
                            accs_call_request *call)
{
    bool streamed = request->stream || request->source;

    call->timeout_ms =
        accs_options_time(request->timeout_ms, streamed ? INT64_MAX : client->timeout_ms);
    call->connect_timeout_ms = request->connect_timeout_ms;
    call->idle_timeout_ms = request->idle_timeout_ms;
    call->attempts = request->attempts > 0 ? request->attempts : client->policy.attempts;
    call->max_retry_after_ms =
        accs_options_time(request->max_retry_after_ms, client->policy.max_retry_after_ms);
    call->backoff_ms = accs_options_time(request->backoff_ms, client->policy.backoff_ms);
    call->max_backoff_ms =
        accs_options_time(request->max_backoff_ms, client->policy.max_backoff_ms);
    call->max_body = size_or_default(request->stream ? 0 : request->max_body, client->max_body);
    call->max_headers = size_or_default(request->max_headers, client->max_headers);
    call->stream = request->stream;
    call->stream_max = request->max_body;
}

accs_error accs_client_start(accs_client *client, const accs_request *request, uint64_t *id,
                             accs_failure *failure)
{
    accs_header headers[REQUEST_HEADERS_MAX + OWN_HEADERS_MAX];
    accs_call_request call = {.method = request->method};
    accs_upload upload;
    accs_buffer url;
    accs_error error = ACCS_ERROR_CLOSED;

    accs_buffer_init(&url, ACCS_LIMIT_MAX_URL);
    if (client->lane.engine == NULL) {
        accs_fail(failure, error, "the engine of this client is closed");
        goto done;
    }
    error = accs_engine_check(client->lane.engine, failure);
    if (error == ACCS_OK)
        error = check_method(client, request, failure);
    if (error == ACCS_OK)
        error = accs_url_join(client->base_url, request->path, request->path_len, &url, failure);
    if (error == ACCS_OK)
        error = gather_headers(client, request, headers, &call.header_count, failure);
    if (error != ACCS_OK)
        goto done;
    call.url = url.bytes;
    call.url_len = url.len;
    call.headers = headers;
    call.body = request->body;
    call.body_len = request->body_len;
    call.idempotent = request->idempotent >= 0 ? request->idempotent != 0
                                               : accs_method_idempotent(request->method);
    set_call_limits(client, request, &call);
    accs_upload_init(&upload, request->source_length, request->replayable);
    call.upload = request->source ? &upload : NULL;
    accs_engine_refresh(client->lane.engine);
    error = accs_call_start(&client->lane, &call, id);
    if (error != ACCS_OK)
        accs_fail(failure, error, "no memory left for a call");

done:
    accs_buffer_cleanup(&url);
    return error;
}

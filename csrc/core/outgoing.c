#include "outgoing.h"

#include <stdlib.h>
#include <string.h>

static bool set_method(CURL *easy, const accs_transfer_request *request)
{
    bool head = strcmp(request->method, "HEAD") == 0;
    bool get = strcmp(request->method, "GET") == 0;
    bool post = strcmp(request->method, "POST") == 0;
    bool bodied = request->body != NULL || post || strcmp(request->method, "PUT") == 0 ||
                  strcmp(request->method, "PATCH") == 0;
    bool set = curl_easy_setopt(easy, CURLOPT_NOBODY, 0L) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST,
                                head || get || post ? NULL : request->method) == CURLE_OK;

    if (set && head)
        set = curl_easy_setopt(easy, CURLOPT_NOBODY, 1L) == CURLE_OK;
    if (set && bodied)
        set = curl_easy_setopt(easy, CURLOPT_POST, 1L) == CURLE_OK &&
              curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
                               request->body != NULL ? request->body : "") == CURLE_OK &&
              curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len) ==
                  CURLE_OK;
    return set;
}

/* As libcurl's upload: it counts the bytes, or sends them in chunks where their number is open. */
static bool set_upload(CURL *easy, const accs_transfer_request *request)
{
    return curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE,
                            (curl_off_t)request->stream->upload->length) == CURLE_OK;
}

/* Bytes of "https://host:port" in an absolute URL. */
static size_t origin_length(const char *url)
{
    const char *host = strstr(url, "://");

    return host != NULL ? (size_t)(host - url) + 3 + strcspn(host + 3, "/?#") : 0;
}

/*
 * The path and query go out as they are, as the request's target: libcurl's own
 * parsing and normalising of a long URL costs most of its processor time, and
 * might change what was checked. A plain proxy needs the whole URL in its place.
 */
static bool set_address(CURL *easy, const accs_connection *connection, const char *url,
                        char **origin)
{
    size_t origin_len = origin_length(url);
    bool whole = url[origin_len] != '/' || accs_connection_whole_address(connection, url);

    if (!whole && *origin != NULL && strlen(*origin) == origin_len &&
        memcmp(*origin, url, origin_len) == 0)
        return curl_easy_setopt(easy, CURLOPT_REQUEST_TARGET, url + origin_len) == CURLE_OK;
    free(*origin);
    *origin = whole ? NULL : strndup(url, origin_len);
    if (!whole && *origin == NULL)
        return false;
    return curl_easy_setopt(easy, CURLOPT_URL, whole ? url : *origin) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_REQUEST_TARGET, whole ? NULL : url + origin_len) ==
               CURLE_OK &&
           accs_connection_route(connection, easy, url);
}

bool accs_outgoing_set(CURL *easy, const accs_connection *connection,
                       const accs_transfer_request *request, char **origin)
{
    long version = request->http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1;
    int64_t connect_ms = request->connect_timeout_ms > 0 ? request->connect_timeout_ms
                                                         : connection->connect_timeout_ms;
    bool set = set_address(easy, connection, request->url, origin) &&
               curl_easy_setopt(easy, CURLOPT_HTTPHEADER, request->headers) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, version) == CURLE_OK &&
               set_method(easy, request) && accs_connection_limit_connect(easy, connect_ms);

    if (set && request->stream != NULL && request->stream->upload != NULL)
        set = set_upload(easy, request);
    return set;
}

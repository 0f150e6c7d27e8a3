/*
 * What the benchmark compares with: libcurl as somebody who knows it well uses it. It gets a token
 * as Adobe IMS gives it, then fetches every path of a file in order, counts the bytes and lets them
 * go: with one easy handle, or (-p) with curl_multi and a number of easy handles at a time. It
 * sends the headers that accs sends; there is no retry, no limit, no JSON.
 *
 * usage: libcurl_loop [-p PARALLEL] [-2] [-c CA_FILE] PATHS
 *        (API_ENDPOINT, IMS_* from the environment; -2: HTTP/2 over TLS, one connection)
 */
#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_LEN = 8192, TOKEN_MAX_LEN = 16384, PARALLEL_MAX = 1024 };

typedef struct sink {
    char text[TOKEN_MAX_LEN]; /* the start of the body */
    size_t text_len;
    size_t bytes;
} sink;

typedef struct settings {
    long parallel; /* 0: an easy handle alone */
    bool http2;
    const char *ca_file;
    FILE *paths;
} settings;

static size_t take(char *bytes, size_t size, size_t count, void *user)
{
    sink *to = user;
    size_t len = size * count;
    size_t room = sizeof to->text - 1 - to->text_len;
    size_t kept = len < room ? len : room;

    memcpy(to->text + to->text_len, bytes, kept);
    to->text_len += kept;
    to->text[to->text_len] = '\0';
    to->bytes += len;
    return len;
}

static const char *variable(const char *name)
{
    const char *value = getenv(name);

    if (value == NULL) {
        fprintf(stderr, "libcurl_loop: %s is not set\n", name);
        exit(2);
    }
    return value;
}

static void check(CURL *easy, CURLcode code)
{
    long status = 0;

    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK || status != 200) {
        fprintf(stderr, "libcurl_loop: %s, status %ld\n", curl_easy_strerror(code), status);
        exit(1);
    }
}

static CURL *new_easy(const settings *how, sink *to)
{
    CURL *easy = curl_easy_init();

    if (easy == NULL)
        exit(1);
    if (how->ca_file != NULL)
        curl_easy_setopt(easy, CURLOPT_CAINFO, how->ca_file);
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "libcurl_loop/1.0");
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, to);
    return easy;
}

/* Puts "Authorization: Bearer <token>" into header. */
static void fetch_token(CURL *easy, sink *to, char *header, size_t header_max)
{
    static const char before[] = "\"access_token\":\"";
    char url[LINE_MAX_LEN];
    char form[LINE_MAX_LEN];
    struct curl_slist *headers = curl_slist_append(NULL, "Accept: application/json");
    char *id = curl_easy_escape(easy, variable("IMS_CLIENT_ID"), 0);
    char *secret = curl_easy_escape(easy, variable("IMS_CLIENT_SECRET"), 0);
    char *token = NULL;
    char *end = NULL;

    snprintf(url, sizeof url, "%s/ims/token/v3", variable("IMS_URL"));
    snprintf(form, sizeof form,
             "grant_type=client_credentials&client_id=%s&client_secret=%s"
             "&scope=openid%%2CAdobeID%%2Cprofile%%2Ccommerce.accs",
             id, secret);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, form);
    to->text_len = 0;
    check(easy, curl_easy_perform(easy));
    token = strstr(to->text, before);
    if (token == NULL) {
        fprintf(stderr, "libcurl_loop: no token came\n");
        exit(1);
    }
    token += sizeof before - 1;
    end = strchr(token, '"');
    snprintf(header, header_max, "Authorization: Bearer %.*s", (int)(end - token), token);
    curl_free(id);
    curl_free(secret);
    curl_slist_free_all(headers);
}

static struct curl_slist *call_headers(const char *authorization)
{
    char line[LINE_MAX_LEN];
    struct curl_slist *headers = curl_slist_append(NULL, authorization);

    snprintf(line, sizeof line, "x-api-key: %s", variable("IMS_CLIENT_ID"));
    headers = curl_slist_append(headers, line);
    snprintf(line, sizeof line, "x-gw-ims-org-id: %s", variable("IMS_ORG_ID"));
    headers = curl_slist_append(headers, line);
    return curl_slist_append(headers, "Accept: application/json");
}

static void set_up(CURL *easy, const settings *how, struct curl_slist *headers)
{
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                     (long)(how->http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
    curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
}

/* Makes the next path the handle's; false when there is none left. */
static bool next_path(CURL *easy, const settings *how)
{
    char line[LINE_MAX_LEN];
    char url[2 * LINE_MAX_LEN];

    if (fgets(line, sizeof line, how->paths) == NULL)
        return false;
    line[strcspn(line, "\n")] = '\0';
    snprintf(url, sizeof url, "%s%s", variable("API_ENDPOINT"), line);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    return true;
}

static void fetch_in_sequence(const settings *how, CURL *easy, sink *to)
{
    while (next_path(easy, how)) {
        to->text_len = 0;
        check(easy, curl_easy_perform(easy));
    }
}

/* What has ended is checked, and its handle goes on with the next path. */
static long collect(const settings *how, CURLM *multi, sink *to)
{
    CURLMsg *message;
    long ended = 0;
    int left;

    while ((message = curl_multi_info_read(multi, &left)) != NULL) {
        CURL *easy = message->easy_handle;

        if (message->msg != CURLMSG_DONE)
            continue;
        check(easy, message->data.result);
        curl_multi_remove_handle(multi, easy);
        to->text_len = 0;
        if (next_path(easy, how))
            curl_multi_add_handle(multi, easy);
        else
            ended++;
    }
    return ended;
}

static void fetch_in_parallel(const settings *how, sink *to, struct curl_slist *headers)
{
    CURLM *multi = curl_multi_init();
    CURL *handles[PARALLEL_MAX];
    long count = 0;
    long active = 0;
    int running;

    curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, how->parallel);
    for (; count < how->parallel; count++) {
        handles[count] = new_easy(how, to);
        set_up(handles[count], how, headers);
        if (next_path(handles[count], how)) {
            curl_multi_add_handle(multi, handles[count]);
            active++;
        }
    }
    while (active > 0) {
        if (curl_multi_perform(multi, &running) != CURLM_OK)
            exit(1);
        active -= collect(how, multi, to);
        if (active > 0 && curl_multi_poll(multi, NULL, 0, 1000, NULL) != CURLM_OK)
            exit(1);
    }
    while (count > 0)
        curl_easy_cleanup(handles[--count]);
    curl_multi_cleanup(multi);
}

static bool read_arguments(int argc, char **argv, settings *how)
{
    int letter;

    while ((letter = getopt(argc, argv, "p:2c:")) != -1) {
        if (letter == 'p')
            how->parallel = strtol(optarg, NULL, 10);
        else if (letter == '2')
            how->http2 = true;
        else if (letter == 'c')
            how->ca_file = optarg;
        else
            return false;
    }
    how->paths = optind + 1 == argc ? fopen(argv[optind], "r") : NULL;
    return how->paths != NULL && how->parallel >= 0 && how->parallel <= PARALLEL_MAX;
}

int main(int argc, char **argv)
{
    static sink to;
    static char authorization[TOKEN_MAX_LEN];
    settings how = {.parallel = 0};
    struct curl_slist *headers = NULL;
    CURL *easy = NULL;

    if (!read_arguments(argc, argv, &how)) {
        fprintf(stderr, "usage: libcurl_loop [-p PARALLEL] [-2] [-c CA_FILE] PATHS\n");
        return 2;
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    easy = new_easy(&how, &to);
    fetch_token(easy, &to, authorization, sizeof authorization);
    headers = call_headers(authorization);
    if (how.parallel > 0) {
        fetch_in_parallel(&how, &to, headers);
    } else {
        set_up(easy, &how, headers);
        fetch_in_sequence(&how, easy, &to);
    }
    printf("%zu bytes\n", to.bytes);
    curl_easy_cleanup(easy);
    curl_slist_free_all(headers);
    curl_global_cleanup();
    return 0;
}

/*
 * What the benchmark compares with: a bare libcurl loop. One easy handle gets a token as Adobe IMS
 * gives it, then fetches every path of a file in order, counts the bytes and lets them go. It
 * sends the headers that accs sends; there is no retry, no limit, no JSON.
 *
 * usage: libcurl_loop PATHS [CA_FILE]   (API_ENDPOINT, IMS_* from the environment)
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_LEN = 8192, TOKEN_MAX_LEN = 16384 };

typedef struct sink {
    char text[TOKEN_MAX_LEN]; /* the start of the body */
    size_t text_len;
    size_t bytes;
} sink;

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

static void perform(CURL *easy, sink *to)
{
    CURLcode code;
    long status = 0;

    to->text_len = 0;
    code = curl_easy_perform(easy);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK || status != 200) {
        fprintf(stderr, "libcurl_loop: %s, status %ld\n", curl_easy_strerror(code), status);
        exit(1);
    }
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
    perform(easy, to);
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

int main(int argc, char **argv)
{
    static sink to;
    static char authorization[TOKEN_MAX_LEN];
    char line[LINE_MAX_LEN];
    char url[2 * LINE_MAX_LEN];
    struct curl_slist *headers = NULL;
    FILE *paths = argc > 1 ? fopen(argv[1], "r") : NULL;
    CURL *easy = NULL;

    curl_global_init(CURL_GLOBAL_DEFAULT);
    easy = curl_easy_init();
    if (paths == NULL || easy == NULL) {
        fprintf(stderr, "usage: libcurl_loop PATHS [CA_FILE]\n");
        return 2;
    }
    if (argc > 2)
        curl_easy_setopt(easy, CURLOPT_CAINFO, argv[2]);
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "libcurl_loop/1.0");
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &to);
    fetch_token(easy, &to, authorization, sizeof authorization);
    headers = call_headers(authorization);
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    while (fgets(line, sizeof line, paths) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        snprintf(url, sizeof url, "%s%s", variable("API_ENDPOINT"), line);
        curl_easy_setopt(easy, CURLOPT_URL, url);
        perform(easy, &to);
    }
    printf("%zu bytes\n", to.bytes);
    curl_easy_cleanup(easy);
    curl_slist_free_all(headers);
    curl_global_cleanup();
    return 0;
}

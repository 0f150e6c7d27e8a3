/* needs: csrc/core/url.c csrc/core/buffer.c csrc/core/secret.c */
#include <curl/curl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "limits.h"
#include "url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char BASE[] = "https://na1.api.example.com/tenant";

static void must(bool condition)
{
    if (!condition)
        abort();
}

/* What was joined stays on the tenant even where libcurl removes dot segments. */
static void stays(const char *url)
{
    CURLU *handle = curl_url();
    char *host = NULL;
    char *path = NULL;

    must(handle != NULL && curl_url_set(handle, CURLUPART_URL, url, 0) == CURLUE_OK);
    must(curl_url_get(handle, CURLUPART_HOST, &host, 0) == CURLUE_OK);
    must(curl_url_get(handle, CURLUPART_PATH, &path, 0) == CURLUE_OK);
    must(strcmp(host, "na1.api.example.com") == 0);
    must(strncmp(path, "/tenant", 7) == 0 && (path[7] == '/' || path[7] == '\0'));
    curl_free(path);
    curl_free(host);
    curl_url_cleanup(handle);
}

/* A base that was accepted is accepted again, and is written as it is. */
static void base_is_stable(const char *text)
{
    accs_failure failure;
    accs_buffer base;
    accs_buffer again;

    accs_buffer_init(&base, ACCS_LIMIT_MAX_URL);
    accs_buffer_init(&again, ACCS_LIMIT_MAX_URL);
    if (accs_url_base("base_url", text, &base, &failure) == ACCS_OK) {
        must(accs_url_base("base_url", base.bytes, &again, &failure) == ACCS_OK);
        must(strcmp(base.bytes, again.bytes) == 0);
    } else {
        must(base.len == 0 && strpbrk(failure.text, "\r\n") == NULL);
    }
    accs_buffer_cleanup(&again);
    accs_buffer_cleanup(&base);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    accs_failure failure;
    accs_buffer url;

    if (text == NULL)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    accs_buffer_init(&url, ACCS_LIMIT_MAX_URL);
    if (accs_url_join(BASE, text, size, &url, &failure) == ACCS_OK) {
        must(strlen(url.bytes) == url.len);
        stays(url.bytes);
    } else {
        must(failure.code == ACCS_ERROR_CONFIG && strpbrk(failure.text, "\r\n") == NULL);
    }
    accs_buffer_cleanup(&url);
    base_is_stable(text);
    free(text);
    return 0;
}

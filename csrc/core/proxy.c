#include "proxy.h"

#include "engine.h"
#include "url.h"

#include <string.h>
#include <strings.h>

/* How libcurl's words begin when it cannot use the address. */
static const char UNSUPPORTED[] = "Unsupported proxy";

enum { AUTH_REQUIRED = 407, TIMEOUT = 408, TOO_MANY = 429 };

static bool known_scheme(const char *scheme)
{
    static const char *const known[] = {"http", "https", "socks4", "socks4a", "socks5", "socks5h"};

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcasecmp(scheme, known[i]) == 0)
            return true;
    return false;
}

accs_error accs_proxy_look(const char *proxy, bool *near, accs_failure *failure)
{
    accs_error error = ACCS_ERROR_MEMORY;
    CURLU *url = curl_url();
    char *scheme = NULL;
    char *host = NULL;
    CURLUcode code;

    if (url == NULL)
        goto done;
    code = curl_url_set(url, CURLUPART_URL, proxy,
                        CURLU_NON_SUPPORT_SCHEME | CURLU_DEFAULT_SCHEME | CURLU_GUESS_SCHEME);
    if (code == CURLUE_OUT_OF_MEMORY)
        goto done;
    if (code != CURLUE_OK) {
        error = accs_fail(failure, ACCS_ERROR_CONFIG, "the address of the proxy cannot be read: %s",
                          curl_url_strerror(code));
        goto done;
    }
    if (curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
        goto done;
    if (strstr(proxy, "://") != NULL && !known_scheme(scheme)) {
        error = accs_fail(failure, ACCS_ERROR_CONFIG,
                          "the address of a proxy begins with http, https, socks4, socks4a, socks5 "
                          "or socks5h, and ://");
        goto done;
    }
    code = curl_url_get(url, CURLUPART_HOST, &host, 0);
    if (code == CURLUE_NO_HOST)
        error = accs_fail(failure, ACCS_ERROR_CONFIG, "the address of the proxy names no host");
    if (code != CURLUE_OK)
        goto done;
    *near = accs_host_loopback(host);
    error = ACCS_OK;

done:
    if (error == ACCS_ERROR_MEMORY)
        accs_fail(failure, error, "no memory left for the address of a proxy");
    curl_free(scheme);
    curl_free(host);
    curl_url_cleanup(url);
    return error;
}

bool accs_proxy_unusable(const char *error_text)
{
    return strncmp(error_text, UNSUPPORTED, sizeof UNSUPPORTED - 1) == 0;
}

static void blame(accs_attempt_verdict *verdict, accs_error error, accs_attempt_end end,
                  const char *text)
{
    verdict->error = error;
    verdict->end = end;
    verdict->text = text;
}

static void judge_status(long status, accs_attempt_verdict *verdict)
{
    if (status == AUTH_REQUIRED)
        blame(verdict, ACCS_ERROR_AUTH, ACCS_ATTEMPT_FINAL,
              "the proxy asks for a user name and password, or refuses those given: HTTP 407");
    else if (status >= 400 && status < 500 && status != TIMEOUT && status != TOO_MANY)
        blame(verdict, ACCS_ERROR_GATEWAY, ACCS_ATTEMPT_FINAL,
              "the proxy refuses to connect to the server");
    else
        blame(verdict, ACCS_ERROR_NETWORK, ACCS_ATTEMPT_NEVER_SENT,
              "the proxy gave no connection to the server");
}

static void judge_socks(CURL *easy, accs_attempt_verdict *verdict)
{
    long reason = CURLPX_OK;

    curl_easy_getinfo(easy, CURLINFO_PROXY_ERROR, &reason);
    if (reason == CURLPX_USER_REJECTED || reason == CURLPX_NO_AUTH)
        blame(verdict, ACCS_ERROR_AUTH, ACCS_ATTEMPT_FINAL,
              "the proxy asks for a user name and password, or refuses those given");
    else
        blame(verdict, ACCS_ERROR_NETWORK, ACCS_ATTEMPT_NEVER_SENT,
              "the proxy gave no connection to the server");
}

int accs_proxy_judge(CURL *easy, CURLcode code, accs_attempt_verdict *verdict)
{
    long status = 0;
    long untrusted = 0;

    if (code == CURLE_PROXY) {
        judge_socks(easy, verdict);
    } else if (code == CURLE_PEER_FAILED_VERIFICATION) {
        curl_easy_getinfo(easy, CURLINFO_PROXY_SSL_VERIFYRESULT, &untrusted);
        if (untrusted != 0)
            verdict->text = "the proxy's certificate is not trusted";
    } else if (code == CURLE_RECV_ERROR || code == CURLE_COULDNT_CONNECT) {
        /* A tunnel that was refused; libcurl keeps the status for the handle's next transfer. */
        curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &status);
        if (status >= 300)
            judge_status(status, verdict);
    }
    return status >= 300 ? (int)status : 0;
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include <cmocka.h>

#include "attempt.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { AGAIN, FINAL };

/* By hand, from libcurl-errors(3). What is not here is a network failure that may pass. */
static const struct {
    int code;
    accs_error error;
    int again;
    const char *word; /* of the text */
} MEANINGS[] = {
    {CURLE_UNSUPPORTED_PROTOCOL, ACCS_ERROR_HTTP, FINAL, "HTTP"},
    {CURLE_URL_MALFORMAT, ACCS_ERROR_CONFIG, FINAL, "address"},
    {CURLE_COULDNT_RESOLVE_PROXY, ACCS_ERROR_NETWORK, AGAIN, "proxy"},
    {CURLE_COULDNT_RESOLVE_HOST, ACCS_ERROR_NETWORK, AGAIN, "host name"},
    {CURLE_COULDNT_CONNECT, ACCS_ERROR_NETWORK, AGAIN, "no connection"},
    {CURLE_BAD_FUNCTION_ARGUMENT, ACCS_ERROR_HTTP, FINAL, "malformed"},
    {CURLE_WEIRD_SERVER_REPLY, ACCS_ERROR_HTTP, FINAL, "HTTP"},
    {CURLE_HTTP2, ACCS_ERROR_NETWORK, AGAIN, "HTTP/2"},
    {CURLE_PARTIAL_FILE, ACCS_ERROR_NETWORK, AGAIN, "ended in the answer"},
    {CURLE_OUT_OF_MEMORY, ACCS_ERROR_MEMORY, FINAL, "memory"},
    {CURLE_OPERATION_TIMEDOUT, ACCS_ERROR_TIMEOUT, AGAIN, "silent"},
    {CURLE_SSL_CONNECT_ERROR, ACCS_ERROR_TLS, AGAIN, "encrypted"},
    {CURLE_ABORTED_BY_CALLBACK, ACCS_ERROR_NETWORK, AGAIN, "died"},
    {CURLE_GOT_NOTHING, ACCS_ERROR_NETWORK, AGAIN, "without an answer"},
    {CURLE_SEND_ERROR, ACCS_ERROR_NETWORK, AGAIN, "broke"},
    {CURLE_RECV_ERROR, ACCS_ERROR_NETWORK, AGAIN, "broke"},
    {CURLE_SSL_CERTPROBLEM, ACCS_ERROR_CONFIG, FINAL, "client certificate"},
    {CURLE_SSL_CLIENTCERT, ACCS_ERROR_TLS, FINAL, "client certificate"},
    {CURLE_SSL_CIPHER, ACCS_ERROR_TLS, FINAL, "cipher"},
    {CURLE_PEER_FAILED_VERIFICATION, ACCS_ERROR_TLS, FINAL, "not trusted"},
    {CURLE_SSL_CACERT_BADFILE, ACCS_ERROR_CONFIG, FINAL, "CA"},
    {CURLE_SSL_CRL_BADFILE, ACCS_ERROR_TLS, FINAL, "revocation"},
    {CURLE_SSL_ISSUER_ERROR, ACCS_ERROR_TLS, FINAL, "issuer"},
    {CURLE_SSL_PINNEDPUBKEYNOTMATCH, ACCS_ERROR_TLS, FINAL, "pinned"},
    {CURLE_SSL_INVALIDCERTSTATUS, ACCS_ERROR_TLS, FINAL, "status"},
    {CURLE_HTTP2_STREAM, ACCS_ERROR_NETWORK, AGAIN, "stream"},
};

static void every_code_has_its_meaning(void **state)
{
    (void)state;
    for (int code = 1; code < 200; code++) {
        accs_error error = ACCS_ERROR_NETWORK;
        int again = AGAIN;
        const char *word = "failed";

        for (size_t i = 0; i < COUNT(MEANINGS); i++) {
            if (MEANINGS[i].code == code) {
                error = MEANINGS[i].error;
                again = MEANINGS[i].again;
                word = MEANINGS[i].word;
            }
        }
        for (int sent = 0; sent < 2; sent++) {
            accs_attempt_end end = again == FINAL ? ACCS_ATTEMPT_FINAL
                                   : sent         ? ACCS_ATTEMPT_LOST
                                                  : ACCS_ATTEMPT_NEVER_SENT;
            accs_attempt_verdict verdict = accs_attempt_judge(code, sent);

            if (verdict.error != error || verdict.end != end || strstr(verdict.text, word) == NULL)
                fail_msg("%s, sent %d: %s, end %d, %s", curl_easy_strerror((CURLcode)code), sent,
                         accs_error_name(verdict.error), verdict.end, verdict.text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_its_meaning),
    };

    return cmocka_run_group_tests_name("attempt", tests, NULL, NULL);
}

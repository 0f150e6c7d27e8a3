#include "attempt.h"

#include "compat.h"

typedef struct rule {
    CURLcode code;
    accs_error error;
    bool final; /* the same request would end the same way */
    const char *text;
} rule;

static const rule rules[] = {
    {CURLE_UNSUPPORTED_PROTOCOL, ACCS_ERROR_HTTP, true, "the server does not speak HTTP"},
    {CURLE_WEIRD_SERVER_REPLY, ACCS_ERROR_HTTP, true, "the server does not speak HTTP"},
    {CURLE_URL_MALFORMAT, ACCS_ERROR_CONFIG, true, "the address is not valid"},
    {CURLE_COULDNT_RESOLVE_PROXY, ACCS_ERROR_NETWORK, false, "the proxy's name is not known"},
    {CURLE_COULDNT_RESOLVE_HOST, ACCS_ERROR_NETWORK, false, "the host name is not known"},
    {CURLE_COULDNT_CONNECT, ACCS_ERROR_NETWORK, false, "no connection to the server"},
    {CURLE_PARTIAL_FILE, ACCS_ERROR_NETWORK, false, "the connection ended in the answer"},
    {CURLE_OUT_OF_MEMORY, ACCS_ERROR_MEMORY, true, "no memory left"},
    {CURLE_OPERATION_TIMEDOUT, ACCS_ERROR_TIMEOUT, false, "the server was silent for too long"},
    {CURLE_SSL_CONNECT_ERROR, ACCS_ERROR_TLS, false, "no encrypted connection"},
    {CURLE_BAD_FUNCTION_ARGUMENT, ACCS_ERROR_HTTP, true, "the answer has a malformed header"},
    {CURLE_ABORTED_BY_CALLBACK, ACCS_ERROR_NETWORK, false,
     "the connection died before an answer came"},
    {CURLE_GOT_NOTHING, ACCS_ERROR_NETWORK, false, "the connection ended without an answer"},
    {CURLE_SEND_ERROR, ACCS_ERROR_NETWORK, false, "the connection broke"},
    {CURLE_RECV_ERROR, ACCS_ERROR_NETWORK, false, "the connection broke"},
    {CURLE_SSL_CERTPROBLEM, ACCS_ERROR_CONFIG, true,
     "the client certificate or its key cannot be used"},
    {CURLE_SSL_CLIENTCERT, ACCS_ERROR_TLS, true, "the server asks for a client certificate"},
    {CURLE_SSL_CIPHER, ACCS_ERROR_TLS, true, "no cipher in common with the server"},
    {CURLE_PEER_FAILED_VERIFICATION, ACCS_ERROR_TLS, true,
     "the server's certificate is not trusted"},
    {CURLE_SSL_CACERT_BADFILE, ACCS_ERROR_CONFIG, true, "the file of CA certificates is unusable"},
    {CURLE_SSL_CRL_BADFILE, ACCS_ERROR_TLS, true, "the revocation list is unusable"},
    {CURLE_SSL_ISSUER_ERROR, ACCS_ERROR_TLS, true, "the certificate has the wrong issuer"},
    {CURLE_SSL_PINNEDPUBKEYNOTMATCH, ACCS_ERROR_TLS, true,
     "the server's key is not the pinned one"},
    {CURLE_SSL_INVALIDCERTSTATUS, ACCS_ERROR_TLS, true, "the certificate's status is not valid"},
    {CURLE_HTTP2, ACCS_ERROR_NETWORK, false, "the HTTP/2 connection broke"},
    {CURLE_HTTP2_STREAM, ACCS_ERROR_NETWORK, false, "the HTTP/2 stream was reset"},
};

accs_attempt_verdict accs_attempt_judge(int curl_code, bool sent)
{
    accs_attempt_verdict verdict = {ACCS_ERROR_NETWORK, ACCS_ATTEMPT_LOST, "the transfer failed"};
    bool final = false;

    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if ((int)rules[i].code == curl_code) {
            verdict.error = rules[i].error;
            verdict.text = rules[i].text;
            final = rules[i].final;
            break;
        }
    }
    if (final)
        verdict.end = ACCS_ATTEMPT_FINAL;
    else if (!sent)
        verdict.end = ACCS_ATTEMPT_NEVER_SENT;
    return verdict;
}

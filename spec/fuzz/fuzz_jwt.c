/* needs: csrc/core/jwt*.c csrc/core/base64url.c csrc/core/json_*.c csrc/core/secret.c
 * csrc/core/buffer.c */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "jwt.h"
#include "jwt_claims.h"
#include "jwt_keys.h"
#include "limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* RFC 7515, A.2: a key of which nobody here has the other half, and what it has signed. */
static const char KEYS[] =
    "{\"keys\":[{\"kty\":\"RSA\",\"n\":"
    "\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddx"
    "HmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMs"
    "D1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSH"
    "SXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdV"
    "MTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8"
    "NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ\",\"e\":\"AQAB\"}]}";
static const char TOKEN[] = "eyJhbGciOiJSUzI1NiJ9."
                            "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
                            "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
                            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7"
                            "AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4"
                            "BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K"
                            "0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqv"
                            "hJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrB"
                            "p0igcN_IoypGlUPQGe77Rw";

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_times(accs_error error, const accs_jwt_facts *times)
{
    const int64_t latest_ms = INT64_C(253402300799999);

    check(error == ACCS_OK || error == ACCS_ERROR_PARSE);
    if (error != ACCS_OK)
        return;
    check(times->created_at_ms >= 0 && times->created_at_ms <= latest_ms);
    check(times->expires_in_ms >= 0 && times->expires_in_ms <= latest_ms);
    check(times->exp_s >= 0 && times->exp_s <= latest_ms / 1000);
    check(times->iat_s >= 0 && times->iat_s <= latest_ms / 1000);
    check(strnlen(times->subject, sizeof times->subject) < sizeof times->subject);
}

/* A token, and behind a line feed the keys. With keys that are not the input's, one token is good.
 */
static void fuzz_token(accs_text token, accs_text keys)
{
    accs_jwt_check with = {.issuer = "joe", .now_s = 1300819379};
    accs_text claims = {.bytes = NULL};
    accs_jwt_facts times;
    accs_error error;

    with.keys = (accs_text){.bytes = KEYS, .len = sizeof KEYS - 1};
    if (accs_jwt_verify(token, &with) == ACCS_JWT_GOOD)
        check(token.len == sizeof TOKEN - 1 && memcmp(token.bytes, TOKEN, token.len) == 0);
    with.keys = keys;
    check(strcmp(accs_jwt_verdict_name(accs_jwt_verify(token, &with)), "unknown") != 0);
    error = accs_jwt_claims(token, &claims);
    check(error == ACCS_OK ? claims.len < token.len && strlen(claims.bytes) == claims.len
                           : error == ACCS_ERROR_PARSE && claims.bytes == NULL);
    accs_auth_text_free(&claims);
    check_times(accs_jwt_facts_read(token, &times), &times);
}

static void fuzz_claims(accs_text claims)
{
    const accs_jwt_check with = {
        .issuer = "joe", .audience = "a", .client = "c", .type = "t", .now_s = 1300819379};
    accs_jwt_facts times;

    check(accs_jwt_claims_check(claims, &with) != ACCS_JWT_SIGNATURE);
    check_times(accs_jwt_claims_facts(claims, &times), &times);
}

static void fuzz_keys(accs_text jwks)
{
    char name[] = "key-1";
    const accs_secret kids[] = {{.bytes = NULL}, {.bytes = name, .len = sizeof name - 1}};

    for (size_t i = 0; i < 2; i++) {
        accs_jwt_keys keys = {.count = 0};

        if (accs_jwt_keys_read(jwks, &kids[i], &keys) != ACCS_OK)
            check(keys.count == 0);
        check(keys.count <= (i == 0 ? 1 : ACCS_JWT_KEYS_TRIED));
        for (size_t j = 0; j < keys.count; j++) {
            const accs_jwt_key *key = &keys.keys[j];

            check(key->modulus_len >= 256 && key->modulus_len <= sizeof key->modulus);
            check(key->modulus[0] >= (key->modulus_len == 256 ? 0x80 : 1));
            check((key->modulus[key->modulus_len - 1] & 1) == 1);
            check(key->exponent_len >= 1 && key->exponent_len <= sizeof key->exponent);
            check(key->exponent[0] != 0 && (key->exponent_len > 1 || key->exponent[0] > 1));
            check((key->exponent[key->exponent_len - 1] & 1) == 1);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    const char *line = memchr(bytes, '\n', size);
    size_t token_len = line != NULL ? (size_t)(line - bytes) : size;
    size_t behind = line != NULL ? token_len + 1 : size;

    fuzz_token((accs_text){.bytes = bytes, .len = token_len},
               (accs_text){.bytes = bytes + behind, .len = size - behind});
    fuzz_claims((accs_text){.bytes = bytes, .len = size});
    fuzz_keys((accs_text){.bytes = bytes, .len = size});
    return 0;
}

#include "jwt.h"

#include "base64url.h"
#include "jwt_claims.h"
#include "jwt_keys.h"
#include "jwt_object.h"
#include "limits.h"

#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------- the form */

/* A token taken apart. Zeroed is valid and empty. */
typedef struct parts {
    accs_text header; /* decoded, in bytes, as the next two */
    accs_text claims;
    accs_text signature;
    accs_text signed_text; /* borrowed from the token: what the signature is over */
    unsigned char *bytes;
    size_t bytes_len;
} parts;

/* Decodes the text up to a dot or its end; text then begins behind. False: not base64url. */
static bool decode_part(accs_text *text, accs_text *part, unsigned char *bytes)
{
    const char *dot = memchr(text->bytes, '.', text->len);
    size_t part_len = dot != NULL ? (size_t)(dot - text->bytes) : text->len;
    size_t taken = part_len + (dot != NULL);
    size_t bytes_len;

    if (!accs_base64url_decode(text->bytes, part_len, bytes, &bytes_len))
        return false;
    *part = (accs_text){.bytes = (const char *)bytes, .len = bytes_len};
    *text = (accs_text){.bytes = text->bytes + taken, .len = text->len - taken};
    return true;
}

static size_t count_dots(accs_text text)
{
    size_t count = 0;

    for (size_t i = 0; i < text.len; i++)
        count += text.bytes[i] == '.';
    return count;
}

/* found is to be freed with free_parts() whatever comes. ACCS_ERROR_PARSE, ACCS_ERROR_MEMORY. */
static accs_error take_apart(accs_text token, parts *found)
{
    accs_text rest = token;

    if (token.len > ACCS_LIMIT_TOKEN_MAX || count_dots(token) != 2)
        return ACCS_ERROR_PARSE;
    found->bytes_len = token.len;
    found->bytes = malloc(token.len);
    if (found->bytes == NULL)
        return ACCS_ERROR_MEMORY;
    if (!decode_part(&rest, &found->header, found->bytes) ||
        !decode_part(&rest, &found->claims, found->bytes + found->header.len))
        return ACCS_ERROR_PARSE;
    found->signed_text = (accs_text){.bytes = token.bytes, .len = token.len - rest.len - 1};
    if (!decode_part(&rest, &found->signature,
                     found->bytes + found->header.len + found->claims.len))
        return ACCS_ERROR_PARSE;
    return ACCS_OK;
}

static void free_parts(parts *found)
{
    if (found->bytes != NULL)
        accs_wipe(found->bytes, found->bytes_len);
    free(found->bytes);
}

/* ----------------------------------------------------------- the header */

/* Keys that a token brings along (jwk, jku, x5c, x5u) are its maker's word, and not looked at. */
typedef enum header_member { ALG = 0, KID, CRIT } header_member;

static const char *const HEADER_NAMES[] = {[ALG] = "alg", [KID] = "kid", [CRIT] = "crit"};

typedef struct header {
    bool rs256;
    bool odd; /* has what RFC 7515 forbids, or what must be understood and is not */
    accs_secret kid;
} header;

static accs_error take_header(void *into, size_t member, accs_json_reader *reader,
                              const accs_json_event *value)
{
    header *found = into;

    switch ((header_member)member) {
    case ALG:
        found->rs256 = accs_jwt_is_text(value, "RS256");
        break;
    case KID:
        if (value->kind == ACCS_JSON_STRING)
            return accs_secret_set(&found->kid, value->text, value->text_len);
        found->odd = true;
        break;
    case CRIT:
        found->odd = true;
        break;
    }
    return accs_jwt_skip(reader, value->kind);
}

/* found is to be cleaned up whatever comes. */
static accs_jwt_verdict read_header(accs_text text, header *found)
{
    accs_jwt_object object = {.names = HEADER_NAMES,
                              .name_count = sizeof HEADER_NAMES / sizeof HEADER_NAMES[0],
                              .take = take_header,
                              .into = found};
    accs_error error = accs_jwt_document_read(text, &object);

    if (error == ACCS_ERROR_MEMORY)
        return ACCS_JWT_NO_MEMORY;
    if (error != ACCS_OK || found->odd || object.repeated)
        return ACCS_JWT_MALFORMED;
    return found->rs256 ? ACCS_JWT_GOOD : ACCS_JWT_ALGORITHM;
}

/* -------------------------------------------------------- the signature */

static accs_jwt_verdict check_signature(const parts *token, const accs_secret *kid, accs_text jwks)
{
    accs_jwt_keys keys = {.count = 0};
    accs_jwt_verdict verdict = ACCS_JWT_KEY_UNKNOWN;

    switch (accs_jwt_keys_read(jwks, kid, &keys)) {
    case ACCS_OK:
        break;
    case ACCS_ERROR_MEMORY:
        return ACCS_JWT_NO_MEMORY;
    default:
        return ACCS_JWT_KEYS;
    }
    for (size_t i = 0; i < keys.count && verdict != ACCS_JWT_GOOD; i++)
        verdict = accs_jwt_key_verify(&keys.keys[i], token->signed_text, token->signature);
    return verdict;
}

/* --------------------------------------------------------------- public */

/* Claims are read only when the signature is right, and nobody's but the issuer's. */
accs_jwt_verdict accs_jwt_verify(accs_text token, const accs_jwt_check *check)
{
    accs_jwt_verdict verdict = ACCS_JWT_MALFORMED;
    parts found = {.bytes = NULL};
    header head = {.rs256 = false};
    accs_error error = take_apart(token, &found);

    if (error == ACCS_ERROR_MEMORY)
        verdict = ACCS_JWT_NO_MEMORY;
    if (error != ACCS_OK)
        goto done;
    verdict = read_header(found.header, &head);
    if (verdict == ACCS_JWT_GOOD)
        verdict = check_signature(&found, &head.kid, check->keys);
    if (verdict == ACCS_JWT_GOOD)
        verdict = accs_jwt_claims_check(found.claims, check);

done:
    accs_secret_cleanup(&head.kid);
    free_parts(&found);
    return verdict;
}

accs_error accs_jwt_claims(accs_text token, accs_text *claims)
{
    accs_secret copy = {.bytes = NULL};
    accs_jwt_object object = {.name_count = 0}; /* nothing but the form */
    parts found = {.bytes = NULL};
    accs_error error = take_apart(token, &found);

    if (error == ACCS_OK)
        error = accs_jwt_document_read(found.claims, &object);
    if (error == ACCS_OK)
        error = accs_secret_set(&copy, found.claims.bytes, found.claims.len);
    if (error == ACCS_OK)
        *claims = (accs_text){.bytes = copy.bytes, .len = copy.len};
    free_parts(&found);
    return error;
}

accs_error accs_jwt_facts_read(accs_text token, accs_jwt_facts *facts)
{
    parts found = {.bytes = NULL};
    accs_error error = take_apart(token, &found);

    if (error == ACCS_OK)
        error = accs_jwt_claims_facts(found.claims, facts);
    free_parts(&found);
    return error;
}

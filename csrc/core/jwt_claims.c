#include "jwt_claims.h"

#include "jwt_object.h"

#include <string.h>

/* The end of the year 9999: what is beyond is a mistake, and sums of two stay far from 64 bit. */
static const int64_t LATEST_S = 253402300799;
static const int64_t LATEST_MS = 253402300799 * INT64_C(1000) + 999;

/* Times come first, then texts, as the arrays below have them. */
typedef enum claim {
    EXP = 0,
    NBF,
    IAT,
    CREATED_AT,
    EXPIRES_IN,
    TIME_COUNT,
    ISS = TIME_COUNT,
    AUD,
    CLIENT_ID,
    TYPE,
    SUBJECT,
    CLAIM_COUNT,
} claim;

enum { TEXT_COUNT = SUBJECT - TIME_COUNT };

static const char *const NAMES[CLAIM_COUNT] = {
    [EXP] = "exp",
    [NBF] = "nbf",
    [IAT] = "iat",
    [CREATED_AT] = "created_at",
    [EXPIRES_IN] = "expires_in",
    [ISS] = "iss",
    [AUD] = "aud",
    [CLIENT_ID] = "client_id",
    [TYPE] = "type",
    [SUBJECT] = "sub",
};

/* How a time stands in the claims. */
typedef struct moment {
    bool there;
    bool readable; /* then ms is it */
    int64_t ms;
} moment;

/* How a text stands to what is wanted. */
typedef enum fit { ABSENT = 0, UNREADABLE, OTHER, SAME } fit;

typedef struct claims {
    const char *wanted[TEXT_COUNT]; /* NULL or empty: not looked at */
    moment times[TIME_COUNT];
    fit fits[TEXT_COUNT];
    char subject[ACCS_JWT_SUBJECT_MAX + 1];
} claims;

/* -------------------------------------------------------------- reading */

/* A NumericDate (RFC 7519, 2): seconds, with a fraction at will. */
static moment read_seconds(const accs_json_event *value)
{
    moment read = {.there = true};

    if (value->kind == ACCS_JSON_INTEGER && value->integer >= 0 && value->integer <= LATEST_S) {
        read.readable = true;
        read.ms = 1000 * value->integer;
    }
    if (value->kind == ACCS_JSON_FLOAT && value->number >= 0 && value->number <= (double)LATEST_S) {
        read.readable = true;
        read.ms = (int64_t)(1000 * value->number);
    }
    return read;
}

/* Milliseconds as Adobe writes them: digits in a string; also an integer. */
static moment read_ms(const accs_json_event *value)
{
    moment read = {.there = true, .ms = value->kind == ACCS_JSON_INTEGER ? value->integer : 0};

    if (value->kind != ACCS_JSON_INTEGER) {
        if (value->kind != ACCS_JSON_STRING || value->text_len == 0 || value->text_len > 15)
            return read;
        for (size_t i = 0; i < value->text_len; i++) {
            if (value->text[i] < '0' || value->text[i] > '9')
                return read;
            read.ms = 10 * read.ms + (value->text[i] - '0');
        }
    }
    read.readable = read.ms >= 0 && read.ms <= LATEST_MS;
    return read;
}

static fit fit_of(const accs_json_event *value, const char *wanted)
{
    if (value->kind != ACCS_JSON_STRING)
        return UNREADABLE;
    return accs_jwt_is_text(value, wanted) ? SAME : OTHER;
}

/* An audience is a string, or a list of them (RFC 7519, 4.1.3). */
static accs_error read_audience(accs_json_reader *reader, const accs_json_event *value,
                                const char *wanted, fit *found)
{
    accs_error error = ACCS_OK;

    if (value->kind != ACCS_JSON_ARRAY) {
        *found = fit_of(value, wanted);
        return accs_jwt_skip(reader, value->kind);
    }
    *found = OTHER;
    while (error == ACCS_OK) {
        accs_json_event entry;
        fit of_entry;

        error = accs_jwt_next(reader, &entry);
        if (error != ACCS_OK || entry.kind == ACCS_JSON_ARRAY_END)
            break;
        of_entry = fit_of(&entry, wanted);
        if (of_entry == UNREADABLE || (of_entry == SAME && *found == OTHER))
            *found = of_entry;
        error = accs_jwt_skip(reader, entry.kind);
    }
    return error;
}

static void read_subject(const accs_json_event *value, char subject[ACCS_JWT_SUBJECT_MAX + 1])
{
    if (value->kind != ACCS_JSON_STRING || value->text_len > ACCS_JWT_SUBJECT_MAX ||
        memchr(value->text, '\0', value->text_len) != NULL)
        return;
    memcpy(subject, value->text, value->text_len);
    subject[value->text_len] = '\0';
}

static accs_error take_claim(void *into, size_t member, accs_json_reader *reader,
                             const accs_json_event *value)
{
    claims *read = into;
    const char *wanted = NULL;

    if (member < TIME_COUNT) {
        read->times[member] =
            member == CREATED_AT || member == EXPIRES_IN ? read_ms(value) : read_seconds(value);
    } else if (member == SUBJECT) {
        read_subject(value, read->subject);
    } else {
        wanted = read->wanted[member - TIME_COUNT];
    }
    if (wanted != NULL && member == AUD)
        return read_audience(reader, value, wanted, &read->fits[AUD - TIME_COUNT]);
    if (wanted != NULL)
        read->fits[member - TIME_COUNT] = fit_of(value, wanted);
    return accs_jwt_skip(reader, value->kind);
}

static accs_error read_claims(accs_text text, claims *read)
{
    accs_jwt_object object = {
        .names = NAMES, .name_count = CLAIM_COUNT, .take = take_claim, .into = read};
    accs_error error = accs_jwt_document_read(text, &object);

    return error == ACCS_OK && object.repeated ? ACCS_ERROR_PARSE : error;
}

/* -------------------------------------------------------------- judging */

static const char *text_or_null(const char *text)
{
    return text != NULL && text[0] != '\0' ? text : NULL;
}

/* Whether it is made by whom, for whom and for what it is wanted. */
static accs_jwt_verdict check_texts(const claims *read)
{
    static const accs_jwt_verdict others[TEXT_COUNT] = {
        [ISS - TIME_COUNT] = ACCS_JWT_ISSUER,
        [AUD - TIME_COUNT] = ACCS_JWT_AUDIENCE,
        [CLIENT_ID - TIME_COUNT] = ACCS_JWT_CLIENT,
        [TYPE - TIME_COUNT] = ACCS_JWT_TYPE,
    };

    for (size_t i = 0; i < TEXT_COUNT; i++) {
        if (read->wanted[i] == NULL || read->fits[i] == SAME)
            continue;
        return read->fits[i] == OTHER ? others[i] : ACCS_JWT_CLAIMS;
    }
    return ACCS_JWT_GOOD;
}

static int64_t within(int64_t value, int64_t most)
{
    if (value < 0)
        return 0;
    return value < most ? value : most;
}

static accs_jwt_verdict check_times(const moment *times, const accs_jwt_check *check)
{
    const moment *exp = &times[EXP];
    const moment *nbf = &times[NBF];
    const moment *created = &times[CREATED_AT];
    const moment *life = &times[EXPIRES_IN];
    int64_t now_ms = 1000 * within(check->now_s, LATEST_S);
    int64_t leeway_ms = 1000 * within(check->leeway_s, LATEST_S);

    if (!exp->there && !life->there)
        return ACCS_JWT_CLAIMS;
    if ((exp->there && !exp->readable) || (nbf->there && !nbf->readable) ||
        (created->there && !created->readable) || (life->there && !life->readable) ||
        (life->there && !created->there))
        return ACCS_JWT_CLAIMS;
    if ((exp->there && now_ms - leeway_ms >= exp->ms) ||
        (life->there && now_ms - leeway_ms >= created->ms + life->ms))
        return ACCS_JWT_EXPIRED;
    if ((nbf->there && now_ms + leeway_ms < nbf->ms) ||
        (created->there && now_ms + leeway_ms < created->ms))
        return ACCS_JWT_NOT_YET;
    return ACCS_JWT_GOOD;
}

/* --------------------------------------------------------------- public */

accs_jwt_verdict accs_jwt_claims_check(accs_text text, const accs_jwt_check *check)
{
    claims read = {.wanted = {[ISS - TIME_COUNT] = text_or_null(check->issuer),
                              [AUD - TIME_COUNT] = text_or_null(check->audience),
                              [CLIENT_ID - TIME_COUNT] = text_or_null(check->client),
                              [TYPE - TIME_COUNT] = text_or_null(check->type)}};
    accs_jwt_verdict verdict;

    switch (read_claims(text, &read)) {
    case ACCS_OK:
        verdict = check_texts(&read);
        return verdict == ACCS_JWT_GOOD ? check_times(read.times, check) : verdict;
    case ACCS_ERROR_MEMORY:
        return ACCS_JWT_NO_MEMORY;
    default:
        return ACCS_JWT_MALFORMED;
    }
}

accs_error accs_jwt_claims_facts(accs_text text, accs_jwt_facts *facts)
{
    claims read = {.subject = ""};
    accs_error error = read_claims(text, &read);

    if (error != ACCS_OK)
        return error;
    /* What could not be read is 0 already, but for what is too large or negative. */
    *facts = (accs_jwt_facts){
        .created_at_ms = read.times[CREATED_AT].readable ? read.times[CREATED_AT].ms : 0,
        .expires_in_ms = read.times[EXPIRES_IN].readable ? read.times[EXPIRES_IN].ms : 0,
        .exp_s = read.times[EXP].ms / 1000,
        .iat_s = read.times[IAT].ms / 1000,
    };
    memcpy(facts->subject, read.subject, sizeof facts->subject);
    return ACCS_OK;
}

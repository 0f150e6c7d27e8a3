#include "token_record.h"

#include <string.h>

#include "limits.h"

/* The first byte. A number greater by one says that older readers must not read on. */
enum { VERSION = 1 };

/* A field: number (1 byte), length (4, big-endian), bytes; a time is 8 bytes, big-endian. */
enum { HEAD_BYTES = 5, TIME_BYTES = 8 };

typedef struct field {
    unsigned char number; /* never used again for something else */
    bool is_time;         /* else an accs_secret */
    size_t offset;
} field;

static const field FIELDS[] = {
    {1, false, offsetof(accs_token_record, access_token)},
    {2, true, offsetof(accs_token_record, expires_wall_ms)},
    {3, true, offsetof(accs_token_record, life_ms)},
    {4, true, offsetof(accs_token_record, saved_wall_ms)},
    {5, false, offsetof(accs_token_record, id_token)},
    {6, false, offsetof(accs_token_record, refresh_token)},
    {7, false, offsetof(accs_token_record, previous_refresh_token)},
    {8, true, offsetof(accs_token_record, intent_wall_ms)},
};

enum { FIELD_COUNT = sizeof FIELDS / sizeof FIELDS[0] };

static const void *value_of(const accs_token_record *record, const field *at)
{
    return (const char *)record + at->offset;
}

/* ----------------------------------------------------------------- write */

/* Bytes of a value; 0 where there is nothing to be written. */
static size_t value_len(const accs_token_record *record, const field *at)
{
    const void *value = value_of(record, at);

    if (at->is_time)
        return *(const int64_t *)value != 0 ? TIME_BYTES : 0;
    return ((const accs_secret *)value)->len;
}

static void put_number(unsigned char *bytes, size_t bytes_len, uint64_t number)
{
    while (bytes_len-- > 0) {
        bytes[bytes_len] = (unsigned char)(number & 0xff);
        number >>= 8;
    }
}

/* Into room that was reserved. */
static accs_error append_field(const accs_token_record *record, const field *at, size_t len,
                               accs_buffer *bytes)
{
    const void *value = value_of(record, at);
    unsigned char head[HEAD_BYTES] = {at->number};
    unsigned char time[TIME_BYTES];
    accs_error error;

    put_number(head + 1, sizeof head - 1, len);
    error = accs_buffer_append(bytes, head, sizeof head);
    if (error != ACCS_OK)
        return error;
    if (!at->is_time)
        return accs_buffer_append(bytes, ((const accs_secret *)value)->bytes, len);
    put_number(time, sizeof time, (uint64_t) * (const int64_t *)value);
    return accs_buffer_append(bytes, time, sizeof time);
}

accs_error accs_token_record_write(const accs_token_record *record, accs_buffer *bytes)
{
    const unsigned char version = VERSION;
    size_t needed = sizeof version;
    accs_error error;

    for (size_t i = 0; i < FIELD_COUNT; i++) {
        size_t len = value_len(record, &FIELDS[i]);

        if (len > ACCS_LIMIT_TOKEN_MAX)
            return ACCS_ERROR_TOO_LARGE;
        if (len > 0)
            needed += HEAD_BYTES + len;
    }
    error = accs_buffer_reserve(bytes, needed);
    if (error == ACCS_OK)
        error = accs_buffer_append(bytes, &version, sizeof version);
    for (size_t i = 0; i < FIELD_COUNT && error == ACCS_OK; i++) {
        size_t len = value_len(record, &FIELDS[i]);

        if (len > 0)
            error = append_field(record, &FIELDS[i], len, bytes);
    }
    return error;
}

/* ------------------------------------------------------------------ read */

static uint64_t get_number(const unsigned char *bytes, size_t bytes_len)
{
    uint64_t number = 0;

    for (size_t i = 0; i < bytes_len; i++)
        number = number << 8 | bytes[i];
    return number;
}

/* Two's complement, without a conversion that C leaves to the compiler. */
static int64_t get_time(const unsigned char *bytes)
{
    uint64_t number = get_number(bytes, TIME_BYTES);

    return number <= INT64_MAX ? (int64_t)number : -1 - (int64_t)(UINT64_MAX - number);
}

static accs_error read_field(accs_token_record *record, const field *at, const unsigned char *bytes,
                             size_t bytes_len)
{
    void *value = (char *)record + at->offset;

    if (at->is_time) {
        if (bytes_len != TIME_BYTES)
            return ACCS_ERROR_PARSE;
        *(int64_t *)value = get_time(bytes);
        return ACCS_OK;
    }
    if (bytes_len == 0 || bytes_len > ACCS_LIMIT_TOKEN_MAX || memchr(bytes, 0, bytes_len) != NULL)
        return ACCS_ERROR_PARSE;
    return accs_secret_set(value, (const char *)bytes, bytes_len);
}

/* A known field, once. */
static accs_error take_field(accs_token_record *record, unsigned char number, unsigned *seen,
                             const unsigned char *bytes, size_t bytes_len)
{
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (FIELDS[i].number != number)
            continue;
        if (*seen & 1U << i)
            return ACCS_ERROR_PARSE;
        *seen |= 1U << i;
        return read_field(record, &FIELDS[i], bytes, bytes_len);
    }
    return ACCS_OK; /* of a newer version */
}

accs_error accs_token_record_read(const void *bytes, size_t bytes_len, accs_token_record *record)
{
    const unsigned char *at = bytes;
    accs_token_record found = {.life_ms = 0};
    accs_error error = ACCS_OK;
    unsigned seen = 0; /* a bit for each of FIELDS */

    if (bytes_len == 0 || *at != VERSION)
        return ACCS_ERROR_PARSE;
    at++;
    bytes_len--;
    while (bytes_len > 0 && error == ACCS_OK) {
        uint64_t len = bytes_len < HEAD_BYTES ? UINT64_MAX : get_number(at + 1, HEAD_BYTES - 1);

        if (bytes_len < HEAD_BYTES || len > bytes_len - HEAD_BYTES) {
            error = ACCS_ERROR_PARSE;
            break;
        }
        error = take_field(&found, *at, &seen, at + HEAD_BYTES, (size_t)len);
        at += HEAD_BYTES + len;
        bytes_len -= HEAD_BYTES + (size_t)len;
    }
    if (error == ACCS_OK) {
        *record = found;
        return ACCS_OK;
    }
    accs_token_record_cleanup(&found);
    return error;
}

/* ------------------------------------------------------------ life cycle */

accs_error accs_token_record_copy(accs_token_record *to, const accs_token_record *from)
{
    accs_token_record copy = *from; /* the times; the texts are replaced below */
    accs_error error = ACCS_OK;

    for (size_t i = 0; i < FIELD_COUNT; i++) {
        const accs_secret *value = value_of(from, &FIELDS[i]);
        accs_secret *copied = (accs_secret *)((char *)&copy + FIELDS[i].offset);

        if (FIELDS[i].is_time)
            continue;
        *copied = (accs_secret){0};
        if (value->bytes != NULL && error == ACCS_OK)
            error = accs_secret_set(copied, value->bytes, value->len);
    }
    if (error != ACCS_OK)
        accs_token_record_cleanup(&copy);
    accs_token_record_cleanup(to); /* after the copy: it may be the same */
    *to = copy;
    return error;
}

void accs_token_record_cleanup(accs_token_record *record)
{
    accs_secret_cleanup(&record->access_token);
    accs_secret_cleanup(&record->id_token);
    accs_secret_cleanup(&record->refresh_token);
    accs_secret_cleanup(&record->previous_refresh_token);
    *record = (accs_token_record){.life_ms = 0};
}

#include "buffer.h"

#include <stdlib.h>
#include <string.h>

#include "secret.h"

enum { FIRST_CAPACITY = 256 };

/* The next capacity for needed bytes (NUL included) of a buffer that may have capacity_max. */
static size_t grown(size_t capacity, size_t needed, size_t capacity_max)
{
    size_t size = capacity < FIRST_CAPACITY ? FIRST_CAPACITY : capacity;

    while (size < needed && size <= capacity_max / 2)
        size *= 2;
    return size < needed || size > capacity_max ? capacity_max : size;
}

void accs_buffer_init(accs_buffer *buffer, size_t max)
{
    *buffer = (accs_buffer){.max = max < SIZE_MAX ? max : SIZE_MAX - 1};
}

void accs_buffer_cleanup(accs_buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (accs_buffer){.max = buffer->max};
}

void accs_buffer_wipe(accs_buffer *buffer)
{
    if (buffer->bytes != NULL)
        accs_wipe(buffer->bytes, buffer->capacity);
    accs_buffer_cleanup(buffer);
}

void accs_buffer_clear(accs_buffer *buffer)
{
    buffer->len = 0;
    if (buffer->bytes != NULL)
        buffer->bytes[0] = '\0';
}

accs_error accs_buffer_reserve(accs_buffer *buffer, size_t more)
{
    size_t capacity;
    char *bytes;

    if (more > buffer->max - buffer->len)
        return ACCS_ERROR_TOO_LARGE;
    if (buffer->len + more < buffer->capacity)
        return ACCS_OK;
    capacity = grown(buffer->capacity, buffer->len + more + 1, buffer->max + 1);
    /* Not realloc(): that may leave a copy of a secret behind. */
    bytes = capacity <= PTRDIFF_MAX ? malloc(capacity) : NULL;
    if (bytes == NULL)
        return ACCS_ERROR_MEMORY;
    if (buffer->bytes != NULL) {
        memcpy(bytes, buffer->bytes, buffer->len);
        accs_wipe(buffer->bytes, buffer->capacity);
        free(buffer->bytes);
    }
    bytes[buffer->len] = '\0';
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    return ACCS_OK;
}

accs_error accs_buffer_append(accs_buffer *buffer, const void *bytes, size_t bytes_len)
{
    accs_error error = accs_buffer_reserve(buffer, bytes_len);

    if (error != ACCS_OK)
        return error;
    if (bytes_len > 0)
        memcpy(buffer->bytes + buffer->len, bytes, bytes_len);
    buffer->len += bytes_len;
    buffer->bytes[buffer->len] = '\0';
    return ACCS_OK;
}

accs_error accs_buffer_append_text(accs_buffer *buffer, const char *text)
{
    return accs_buffer_append(buffer, text, strlen(text));
}

char *accs_buffer_take(accs_buffer *buffer, size_t *bytes_len)
{
    char *bytes = buffer->bytes;

    if (bytes_len != NULL)
        *bytes_len = buffer->len;
    if (buffer->len == 0) {
        free(bytes);
        bytes = NULL;
    }
    *buffer = (accs_buffer){.max = buffer->max};
    return bytes;
}

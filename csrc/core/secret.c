#include "secret.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

static const char STARS[] = "***";

accs_error accs_secret_set(accs_secret *secret, const char *bytes, size_t bytes_len)
{
    char *copy = bytes_len < SIZE_MAX ? malloc(bytes_len + 1) : NULL;

    if (copy == NULL)
        return ACCS_ERROR_MEMORY;
    if (bytes_len > 0)
        memcpy(copy, bytes, bytes_len);
    copy[bytes_len] = '\0';
    accs_secret_cleanup(secret); /* after the copy: bytes may be the secret's own */
    secret->bytes = copy;
    secret->len = bytes_len;
    return ACCS_OK;
}

void accs_secret_cleanup(accs_secret *secret)
{
    if (secret->bytes != NULL)
        accs_wipe(secret->bytes, secret->len);
    free(secret->bytes);
    *secret = (accs_secret){0};
}

void accs_auth_text_free(accs_text *text)
{
    /* Was ours from the start, so the const is ours too. */
    accs_secret held = {.bytes = (char *)(uintptr_t)text->bytes, .len = text->len};

    accs_secret_cleanup(&held);
    *text = (accs_text){0};
}

bool accs_secret_equal(const accs_secret *left, const accs_secret *right)
{
    if (left->bytes == NULL || right->bytes == NULL)
        return left->bytes == right->bytes;
    return left->len == right->len && CRYPTO_memcmp(left->bytes, right->bytes, left->len) == 0;
}

accs_error accs_secret_list_set(accs_secret_list *list, const accs_text *texts, size_t text_count)
{
    accs_secret_list made = {.count = text_count};

    if (text_count > 0) {
        made.items = calloc(text_count, sizeof *made.items);
        if (made.items == NULL)
            return ACCS_ERROR_MEMORY;
    }
    for (size_t i = 0; i < text_count; i++) {
        if (accs_secret_set(&made.items[i], texts[i].bytes, texts[i].len) != ACCS_OK) {
            accs_secret_list_cleanup(&made);
            return ACCS_ERROR_MEMORY;
        }
    }
    accs_secret_list_cleanup(list);
    *list = made;
    return ACCS_OK;
}

void accs_secret_list_cleanup(accs_secret_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        accs_secret_cleanup(&list->items[i]);
    free(list->items);
    *list = (accs_secret_list){.items = NULL};
}

bool accs_secret_list_same(const accs_secret_list *list, const accs_text *texts, size_t text_count)
{
    bool same = list->count == text_count;

    for (size_t i = 0; same && i < text_count; i++)
        same = list->items[i].len == texts[i].len &&
               CRYPTO_memcmp(list->items[i].bytes, texts[i].bytes, texts[i].len) == 0;
    return same;
}

void accs_wipe(void *bytes, size_t bytes_len)
{
    OPENSSL_cleanse(bytes, bytes_len);
}

void accs_secret_redact(const accs_secret *secret, char *text)
{
    size_t stars = sizeof STARS - 1;
    size_t left = strlen(text) + 1; /* the NUL moves with the rest */
    char *from = text;
    char *found;

    if (secret->bytes == NULL || secret->len == 0)
        return;
    if (stars > secret->len)
        stars = secret->len;
    while ((found = memmem(from, left, secret->bytes, secret->len)) != NULL) {
        left -= (size_t)(found - from) + secret->len;
        memcpy(found, STARS, stars);
        memmove(found + stars, found + secret->len, left);
        accs_wipe(found + stars + left, secret->len - stars); /* what lies behind the new end */
        from = found + stars;
    }
}

void accs_secret_redact_cut(const accs_secret *secret, char *text)
{
    size_t text_len = strlen(text);
    size_t part_len = text_len < secret->len ? text_len : secret->len;

    for (; part_len > 0; part_len--) {
        char *part = text + text_len - part_len;

        if (memcmp(part, secret->bytes, part_len) == 0) {
            accs_wipe(part, part_len);
            return;
        }
    }
}

#include "access_token.h"

#include "buffer.h"

#include <stdlib.h>

static const char prefix[] = "Authorization: Bearer ";

accs_token *accs_token_hold(accs_token *token)
{
    token->references++;
    return token;
}

void accs_token_release(accs_token *token)
{
    if (token == NULL || --token->references > 0)
        return;
    accs_secret_cleanup(&token->line);
    free(token);
}

bool accs_token_dead(const accs_token *token, const accs_now *now)
{
    return token->expires_ms <= now->boot_ms;
}

accs_token *accs_token_new(const accs_secret *access_token, int64_t life_ms, int64_t boot_ms)
{
    accs_token *token = calloc(1, sizeof *token);
    accs_buffer line;

    if (token == NULL)
        return NULL;
    accs_buffer_init(&line, sizeof prefix + access_token->len);
    if (accs_buffer_append_text(&line, prefix) != ACCS_OK ||
        accs_buffer_append(&line, access_token->bytes, access_token->len) != ACCS_OK ||
        accs_secret_set(&token->line, line.bytes, line.len) != ACCS_OK) {
        free(token);
        token = NULL;
        goto done;
    }
    token->references = 1;
    token->life_ms = life_ms;
    token->expires_ms = life_ms < INT64_MAX - boot_ms ? boot_ms + life_ms : INT64_MAX;

done:
    accs_buffer_wipe(&line);
    return token;
}

accs_text accs_token_text(const accs_token *token)
{
    return (accs_text){token->line.bytes + sizeof prefix - 1,
                       token->line.len - (sizeof prefix - 1)};
}

void accs_token_redact(const accs_token *token, char *text)
{
    /* Borrowed: the bytes behind the prefix. */
    const accs_secret bare = {.bytes = token->line.bytes + sizeof prefix - 1,
                              .len = token->line.len - (sizeof prefix - 1)};

    accs_secret_redact(&bare, text);
}

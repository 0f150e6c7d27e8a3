/* A token in use. Calls hold references, so that a newer one may take its place meanwhile. */
#ifndef ACCS_ACCESS_TOKEN_H
#define ACCS_ACCESS_TOKEN_H

#include "clock.h"
#include "secret.h"

typedef struct accs_token {
    size_t references;
    accs_secret line; /* "Authorization: Bearer ..." */
    int64_t life_ms;
    int64_t expires_ms; /* on the boot clock */
    bool accepted;      /* by the service, once at least */
} accs_token;

/* boot_ms: when it was received. One reference is the caller's. NULL without memory. */
accs_token *accs_token_new(const accs_secret *access_token, int64_t life_ms, int64_t boot_ms);
accs_token *accs_token_hold(accs_token *token);
/* NULL is fine; the last release wipes. */
void accs_token_release(accs_token *token);

/* The token itself; borrowed. */
accs_text accs_token_text(const accs_token *token);

/* Replaces the token in a text by "***". */
void accs_token_redact(const accs_token *token, char *text);

bool accs_token_dead(const accs_token *token, const accs_now *now);

#endif

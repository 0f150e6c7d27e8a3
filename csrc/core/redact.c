#include "redact.h"

#include <string.h>

enum { NAME_MAX_KEPT = 64 };

/* Letters and digits alone are compared, so that access_token, accessToken, access-token and
 * x[access%5Ftoken] are one. */
static const char *const anywhere[] = {"token",      "secret",     "password",      "passwd",
                                       "passphrase", "signature",  "apikey",        "accesskey",
                                       "privatekey", "credential", "authorization", "assertion"};
static const char *const whole[] = {"sig", "key", "pwd", "pass", "auth", "code", "jwt", "pin"};

static int hex_digit(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    digit = (char)(digit | 0x20);
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* The byte at *at, decoded, moving *at behind it. */
static char take_byte(const char *name, size_t name_len, size_t *at)
{
    char byte = name[(*at)++];

    if (byte == '%' && *at + 1 < name_len) {
        int high = hex_digit(name[*at]);
        int low = hex_digit(name[*at + 1]);

        if (high >= 0 && low >= 0) {
            *at += 2;
            return (char)(high << 4 | low);
        }
    }
    return byte;
}

bool accs_redact_is_secret(const char *name, size_t name_len)
{
    char plain[NAME_MAX_KEPT + 1];
    size_t plain_len = 0;

    for (size_t at = 0; at < name_len;) {
        char byte = take_byte(name, name_len, &at);

        if (byte >= 'A' && byte <= 'Z')
            byte = (char)(byte | 0x20);
        if ((byte < 'a' || byte > 'z') && (byte < '0' || byte > '9'))
            continue;
        if (plain_len == NAME_MAX_KEPT) { /* the end of a long name tells what it is */
            memmove(plain, plain + 1, NAME_MAX_KEPT - 1);
            plain_len--;
        }
        plain[plain_len++] = byte;
    }
    plain[plain_len] = '\0';
    for (size_t i = 0; i < sizeof anywhere / sizeof anywhere[0]; i++)
        if (strstr(plain, anywhere[i]) != NULL)
            return true;
    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++)
        if (strcmp(plain, whole[i]) == 0)
            return true;
    return false;
}

typedef struct target {
    char *out;
    size_t left; /* without the NUL */
} target;

static void put(target *to, const char *text, size_t text_len)
{
    size_t len = text_len < to->left ? text_len : to->left;

    memcpy(to->out, text, len);
    to->out += len;
    to->left -= len;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): out is written through the target */
void accs_url_redact(const char *url, char *out, size_t out_size)
{
    target to = {out, out_size > 0 ? out_size - 1 : 0};
    const char *at = url + strcspn(url, "?#");

    if (out_size == 0)
        return;
    put(&to, url, (size_t)(at - url));
    while (*at != '\0' && to.left > 0) {
        size_t name_len;
        size_t value_len;

        put(&to, at++, 1); /* "?", "&", ";" or "#" */
        name_len = strcspn(at, "=&;#");
        put(&to, at, name_len);
        if (at[name_len] != '=') {
            at += name_len;
            continue;
        }
        put(&to, "=", 1);
        value_len = strcspn(at + name_len + 1, "&;#");
        if (value_len > 0 && accs_redact_is_secret(at, name_len))
            put(&to, "***", 3);
        else
            put(&to, at + name_len + 1, value_len);
        at += name_len + 1 + value_len;
    }
    *to.out = '\0';
}

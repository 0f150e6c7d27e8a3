/* needs: csrc/core/redact.c */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "redact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition)
        abort();
}

/* A value of a credential is stars: found anew, as a reader would look for parameters. */
static void shows_none(const char *url)
{
    const char *at = url + strcspn(url, "?#");

    while (*at != '\0') {
        const char *name = ++at;
        size_t name_len = strcspn(name, "=&;#");

        at = name + strcspn(name, "&;#");
        if (name[name_len] == '=' && accs_redact_is_secret(name, name_len)) {
            const char *value = name + name_len + 1;

            must(value == at || (at - value == 3 && memcmp(value, "***", 3) == 0));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *url = malloc(size + 1);
    char *whole = malloc(3 * size + 1);
    char *again = malloc(9 * size + 1);
    char *cut = malloc(size / 2 + 1);

    if (url == NULL || whole == NULL || again == NULL || cut == NULL)
        goto done;
    if (size > 0)
        memcpy(url, data, size);
    url[size] = '\0';
    accs_url_redact(url, whole, 3 * strlen(url) + 1);
    shows_none(whole);
    accs_url_redact(whole, again, 3 * strlen(whole) + 1);
    must(strcmp(whole, again) == 0);
    accs_url_redact(url, cut, size / 2 + 1);
    must(strncmp(whole, cut, strlen(cut)) == 0);

done:
    free(cut);
    free(again);
    free(whole);
    free(url);
    return 0;
}

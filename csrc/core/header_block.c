#include "header_block.h"

#include <stdlib.h>
#include <string.h>

static size_t line_room(const accs_header *header)
{
    return strlen(header->name) + sizeof ": " + (header->value != NULL ? strlen(header->value) : 0);
}

static char *put(char *to, const char *text)
{
    size_t len = strlen(text);

    memcpy(to, text, len);
    return to + len;
}

/* Writes the line as libcurl wants it and returns the byte behind its NUL. */
static char *put_line(char *to, const accs_header *header)
{
    bool valued = header->value != NULL && header->value[0] != '\0';

    to = put(to, header->name);
    to = put(to, valued ? ": " : (header->value != NULL ? ";" : ":"));
    if (valued)
        to = put(to, header->value);
    *to = '\0';
    return to + 1;
}

struct curl_slist *accs_header_block_new(const accs_header *headers, size_t header_count,
                                         struct curl_slist *tail)
{
    size_t count = header_count + 1;
    size_t room = count * sizeof(struct curl_slist);
    struct curl_slist *nodes;
    char *text;

    for (size_t i = 0; i < header_count; i++)
        room += line_room(&headers[i]);
    nodes = malloc(room);
    if (nodes == NULL)
        return NULL;
    text = (char *)(nodes + count);
    for (size_t i = 0; i < count; i++) {
        nodes[i].data = NULL; /* the first: the token's line, set for each attempt */
        nodes[i].next = i + 1 < count ? &nodes[i + 1] : tail;
        if (i > 0) {
            nodes[i].data = text;
            text = put_line(text, &headers[i - 1]);
        }
    }
    return nodes;
}

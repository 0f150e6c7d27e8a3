#include "loopback_head.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "limits.h"

enum { HEADERS_MAX = 512 };

/* X(status, reason phrase, what a person reads) */
#define STATUS_LIST(X)                                                                             \
    X(200, "OK", "")                                                                               \
    X(204, "No Content", "")                                                                       \
    X(400, "Bad Request", "This is not a request that can be read here.\n")                        \
    X(404, "Not Found", "There is nothing here but the end of a sign-in.\n")                       \
    X(405, "Method Not Allowed", "Only GET is answered here.\n")                                   \
    X(421, "Misdirected Request", "This listener goes by another name.\n")                         \
    X(403, "Forbidden", "This address begins with https.\n")                                       \
    X(431, "Request Header Fields Too Large", "The head of this request is too long.\n")           \
    X(505, "HTTP Version Not Supported", "HTTP/1.1 is spoken here.\n")

typedef struct status_words {
    int status;
    const char *reason;
    const char *text;
} status_words;

static const status_words STATUSES[] = {
#define STATUS_ROW(status, reason, text) {status, reason, text},
    STATUS_LIST(STATUS_ROW)
#undef STATUS_ROW
};

typedef struct page_words {
    int status;
    const char *title;
    const char *text;
} page_words;

static const page_words PAGES[] = {
    [ACCS_LOOPBACK_FOREIGN] = {400, "Not this sign-in",
                               "This is not the answer that is being waited for. Go on in the "
                               "window that was opened for the sign-in."},
    [ACCS_LOOPBACK_ACCEPTED] = {200, "Signed in",
                                "You can close this window and go back to the program."},
    [ACCS_LOOPBACK_FAILED] = {400, "Not signed in",
                              "The sign-in did not succeed. The program says why; you can close "
                              "this window."},
};

static const status_words *words_of(int status)
{
    for (size_t i = 0; i < sizeof STATUSES / sizeof STATUSES[0]; i++)
        if (STATUSES[i].status == status)
            return &STATUSES[i];
    return &STATUSES[2];
}

/* Takes a line off the rest, without its end (LF or CR LF); false when there is no end. */
static bool take_line(accs_text *rest, accs_text *line)
{
    const char *end = memchr(rest->bytes, '\n', rest->len);

    if (end == NULL)
        return false;
    *line = (accs_text){rest->bytes, (size_t)(end - rest->bytes)};
    rest->bytes = end + 1;
    rest->len -= line->len + 1;
    if (line->len > 0 && line->bytes[line->len - 1] == '\r')
        line->len--;
    return true;
}

/* Takes what stands before a blank. */
static accs_text take_word(accs_text *line)
{
    const char *end = memchr(line->bytes, ' ', line->len);
    accs_text word = {line->bytes, end == NULL ? line->len : (size_t)(end - line->bytes)};
    size_t taken = end == NULL ? word.len : word.len + 1;

    line->bytes += taken;
    line->len -= taken;
    return word;
}

static bool is(accs_text text, const char *wanted)
{
    return text.len == strlen(wanted) && memcmp(text.bytes, wanted, text.len) == 0;
}

static bool visible(accs_text text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.bytes[i] <= ' ' || (unsigned char)text.bytes[i] > '~')
            return false;
    return text.len > 0;
}

static bool blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Whether a Host field names what is listened on; a port may be left out where it is implied. */
static bool named(const accs_loopback_target *target, accs_text host)
{
    size_t name_len = strlen(target->host);
    char port[16];

    if (host.len < name_len || strncasecmp(host.bytes, target->host, name_len) != 0)
        return false;
    host.bytes += name_len;
    host.len -= name_len;
    snprintf(port, sizeof port, ":%u", target->port);
    return is(host, port) || (host.len == 0 && target->port == (target->https ? 443U : 80U));
}

/*
 * Reads the fields up to the empty line that ends them: 0 while it has not come, 400 for what is
 * no field and for another number of Hosts than one, 421 for a foreign one, else 200.
 */
static int look_at_fields(const accs_loopback_target *target, accs_text rest)
{
    unsigned hosts = 0;
    bool ours = false;
    int status = 200;
    accs_text line;

    while (take_line(&rest, &line)) {
        const char *colon = memchr(line.bytes, ':', line.len);
        accs_text name = {line.bytes, colon == NULL ? 0 : (size_t)(colon - line.bytes)};
        accs_text value;

        if (line.len == 0 && status == 200)
            return hosts != 1 ? 400 : ours ? 200 : 421;
        if (line.len == 0)
            return status;
        if (colon == NULL || !visible(name) || memchr(line.bytes, '\0', line.len) != NULL) {
            status = 400; /* no name, or a folded line */
            continue;
        }
        value = (accs_text){colon + 1, line.len - name.len - 1};
        while (value.len > 0 && blank(*value.bytes))
            value = (accs_text){value.bytes + 1, value.len - 1};
        while (value.len > 0 && blank(value.bytes[value.len - 1]))
            value.len--;
        if (name.len == 4 && strncasecmp(name.bytes, "Host", 4) == 0) {
            hosts++;
            ours = named(target, value);
        }
    }
    return 0;
}

/* The query of a request target that is the redirect URI, or the status to refuse it with. */
static int look_at_path(const accs_loopback_target *target, accs_text path, accs_text *query)
{
    const char *mark = memchr(path.bytes, '?', path.len);

    if (!visible(path) || path.bytes[0] != '/')
        return 400;
    *query = (accs_text){"", 0};
    if (mark != NULL) {
        *query = (accs_text){mark + 1, path.len - (size_t)(mark - path.bytes) - 1};
        path.len = (size_t)(mark - path.bytes);
    }
    return is(path, target->path) ? 200 : 404;
}

void accs_loopback_look(const accs_loopback_target *target, const char *bytes, size_t bytes_len,
                        accs_loopback_ask *ask)
{
    accs_text rest = {bytes, bytes_len};
    accs_text line = {"", 0};
    accs_text method;
    accs_text path;
    accs_text query = {"", 0};

    *ask = (accs_loopback_ask){.status = 0};
    while (rest.len > 0 && (*rest.bytes == '\r' || *rest.bytes == '\n')) /* RFC 9112, 2.2 */
        rest = (accs_text){rest.bytes + 1, rest.len - 1};
    if (take_line(&rest, &line))
        ask->status = look_at_fields(target, rest);
    if (ask->status == 0) {
        ask->status = bytes_len >= ACCS_LIMIT_LOOPBACK_HEAD ? 431 : 0;
        return;
    }
    method = take_word(&line);
    path = take_word(&line);
    ask->head = is(method, "HEAD");
    if (!visible(method) || line.len != 8 || memcmp(line.bytes, "HTTP/", 5) != 0)
        ask->status = 400;
    else if (!is(line, "HTTP/1.1") && !is(line, "HTTP/1.0"))
        ask->status = 505;
    else if (ask->status == 200)
        ask->status = look_at_path(target, path, &query);
    if (ask->status == 200 && ask->head)
        ask->status = 204; /* a look at where a link goes is not the sign-in */
    else if (ask->status == 200 && !is(method, "GET"))
        ask->status = 405;
    if (ask->status == 200)
        ask->query = query;
}

static accs_error write_answer(int status, const char *type, const char *body, bool with_body,
                               accs_buffer *answer)
{
    char length[48] = "";
    char head[HEADERS_MAX];
    accs_error error;

    if (status != 204)
        snprintf(length, sizeof length, "Content-Length: %zu\r\n", strlen(body));
    snprintf(head, sizeof head,
             "HTTP/1.1 %d %s\r\nContent-Type: %s; charset=utf-8\r\n%s%s"
             "Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n"
             "X-Content-Type-Options: nosniff\r\n"
             "Content-Security-Policy: default-src 'none'; base-uri 'none'; form-action 'none'; "
             "frame-ancestors 'none'\r\nConnection: close\r\n\r\n",
             status, words_of(status)->reason, type, length,
             status == 405 ? "Allow: GET, HEAD\r\n" : "");
    error = accs_buffer_append_text(answer, head);
    if (error == ACCS_OK && with_body)
        error = accs_buffer_append_text(answer, body);
    return error;
}

accs_error accs_loopback_refuse(const accs_loopback_ask *ask, accs_buffer *answer)
{
    return write_answer(ask->status, "text/plain", words_of(ask->status)->text, !ask->head, answer);
}

accs_error accs_loopback_show(accs_loopback_page page, accs_buffer *answer)
{
    const page_words *words = &PAGES[page];
    char body[HEADERS_MAX];

    snprintf(body, sizeof body,
             "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">"
             "<title>%s</title></head>\n<body>\n<h1>%s</h1>\n<p>%s</p>\n</body>\n</html>\n",
             words->title, words->title, words->text);
    return write_answer(words->status, "text/html", body, true, answer);
}

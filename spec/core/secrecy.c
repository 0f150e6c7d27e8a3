/*
 * What is left of secrets in memory: runs a scene of spec/core/secrecy.lua, then looks in every
 * block that was ever allocated, freed ones as they were when they were freed, for what crossed the
 * wire: client secret, tokens, code, verifier, Basic header; plain, percent-encoded and in base64.
 *
 * usage: secrecy [-c] SCENE [NAME=VALUE...]
 *
 * NAME=VALUE: further secrets. -c: leaves two copies of the first secret behind, one of them freed:
 * a search that does not find them is of no use. Prints a line for each secret, then one for each
 * kind of find: owner, live or freed, secret, form, how many blocks, the largest, who asked.
 */
#include "ledger.h"

#include <ctype.h>
#include <dlfcn.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum {
    NEEDLES_MAX = 64,
    FINDS_MAX = 512,
    VALUE_MAX = 8192,
    PIECE = 24,
    SHOWN = 6,
    TRACE_TEXT = 600
};

int luaopen_accs_core(lua_State *L);

typedef struct needle {
    char name[24];
    char value[VALUE_MAX]; /* percent-decoded */
    size_t len;
} needle;

typedef struct find {
    char text[TRACE_TEXT];
    size_t count;
    size_t largest;
} find;

/* Static, so that no allocator holds them. */
static needle needles[NEEDLES_MAX];
static size_t needle_count;
static find finds[FINDS_MAX];
static size_t find_count;
static const char *now_name;
static const char *now_form;
static bool now_found; /* this form of this secret, in this block's kind */

/* --------------------------------------------------------------- secrets */

static void add_bytes(const char *name, const char *value, size_t len)
{
    needle *made = &needles[needle_count];

    if (len < 8 || len >= VALUE_MAX || needle_count == NEEDLES_MAX)
        return;
    memcpy(made->value, value, len);
    made->len = len;
    for (size_t i = 0; i < needle_count; i++)
        if (needles[i].len == made->len && memcmp(needles[i].value, made->value, made->len) == 0)
            return;
    snprintf(made->name, sizeof made->name, "%s", name);
    needle_count++;
}

static void add_needle(const char *name, const char *value, size_t len)
{
    char plain[VALUE_MAX];
    size_t plain_len = 0;

    for (size_t i = 0; i < len && plain_len < sizeof plain; i++) {
        unsigned byte = (unsigned char)value[i];

        if (byte == '%' && i + 2 < len && sscanf(value + i + 1, "%2x", &byte) == 1)
            i += 2;
        plain[plain_len++] = (char)byte;
    }
    add_bytes(name, plain, plain_len);
}

/* All that stands behind the mark, up to one of the ends. */
static void gather(const char *name, const char *mark, const char *ends, const char *bytes,
                   size_t len)
{
    const char *at = bytes;

    while ((at = memmem(at, len - (size_t)(at - bytes), mark, strlen(mark))) != NULL) {
        size_t value_len = 0;

        at += strlen(mark);
        while (at + value_len < bytes + len && strchr(ends, at[value_len]) == NULL)
            value_len++;
        add_needle(name, at, value_len);
    }
}

/* NAME=VALUE */
static void add_argument(const char *text)
{
    const char *mark = strchr(text, '=');
    char name[24];

    if (mark == NULL)
        return;
    snprintf(name, sizeof name, "%.*s", (int)(mark - text), text);
    add_needle(name, mark + 1, strlen(mark + 1));
}

/* Bodies of answers that were packed, one after the other; packed, a token is as good. */
static size_t unpack(const char *bytes, size_t len, char *out, size_t room)
{
    static const char head[] = "\x1f\x8b\x08";
    const char *at = bytes;
    size_t used = 0;

    while ((at = memmem(at, len - (size_t)(at - bytes), head, 3)) != NULL && used < room) {
        z_stream stream = {.next_in = (unsigned char *)(uintptr_t)at,
                           .avail_in = (unsigned)(len - (size_t)(at - bytes)),
                           .next_out = (unsigned char *)out + used,
                           .avail_out = (unsigned)(room - used)};

        if (inflateInit2(&stream, 15 + 16) != Z_OK)
            break;
        if (inflate(&stream, Z_FINISH) == Z_STREAM_END &&
            memmem(out + used, stream.total_out, "_token", 6) != NULL)
            add_bytes("packed", at, stream.total_in);
        used += stream.total_out;
        inflateEnd(&stream);
        at += 3;
    }
    return used;
}

static void gather_all(void)
{
    static char unpacked[1 << 20];
    static const struct {
        const char *name;
        const char *mark;
        const char *ends;
        bool sent;
    } places[] = {
        {"client_secret", "client_secret=", "& \r\n", true},
        {"basic", "Authorization: Basic ", "\r\n", true},
        {"code", "&code=", "& \r\n", true},
        {"code", "\ncode=", "& \r\n", true},
        {"access_token", "Authorization: Bearer ", "\r\n", true},
        {"verifier", "code_verifier=", "& \r\n", true},
        {"access_token", "\"access_token\":\"", "\"", false},
        {"refresh_token", "\"refresh_token\":\"", "\"", false},
        {"id_token", "\"id_token\":\"", "\"", false},
    };

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        size_t len;
        const char *bytes = places[i].sent ? ledger_sent(&len) : ledger_received(&len);

        gather(places[i].name, places[i].mark, places[i].ends, bytes, len);
        if (!places[i].sent)
            gather(places[i].name, places[i].mark, places[i].ends, unpacked,
                   unpack(bytes, len, unpacked, sizeof unpacked));
    }
}

/* ---------------------------------------------------------------- search */

/* The innermost callers that can be named: library and nearest public name; of this program an
 * address for addr2line. */
static void trace_text(const ledger_find *hit, char *text, size_t size)
{
    size_t used = 0;
    int shown = 0;

    text[0] = '\0';
    for (int i = 1; i < hit->trace_count && shown < SHOWN && used + 100 < size; i++) {
        Dl_info info;
        const char *file;

        if (dladdr(hit->trace[i], &info) == 0)
            continue;
        file = strrchr(info.dli_fname, '/');
        file = file != NULL ? file + 1 : info.dli_fname;
        if (strncmp(file, "lib", 3) != 0)
            used += (size_t)snprintf(text + used, size - used, " @%zx",
                                     (size_t)((char *)hit->trace[i] - (char *)info.dli_fbase) - 1);
        else
            used += (size_t)snprintf(text + used, size - used, " %.9s:%.40s", file,
                                     info.dli_sname != NULL ? info.dli_sname : "?");
        shown++;
    }
}

static void found(void *context, const ledger_find *hit)
{
    char text[TRACE_TEXT];
    char trace[TRACE_TEXT - 80];
    size_t i = 0;

    (void)context;
    now_found = true;
    trace_text(hit, trace, sizeof trace);
    snprintf(text, sizeof text, "%s %s %s %s%s", ledger_owner_name(hit->owner),
             hit->freed ? "freed" : "live", now_name, now_form, trace);
    while (i < find_count && strcmp(finds[i].text, text) != 0)
        i++;
    if (i == FINDS_MAX)
        return;
    if (i == find_count) {
        memcpy(finds[i].text, text, sizeof text);
        find_count++;
    }
    finds[i].count++;
    if (hit->size > finds[i].largest)
        finds[i].largest = hit->size;
}

/* In pieces, since a buffer may hold only a part. What JWTs have in common, their head, is no
 * secret. */
static void search_pieces(const char *form, const char *bytes, size_t len)
{
    const char *dot = len > 3 && memcmp(bytes, "eyJ", 3) == 0 ? memchr(bytes, '.', len) : NULL;
    size_t at = dot != NULL ? (size_t)(dot - bytes) + 1 : 0;

    now_form = form;
    if (len - at <= PIECE) {
        ledger_search(bytes + at, len - at, found, NULL);
        return;
    }
    now_found = false;
    /* Two pieces tell all, most of the time: of a block that holds a token, its middle and end. */
    ledger_search(bytes + len - PIECE, PIECE, found, NULL);
    if (!now_found)
        ledger_search(bytes + at + (len - at - PIECE) / 2, PIECE, found, NULL);
    if (!now_found)
        ledger_search(bytes + at, PIECE, found, NULL);
}

static void search_percent(const needle *what, const char *form, const char *digits)
{
    static char text[3 * VALUE_MAX];
    size_t len = 0;

    for (size_t i = 0; i < what->len; i++) {
        unsigned char byte = (unsigned char)what->value[i];

        if (isalnum(byte) || strchr("-._~", byte) != NULL) {
            text[len++] = (char)byte;
        } else {
            text[len++] = '%';
            text[len++] = digits[byte >> 4];
            text[len++] = digits[byte & 15];
        }
    }
    if (len != what->len)
        search_pieces(form, text, len);
}

/* base64 of what begins with this secret, or has 1 or 2 bytes before it in its group. */
static void search_base64(const needle *what, const char *form, const char *digits)
{
    static char text[2 * VALUE_MAX];

    for (size_t skip = 0; skip < 3; skip++) { /* bytes left out at the front */
        size_t len = 0;

        for (size_t i = skip; i + 3 <= what->len; i += 3) {
            unsigned group = (unsigned)(unsigned char)what->value[i] << 16 |
                             (unsigned)(unsigned char)what->value[i + 1] << 8 |
                             (unsigned char)what->value[i + 2];

            for (int shift = 18; shift >= 0; shift -= 6)
                text[len++] = digits[group >> shift & 63];
        }
        if (len >= 8)
            search_pieces(form, text, len);
    }
}

static void search_all(void)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static const char url_alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    for (size_t i = 0; i < needle_count; i++) {
        const needle *what = &needles[i];

        now_name = what->name;
        search_pieces("plain", what->value, what->len);
        search_percent(what, "percent", "0123456789ABCDEF");
        search_percent(what, "percent", "0123456789abcdef");
        search_base64(what, "base64", alphabet);
        search_base64(what, "base64url", url_alphabet);
    }
}

/* ------------------------------------------------------------------ main */

static int give_up(const char *what, const char *detail)
{
    printf("%s: %s\n", what, detail);
    return 2;
}

static lua_State *new_state(void)
{
    lua_State *L = lua_newstate(ledger_lua, NULL);

    if (L == NULL)
        return NULL;
    luaL_openlibs(L);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    lua_pushcfunction(L, luaopen_accs_core);
    lua_setfield(L, -2, "accs.core");
    lua_pop(L, 1);
    return L;
}

/* Two copies that a search has to find. */
static char *leave_copies(void)
{
    char *kept = strdup(needles[0].value);

    free(strdup(needles[0].value));
    return kept;
}

int main(int argc, char **argv)
{
    bool control = argc > 1 && strcmp(argv[1], "-c") == 0;
    int first = control ? 2 : 1;
    char *kept = NULL;
    lua_State *L;

    if (first >= argc)
        return give_up("usage", "secrecy [-c] SCENE [NAME=VALUE...]");
    ledger_begin();
    L = new_state();
    if (L == NULL || luaL_loadfile(L, "spec/core/secrecy.lua") != LUA_OK)
        return give_up("no script", L != NULL ? lua_tostring(L, -1) : "no memory");
    lua_pushstring(L, argv[first]);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK)
        return give_up(argv[first], luaL_tolstring(L, -1, NULL));
    for (int i = first + 1; i < argc; i++)
        add_argument(argv[i]);
    gather_all();
    if (control && needle_count > 0)
        kept = leave_copies();
    ledger_end();
    search_all();
    for (size_t i = 0; i < needle_count; i++)
        printf("secret %s %zu bytes\n", needles[i].name, needles[i].len);
    for (size_t i = 0; i < find_count; i++)
        printf("found %s (%zu blocks, up to %zu bytes)\n", finds[i].text, finds[i].count,
               finds[i].largest);
    printf("searched %zu blocks\n", ledger_count());
    free(kept);
    lua_close(L);
    return 0;
}

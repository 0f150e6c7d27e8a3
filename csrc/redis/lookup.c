/*
 * The addresses of a name, without waiting: glibc asks in a thread of its own (getaddrinfo_a(3)),
 * since hiredis would block in getaddrinfo(3) for as long as a name server is silent.
 */
#include "redis.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define LOOKUP_TYPE "accs.redis.lookup"

/* Apart from the box: glibc writes into it for as long as the name server takes. */
typedef struct name_query {
    struct gaicb request;
    struct addrinfo hints;
    int code; /* EAI_INPROGRESS until the answer is there */
    char name[];
} name_query;

typedef struct lookup_box {
    name_query *query; /* owned; NULL: closed */
} lookup_box;

static lookup_box *check_lookup(lua_State *L)
{
    lookup_box *box = luaL_checkudata(L, 1, LOOKUP_TYPE);

    if (box->query == NULL)
        luaL_error(L, "the look-up is closed");
    return box;
}

/* Text that is an address already needs nobody's answer; else glibc begins to ask. An EAI_ code. */
static int begin(name_query *query)
{
    struct gaicb *list[1] = {&query->request};

    query->hints.ai_socktype = SOCK_STREAM;
    query->hints.ai_flags = AI_NUMERICHOST;
    query->code = getaddrinfo(query->name, NULL, &query->hints, &query->request.ar_result);
    if (query->code != EAI_NONAME)
        return query->code;
    query->hints.ai_flags = 0;
    query->request.ar_name = query->name;
    query->request.ar_request = &query->hints;
    query->request.ar_result = NULL;
    query->code = EAI_INPROGRESS;
    return getaddrinfo_a(GAI_NOWAIT, list, 1, NULL);
}

int accs_redis_lookup_new(lua_State *L)
{
    size_t name_len;
    const char *name = luaL_checklstring(L, 1, &name_len);
    lookup_box *box;
    int code;

    luaL_argcheck(L, strlen(name) == name_len, 1, "text holds a NUL byte");
    box = lua_newuserdatauv(L, sizeof *box, 0);
    box->query = NULL;
    luaL_setmetatable(L, LOOKUP_TYPE);
    box->query = calloc(1, sizeof *box->query + name_len + 1);
    if (box->query == NULL)
        return accs_redis_push_problem(L, "no memory left");
    memcpy(box->query->name, name, name_len);
    code = begin(box->query);
    if (code != 0) {
        free(box->query);
        box->query = NULL;
        return accs_redis_push_problem(L, gai_strerror(code));
    }
    return 1;
}

static void push_addresses(lua_State *L, const struct addrinfo *first)
{
    char address[NI_MAXHOST];
    lua_Integer count = 0;

    lua_newtable(L);
    for (const struct addrinfo *each = first; each != NULL; each = each->ai_next) {
        if (getnameinfo(each->ai_addr, each->ai_addrlen, address, sizeof address, NULL, 0,
                        NI_NUMERICHOST) != 0)
            continue;
        lua_pushstring(L, address);
        lua_rawseti(L, -2, ++count);
    }
}

/* lookup:poll() -> false: not yet | list of numeric addresses | nil, problem */
static int lookup_poll(lua_State *L)
{
    name_query *query = check_lookup(L)->query;

    if (query->code == EAI_INPROGRESS)
        query->code = gai_error(&query->request);
    if (query->code == EAI_INPROGRESS)
        lua_pushboolean(L, 0);
    else if (query->code != 0)
        return accs_redis_push_problem(L, gai_strerror(query->code));
    else
        push_addresses(L, query->request.ar_result);
    return 1;
}

/*
 * A question that is out already cannot be called back: then its memory is left to glibc's thread,
 * a few hundred bytes for a name server that stays silent.
 */
static int lookup_close(lua_State *L)
{
    lookup_box *box = luaL_checkudata(L, 1, LOOKUP_TYPE);
    name_query *query = box->query;

    box->query = NULL;
    if (query == NULL)
        return 0;
    if (query->code == EAI_INPROGRESS && gai_cancel(&query->request) == EAI_NOTCANCELED)
        return 0;
    if (query->request.ar_result != NULL)
        freeaddrinfo(query->request.ar_result);
    free(query);
    return 0;
}

void accs_redis_lookup_open(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"poll", lookup_poll},
        {"close", lookup_close},
        {NULL, NULL},
    };

    accs_redis_new_type(L, LOOKUP_TYPE, methods, lookup_close);
}

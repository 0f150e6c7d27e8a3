/*
 * One connection to a Redis: hiredis connects, packs commands and reads replies; bytes are sent
 * and received here, since hiredis's own writing lets SIGPIPE end the process.
 */
#include "redis.h"

#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CONNECTION_TYPE "accs.redis.connection"

enum {
    ARGUMENTS_MAX = 16,
    /* Bytes of one reply: an entry of a token cache is at most a quarter of it. */
    REPLY_MAX = 1 << 20,
};

typedef struct connection_box {
    redisContext *context; /* owned; NULL: closed */
    redisReply *reply;     /* owned: what Lua was given last, or nearly */
    char *command;         /* owned: what is being sent; a password may be in it */
    size_t command_len;
    size_t sent;
    size_t received; /* of the reply that is awaited */
    pid_t process;   /* that connected: after a fork the connection is the parent's */
} connection_box;

static void drop_command(connection_box *box)
{
    if (box->command != NULL) {
        explicit_bzero(box->command, box->command_len);
        redisFreeCommand(box->command);
    }
    box->command = NULL;
    box->command_len = box->sent = 0;
}

static void drop_reply(connection_box *box)
{
    if (box->reply != NULL)
        freeReplyObject(box->reply);
    box->reply = NULL;
}

static int connection_close(lua_State *L)
{
    connection_box *box = luaL_checkudata(L, 1, CONNECTION_TYPE);
    redisContext *context = box->context;

    box->context = NULL;
    drop_command(box);
    drop_reply(box);
    if (context != NULL)
        redisFree(context);
    return 0;
}

static connection_box *new_box(lua_State *L)
{
    connection_box *box = lua_newuserdatauv(L, sizeof *box, 0);

    memset(box, 0, sizeof *box);
    luaL_setmetatable(L, CONNECTION_TYPE);
    box->process = getpid();
    return box;
}

/* The box on top holds what hiredis made, or why it could not. */
static int connected(lua_State *L, connection_box *box)
{
    if (box->context == NULL)
        return accs_redis_push_problem(L, "no memory left");
    if (box->context->err != 0) {
        lua_pushnil(L);
        lua_pushstring(L, box->context->errstr);
        redisFree(box->context);
        box->context = NULL;
        return 2;
    }
    (void)fcntl(box->context->fd, F_SETFD, FD_CLOEXEC);
    return 1;
}

/* Whether hiredis, given this, will not ask a name server. */
static int is_numeric(const char *address)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST};
    struct addrinfo *found = NULL;

    if (getaddrinfo(address, NULL, &hints, &found) != 0)
        return 0;
    freeaddrinfo(found);
    return 1;
}

int accs_redis_connect(lua_State *L)
{
    const char *address = luaL_checkstring(L, 1);
    lua_Integer port = luaL_checkinteger(L, 2);
    connection_box *box;

    luaL_argcheck(L, is_numeric(address), 1, "not a numeric address");
    luaL_argcheck(L, port >= 1 && port <= 65535, 2, "not a port");
    box = new_box(L);
    box->context = redisConnectNonBlock(address, (int)port);
    return connected(L, box);
}

int accs_redis_connect_path(lua_State *L)
{
    size_t path_len;
    const char *path = luaL_checklstring(L, 1, &path_len);
    connection_box *box;

    luaL_argcheck(L, strlen(path) == path_len, 1, "text holds a NUL byte");
    /* hiredis would cut it. */
    luaL_argcheck(L, path_len < sizeof((struct sockaddr_un *)NULL)->sun_path, 1, "path too long");
    box = new_box(L);
    box->context = redisConnectUnixNonBlock(path);
    return connected(L, box);
}

static connection_box *check_connection(lua_State *L)
{
    connection_box *box = luaL_checkudata(L, 1, CONNECTION_TYPE);

    if (box->context == NULL)
        luaL_error(L, "the connection is closed");
    return box;
}

/* connection:ready() -> true: connected | false: not yet | nil, problem */
static int connection_ready(lua_State *L)
{
    connection_box *box = check_connection(L);
    struct pollfd wanted = {.fd = box->context->fd, .events = POLLOUT};
    int code = 0;
    socklen_t code_len = sizeof code;

    if (poll(&wanted, 1, 0) <= 0) {
        lua_pushboolean(L, 0);
        return 1;
    }
    if (getsockopt(box->context->fd, SOL_SOCKET, SO_ERROR, &code, &code_len) != 0)
        code = errno;
    if (code != 0)
        return accs_redis_push_problem(L, strerror(code));
    lua_pushboolean(L, 1);
    return 1;
}

/* connection:quiet() -> whether it is open and nothing unasked for has come */
static int connection_quiet(lua_State *L)
{
    connection_box *box = check_connection(L);
    char byte;
    ssize_t count = recv(box->context->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

    lua_pushboolean(L, count < 0 && errno == EAGAIN && box->process == getpid() &&
                           box->context->reader->pos == box->context->reader->len);
    return 1;
}

/* Sends what the socket takes now. Returns 0 or an errno. */
static int send_some(connection_box *box)
{
    while (box->sent < box->command_len) {
        ssize_t count = send(box->context->fd, box->command + box->sent,
                             box->command_len - box->sent, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (count >= 0)
            box->sent += (size_t)count;
        else if (errno == EAGAIN)
            return 0;
        else if (errno != EINTR)
            return errno;
    }
    drop_command(box);
    return 0;
}

/* connection:send(word, ...) -> true | nil, problem; a reply follows: connection:poll() */
static int connection_send(lua_State *L)
{
    connection_box *box = check_connection(L);
    const char *words[ARGUMENTS_MAX];
    size_t words_len[ARGUMENTS_MAX];
    int count = lua_gettop(L) - 1;
    int packed;
    int code;

    luaL_argcheck(L, count >= 1 && count <= ARGUMENTS_MAX, 2, "too few or too many words");
    for (int i = 0; i < count; i++)
        words[i] = luaL_checklstring(L, i + 2, &words_len[i]);
    if (box->process != getpid())
        return accs_redis_push_problem(L, "the connection belongs to the parent process");
    drop_command(box);
    box->received = 0;
    packed = redisFormatCommandArgv(&box->command, count, words, words_len);
    if (packed < 0) {
        box->command = NULL;
        return accs_redis_push_problem(L, "no memory left");
    }
    box->command_len = (size_t)packed;
    code = send_some(box);
    if (code != 0)
        return accs_redis_push_problem(L, strerror(code));
    lua_pushboolean(L, 1);
    return 1;
}

/*
 * Feeds hiredis what has come. Returns NULL, or why it is of no use. A list, which no command of
 * ours is answered with, is not even begun: hiredis would make room for as many as it announces.
 */
static const char *receive_some(connection_box *box)
{
    char bytes[16384];

    while (box->reply == NULL) {
        ssize_t count = recv(box->context->fd, bytes, sizeof bytes, MSG_DONTWAIT);
        void *reply = NULL;

        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return errno == EAGAIN ? NULL : strerror(errno);
        if (count == 0)
            return "it closed the connection";
        if (box->received == 0 && memchr("+-:$", bytes[0], 4) == NULL)
            return "its answer is not of the kind that was asked for";
        box->received += (size_t)count;
        if (box->received > REPLY_MAX)
            return "its answer is too large";
        if (redisReaderFeed(box->context->reader, bytes, (size_t)count) != REDIS_OK ||
            redisReaderGetReply(box->context->reader, &reply) != REDIS_OK)
            return "its answer cannot be read";
        box->reply = reply;
    }
    return NULL;
}

static int push_reply(lua_State *L, const redisReply *reply)
{
    lua_pushboolean(L, 1);
    switch (reply->type) {
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
        lua_pushlstring(L, reply->str, reply->len);
        return 2;
    case REDIS_REPLY_INTEGER:
        lua_pushinteger(L, reply->integer);
        return 2;
    case REDIS_REPLY_ERROR:
        lua_pushnil(L);
        lua_pushlstring(L, reply->str, reply->len);
        return 3;
    default: /* nil */
        return 1;
    }
}

/*
 * connection:poll() -> false: no whole reply yet | true, value | true, nil, what an error reply
 * says | nil, problem
 */
static int connection_poll(lua_State *L)
{
    connection_box *box = check_connection(L);
    const char *problem;
    int code;

    if (box->process != getpid())
        return accs_redis_push_problem(L, "the connection belongs to the parent process");
    drop_reply(box);
    code = send_some(box);
    problem = code != 0 ? strerror(code) : receive_some(box);
    if (problem != NULL)
        return accs_redis_push_problem(L, problem);
    if (box->reply != NULL)
        return push_reply(L, box->reply);
    lua_pushboolean(L, 0);
    return 1;
}

void accs_redis_connection_open(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"ready", connection_ready}, {"quiet", connection_quiet}, {"send", connection_send},
        {"poll", connection_poll},   {"close", connection_close}, {NULL, NULL},
    };

    accs_redis_new_type(L, CONNECTION_TYPE, methods, connection_close);
}

/*
 * The sandbox's HTTP server: a loopback socket, libmicrohttpd inside one loop with standard input,
 * signals and a child process. No threads.
 *
 * Lua: http.listen(port) -> server | nil, message; server:port() -> integer;
 * server:run{ handler = function, gzip_above = bytes, stdin = boolean, child = pid | nil }
 * -> "stdin" | "signal" | "child", number; server:close().
 */
#include "httpd.h"

#include "native.h"

#include <arpa/inet.h>
#include <errno.h>
#include <lauxlib.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SERVER_TYPE "accs.sandbox.server"
#define BACKLOG 1024         /* connects that may wait for their accept */
#define CONNECTIONS_MAX 4096 /* at the same time */
/* Bytes that a connection may hold: request line and headers must fit in. It is cleared for every
 * request, so more of it costs time. */
#define CONNECTION_MEMORY 32768

typedef struct {
    int socket;                /* owned by the daemon once that runs; -1: none */
    int signals;               /* owned signalfd; -1: none */
    sigset_t mask_before;      /* to restore */
    struct MHD_Daemon *daemon; /* owned */
    httpd_shared shared;
} server_box;

/* How a run ended. */
typedef struct {
    const char *reason; /* NULL while it goes on */
    int number;
} outcome;

static server_box *check_server(lua_State *L)
{
    server_box *server = luaL_checkudata(L, 1, SERVER_TYPE);

    if (server->daemon == NULL)
        luaL_error(L, "the server is closed");
    return server;
}

/* libmicrohttpd would decode the path; the router does that itself, once for each segment. */
static size_t leave_encoded(void *cls, struct MHD_Connection *connection, char *text)
{
    (void)cls;
    (void)connection;
    return strlen(text);
}

static int open_socket(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int error = 0;

    if (fd < 0)
        return -1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    /* accepted sockets inherit TCP_NODELAY: small replies must not wait for an acknowledgement */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 &&
        bind(fd, (const struct sockaddr *)&address, sizeof address) == 0 &&
        listen(fd, BACKLOG) == 0)
        return fd;
    error = errno;
    close(fd);
    errno = error;
    return -1;
}

static int open_signals(sigset_t *before)
{
    sigset_t mask;

    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGINT);
    sigaddset(&mask, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &mask, before) != 0)
        return -1;
    return signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
}

static struct MHD_Daemon *start_daemon(server_box *server)
{
    return MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, httpd_exchange_answer,
        &server->shared, MHD_OPTION_LISTEN_SOCKET, server->socket, MHD_OPTION_URI_LOG_CALLBACK,
        httpd_exchange_begin, &server->shared, MHD_OPTION_UNESCAPE_CALLBACK, leave_encoded, NULL,
        MHD_OPTION_NOTIFY_COMPLETED, httpd_exchange_end, &server->shared,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_MEMORY, MHD_OPTION_END);
}

/* http.listen(port) -> server | nil, message. Port 0: the system picks a free one. */
static int server_listen(lua_State *L)
{
    lua_Integer port = luaL_checkinteger(L, 1);
    server_box *server;

    luaL_argcheck(L, port >= 0 && port <= 65535, 1, "must be from 0 to 65535");
    server = lua_newuserdatauv(L, sizeof *server, 0);
    memset(server, 0, sizeof *server);
    server->socket = -1;
    server->signals = -1;
    luaL_setmetatable(L, SERVER_TYPE);
    server->socket = open_socket((int)port);
    if (server->socket < 0) {
        lua_pushnil(L);
        lua_pushfstring(L, "cannot listen on 127.0.0.1:%d: %s", (int)port, strerror(errno));
        return 2;
    }
    server->signals = open_signals(&server->mask_before);
    server->daemon = server->signals < 0 ? NULL : start_daemon(server);
    if (server->daemon == NULL) {
        lua_pushnil(L);
        lua_pushfstring(L, "cannot start the HTTP server: %s", strerror(errno));
        return 2;
    }
    return 1;
}

/* server:port() -> integer */
static int server_port(lua_State *L)
{
    server_box *server = check_server(L);
    struct sockaddr_in address;
    socklen_t address_len = sizeof address;

    memset(&address, 0, sizeof address);
    if (getsockname(server->socket, (struct sockaddr *)&address, &address_len) != 0)
        return luaL_error(L, "no address: %s", strerror(errno));
    lua_pushinteger(L, ntohs(address.sin_port));
    return 1;
}

/* Standard input ended: whoever started the sandbox is done with it. */
static void drain_stdin(outcome *end)
{
    char bytes[512];
    ssize_t count = read(STDIN_FILENO, bytes, sizeof bytes);

    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR))
        end->reason = "stdin";
}

/* Collects the child if it has ended; *end gets the code that a shell would give. */
static void collect_child(pid_t child, outcome *end)
{
    int status = 0;

    if (child <= 0 || waitpid(child, &status, WNOHANG) != child)
        return;
    end->reason = "child";
    end->number = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/*
 * Acts on the signals that arrived. With a child they are handed on and the child's end decides,
 * but for a Ctrl-C: the terminal sends that one to the child itself.
 */
static void take_signals(int signals, pid_t child, outcome *end)
{
    struct signalfd_siginfo info;

    while (read(signals, &info, sizeof info) == (ssize_t)sizeof info) {
        int number = (int)info.ssi_signo;

        if (number == SIGCHLD) {
            collect_child(child, end);
        } else if (child <= 0) {
            end->reason = "signal";
            end->number = number;
        } else if (info.ssi_code != SI_KERNEL) {
            kill(child, number);
        }
    }
}

/* The time that poll may wait: the nearest of libmicrohttpd's wish and a delayed reply. */
static int wait_time(server_box *server)
{
    MHD_UNSIGNED_LONG_LONG wish_ms = 0;
    int64_t wait_ms = httpd_delayed_resume(&server->shared, httpd_now_ms());

    if (MHD_get_timeout(server->daemon, &wish_ms) == MHD_YES &&
        (wait_ms < 0 || wish_ms < (MHD_UNSIGNED_LONG_LONG)wait_ms))
        wait_ms = (int64_t)wish_ms;
    return wait_ms > 60000 ? 60000 : (int)wait_ms;
}

static outcome serve(server_box *server, int epoll, bool watch_stdin, pid_t child)
{
    outcome end = {NULL, 0};
    struct pollfd watched[] = {{.fd = epoll, .events = POLLIN},
                               {.fd = server->signals, .events = POLLIN},
                               {.fd = watch_stdin ? STDIN_FILENO : -1, .events = POLLIN}};

    collect_child(child, &end); /* it may have ended before the first signal was read */
    while (end.reason == NULL) {
        if (poll(watched, sizeof watched / sizeof watched[0], wait_time(server)) < 0 &&
            errno != EINTR)
            break;
        if (watched[1].revents != 0)
            take_signals(server->signals, child, &end);
        if (watched[2].revents != 0)
            drain_stdin(&end);
        if (MHD_run(server->daemon) != MHD_YES)
            break;
    }
    return end;
}

/* server:run(options) -> reason, number; reasons as above. Raises when the loop breaks. */
static int server_run(lua_State *L)
{
    server_box *server = check_server(L);
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    outcome end;
    bool watch_stdin;
    pid_t child;

    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    lua_getfield(L, 2, "stdin");
    watch_stdin = lua_toboolean(L, -1);
    lua_getfield(L, 2, "child");
    child = (pid_t)luaL_optinteger(L, -1, 0);
    lua_getfield(L, 2, "gzip_above");
    server->shared.gzip_above = (size_t)luaL_optinteger(L, -1, 0);
    lua_getfield(L, 2, "handler");
    luaL_checktype(L, -1, LUA_TFUNCTION);
    server->shared.L = L;
    server->shared.handler = lua_gettop(L);
    end = serve(server, info->epoll_fd, watch_stdin, child);
    server->shared.L = NULL;
    if (end.reason == NULL)
        return luaL_error(L, "the server's loop broke: %s", strerror(errno));
    lua_pushstring(L, end.reason);
    lua_pushinteger(L, end.number);
    return 2;
}

static int server_close(lua_State *L)
{
    server_box *server = luaL_checkudata(L, 1, SERVER_TYPE);

    if (server->daemon != NULL) {
        httpd_delayed_flush(&server->shared);
        MHD_stop_daemon(server->daemon); /* closes the socket as well */
        server->daemon = NULL;
    } else if (server->socket >= 0) {
        close(server->socket);
    }
    server->socket = -1;
    if (server->signals >= 0) {
        close(server->signals);
        server->signals = -1;
        sigprocmask(SIG_SETMASK, &server->mask_before, NULL);
    }
    return 0;
}

int accs_sandbox_http_open(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"port", server_port},  {"run", server_run},       {"close", server_close},
        {"__gc", server_close}, {"__close", server_close}, {NULL, NULL},
    };
    static const luaL_Reg functions[] = {{"listen", server_listen}, {NULL, NULL}};

    luaL_newmetatable(L, SERVER_TYPE);
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    return 1;
}

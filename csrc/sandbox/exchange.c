/*
 * One HTTP exchange: the raw request line, headers and body are handed to the Lua handler,
 *
 *     handler(method, path, query, headers, body) -> status, headers | nil, body | nil, fault | nil
 *
 * with path and query as received (percent-encoded), header names in lower case, repeated headers
 * joined by ", ". `fault` is { kind = "reset" | "close" | "truncate" | nil, delay = seconds | nil
 * }.
 */
#include "httpd.h"

#include <ctype.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define BODY_FIRST 4096 /* bytes; a body grows from here by doubling */
#define DELAY_MAX_S 3600.0

static const char broken[] =
    "{\"message\":\"Internal Error. Details are available in Magento log file. "
    "Report ID: webapi-0000000000000\"}";

typedef enum { END_WHOLE, END_RESET, END_CLOSE, END_TRUNCATED } ending;

struct exchange {
    exchange *next;                    /* in httpd_shared.delayed */
    struct MHD_Connection *connection; /* borrowed */
    char *uri;                         /* owned: path and query as received */
    size_t uri_len;
    char *body; /* owned */
    size_t body_len;
    size_t body_room;
    bool begun;     /* the headers were announced */
    bool too_large; /* the body passed HTTPD_BODY_MAX, or memory ran out */
    bool answered;  /* the Lua handler ran */
    ending ending;
    int64_t due_ms; /* monotonic; 0: at once */
    unsigned status;
    struct MHD_Response *response; /* owned until queued */
};

/* What one call of the Lua handler needs; lives on the C stack around lua_pcall. */
typedef struct {
    const exchange *request;
    const char *method;
    size_t header_count;
    struct {
        const char *name;
        size_t name_len;
        const char *value;
        size_t value_len;
    } headers[HTTPD_HEADERS_MAX];
    bool gzip; /* the client accepts it */
} question;

/* The part of a reply that is cut off in the middle. */
typedef struct {
    size_t bytes_len;
    char bytes[];
} cut_body;

int64_t httpd_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void *httpd_exchange_begin(void *shared, const char *uri, struct MHD_Connection *connection)
{
    exchange *request = calloc(1, sizeof *request);

    (void)shared;
    if (request == NULL)
        return NULL;
    request->connection = connection;
    request->uri_len = strlen(uri);
    request->uri = strdup(uri);
    if (request->uri == NULL) {
        free(request);
        return NULL;
    }
    return request;
}

void httpd_exchange_end(void *shared, struct MHD_Connection *connection, void **slot,
                        enum MHD_RequestTerminationCode reason)
{
    httpd_shared *server = shared;
    exchange *request = *slot;

    (void)connection;
    (void)reason;
    if (request == NULL)
        return;
    *slot = NULL;
    for (exchange **place = &server->delayed; *place != NULL; place = &(*place)->next) {
        if (*place == request) {
            *place = request->next;
            break;
        }
    }
    if (request->response != NULL)
        MHD_destroy_response(request->response);
    free(request->body);
    free(request->uri);
    free(request);
}

static void keep_body(exchange *request, const char *bytes, size_t bytes_len)
{
    size_t wanted = request->body_len + bytes_len;
    size_t room = request->body_room == 0 ? BODY_FIRST : request->body_room;
    char *grown;

    if (request->too_large || wanted > HTTPD_BODY_MAX) {
        request->too_large = true;
        return;
    }
    while (room < wanted)
        room *= 2;
    if (room != request->body_room) {
        grown = realloc(request->body, room);
        if (grown == NULL) {
            request->too_large = true;
            return;
        }
        request->body = grown;
        request->body_room = room;
    }
    memcpy(request->body + request->body_len, bytes, bytes_len);
    request->body_len = wanted;
}

static enum MHD_Result keep_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                   size_t name_len, const char *value, size_t value_len)
{
    question *asked = cls;

    (void)kind;
    if (asked->header_count == HTTPD_HEADERS_MAX)
        return MHD_NO;
    asked->headers[asked->header_count].name = name;
    asked->headers[asked->header_count].name_len = name_len;
    asked->headers[asked->header_count].value = value == NULL ? "" : value;
    asked->headers[asked->header_count].value_len = value == NULL ? 0 : value_len;
    asked->header_count++;
    return MHD_YES;
}

/* Whether an Accept-Encoding value takes gzip: named, and not with a quality of 0. */
static bool accepts_gzip(const char *value)
{
    const char *found = value == NULL ? NULL : strstr(value, "gzip");

    return found != NULL && strncmp(found, "gzip;q=0", 8) != 0;
}

static void push_lower(lua_State *L, const char *text, size_t text_len)
{
    luaL_Buffer lower;
    char *place = luaL_buffinitsize(L, &lower, text_len);

    for (size_t i = 0; i < text_len; i++)
        place[i] = (char)tolower((unsigned char)text[i]);
    luaL_pushresultsize(&lower, text_len);
}

static void push_headers(lua_State *L, const question *asked)
{
    lua_createtable(L, 0, (int)asked->header_count);
    for (size_t i = 0; i < asked->header_count; i++) {
        push_lower(L, asked->headers[i].name, asked->headers[i].name_len);
        lua_pushvalue(L, -1);
        if (lua_rawget(L, -3) == LUA_TSTRING) {
            lua_pushliteral(L, ", ");
            lua_pushlstring(L, asked->headers[i].value, asked->headers[i].value_len);
            lua_concat(L, 3);
        } else {
            lua_pop(L, 1);
            lua_pushlstring(L, asked->headers[i].value, asked->headers[i].value_len);
        }
        lua_rawset(L, -3);
    }
}

/* Runs protected: handler, question -> status, headers, body, fault's kind, fault's delay. */
static int ask(lua_State *L)
{
    const question *asked = lua_touserdata(L, 2);
    const exchange *request = asked->request;
    const char *mark = memchr(request->uri, '?', request->uri_len);
    size_t path_len = mark == NULL ? request->uri_len : (size_t)(mark - request->uri);

    lua_settop(L, 1);
    lua_pushstring(L, asked->method);
    lua_pushlstring(L, request->uri, path_len);
    if (mark == NULL)
        lua_pushliteral(L, "");
    else
        lua_pushlstring(L, mark + 1, request->uri_len - path_len - 1);
    push_headers(L, asked);
    lua_pushlstring(L, request->body == NULL ? "" : request->body, request->body_len);
    lua_call(L, 5, 4);
    if (lua_istable(L, -1)) {
        lua_getfield(L, -1, "kind");
        lua_getfield(L, -2, "delay");
        lua_remove(L, -3);
    } else {
        lua_pushnil(L);
    }
    return 5;
}

/* Adds a message handler's traceback to an error of the Lua handler. */
static int explain(lua_State *L)
{
    luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
    return 1;
}

static ssize_t read_cut(void *cls, uint64_t position, char *out, size_t room)
{
    const cut_body *cut = cls;
    size_t left = position < cut->bytes_len ? cut->bytes_len - (size_t)position : 0;

    if (left == 0)
        return MHD_CONTENT_READER_END_WITH_ERROR; /* the connection dies here */
    if (left > room)
        left = room;
    memcpy(out, cut->bytes + position, left);
    return (ssize_t)left;
}

/* A response that announces bytes_len bytes, sends half of them and dies. */
static struct MHD_Response *cut_response(const void *bytes, size_t bytes_len)
{
    size_t half = bytes_len / 2;
    cut_body *cut = malloc(sizeof *cut + half);
    struct MHD_Response *response = NULL;

    if (cut == NULL)
        return NULL;
    cut->bytes_len = half;
    memcpy(cut->bytes, bytes, half);
    response = MHD_create_response_from_callback(bytes_len, half + 1, read_cut, cut, free);
    if (response == NULL)
        free(cut);
    return response;
}

/* A response with these bytes, or the beginning of one that will break off. Takes `bytes`. */
static struct MHD_Response *whole_or_cut(const exchange *request, void *bytes, size_t bytes_len)
{
    struct MHD_Response *response = NULL;

    if (request->ending == END_TRUNCATED) {
        response = cut_response(bytes, bytes_len);
        free(bytes);
        return response;
    }
    response = MHD_create_response_from_buffer(bytes_len, bytes, MHD_RESPMEM_MUST_FREE);
    if (response == NULL)
        free(bytes);
    return response;
}

/* The response for a body as the handler gave it, compressed if it is worth that. */
static struct MHD_Response *body_response(const httpd_shared *server, const exchange *request,
                                          bool gzip, const char *bytes, size_t bytes_len)
{
    struct MHD_Response *response = NULL;
    void *copy = NULL;
    size_t copy_len = bytes_len;
    bool packed = gzip && server->gzip_above > 0 && bytes_len > server->gzip_above &&
                  httpd_gzip(bytes, bytes_len, &copy, &copy_len);

    if (!packed) {
        copy = malloc(bytes_len + 1);
        if (copy == NULL)
            return NULL;
        memcpy(copy, bytes, bytes_len);
    }
    response = whole_or_cut(request, copy, copy_len);
    if (response != NULL && packed) {
        MHD_add_response_header(response, "Content-Encoding", "gzip");
        MHD_add_response_header(response, "Vary", "Accept-Encoding");
    }
    return response;
}

/* Copies the handler's table of headers (at index) into the response. Raises nothing. */
static void add_headers(lua_State *L, int index, struct MHD_Response *response)
{
    bool typed = false;

    if (lua_type(L, index) == LUA_TTABLE) {
        lua_pushnil(L);
        while (lua_next(L, index) != 0) {
            if (lua_type(L, -2) == LUA_TSTRING && lua_type(L, -1) == LUA_TSTRING) {
                const char *name = lua_tostring(L, -2);

                typed = typed || strcmp(name, "Content-Type") == 0;
                MHD_add_response_header(response, name, lua_tostring(L, -1));
            }
            lua_pop(L, 1);
        }
    }
    if (!typed)
        MHD_add_response_header(response, "Content-Type", "application/json; charset=utf-8");
}

/* Reads a fault's kind (at index) and delay (behind it) into the exchange. Raises nothing. */
static void read_fault(lua_State *L, int index, exchange *request)
{
    static const struct {
        const char *name;
        ending ending;
    } endings[] = {{"reset", END_RESET}, {"close", END_CLOSE}, {"truncate", END_TRUNCATED}};
    const char *kind = lua_type(L, index) == LUA_TSTRING ? lua_tostring(L, index) : "";
    double delay_s = lua_type(L, index + 1) == LUA_TNUMBER ? lua_tonumber(L, index + 1) : 0;

    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        if (strcmp(kind, endings[i].name) == 0)
            request->ending = endings[i].ending;
    }
    if (delay_s > 0 && delay_s <= DELAY_MAX_S)
        request->due_ms = httpd_now_ms() + (int64_t)(delay_s * 1000);
}

/* Calls the Lua handler and prepares the response. Returns false when there is none to give. */
static bool prepare(httpd_shared *server, exchange *request, const char *method)
{
    lua_State *L = server->L;
    int top = lua_gettop(L);
    question asked = {.request = request, .method = method};
    const char *body = broken;
    size_t body_len = sizeof broken - 1;

    MHD_get_connection_values_n(request->connection, MHD_HEADER_KIND, keep_header, &asked);
    asked.gzip = accepts_gzip(
        MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, "Accept-Encoding"));
    if (!lua_checkstack(L, 16))
        return false;
    lua_pushcfunction(L, explain);
    lua_pushcfunction(L, ask);
    lua_pushvalue(L, server->handler);
    lua_pushlightuserdata(L, &asked);
    request->status = 500;
    if (lua_pcall(L, 2, 5, top + 1) != LUA_OK) {
        const char *message = lua_tostring(L, -1);

        fprintf(stderr, "accs-sandbox: %s\n", message == NULL ? "(no message)" : message);
    } else if (lua_isinteger(L, top + 2)) {
        request->status = (unsigned)lua_tointeger(L, top + 2);
        body_len = 0;
        if (lua_type(L, top + 4) == LUA_TSTRING)
            body = lua_tolstring(L, top + 4, &body_len);
        read_fault(L, top + 5, request);
    }
    request->response = body_response(server, request, asked.gzip, body, body_len);
    if (request->response != NULL) /* after an error there is no table at top + 3, nothing at all */
        add_headers(L, lua_gettop(L) > top + 3 ? top + 3 : top + 1, request->response);
    lua_settop(L, top);
    return request->response != NULL;
}

/* Ends the connection as a crashed host would: a TCP reset instead of a reply. */
static void reset_connection(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    struct sockaddr nobody = {.sa_family = AF_UNSPEC};

    if (info == NULL)
        return;
    setsockopt(info->connect_fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    /* on Linux, to connect nowhere resets at once; else the coming close does */
    (void)connect(info->connect_fd, &nobody, sizeof nobody);
}

static enum MHD_Result give(exchange *request)
{
    struct MHD_Response *response = request->response;
    enum MHD_Result queued;

    if (request->ending == END_RESET)
        reset_connection(request->connection);
    if (request->ending == END_RESET || request->ending == END_CLOSE)
        return MHD_NO; /* libmicrohttpd closes the connection */
    request->response = NULL;
    queued = MHD_queue_response(request->connection, request->status, response);
    MHD_destroy_response(response);
    return queued;
}

enum MHD_Result httpd_exchange_answer(void *shared, struct MHD_Connection *connection,
                                      const char *url, const char *method, const char *version,
                                      const char *upload, size_t *upload_len, void **slot)
{
    httpd_shared *server = shared;
    exchange *request = *slot;

    (void)url;
    (void)version;
    if (request == NULL)
        return MHD_NO; /* memory ran out at its beginning */
    if (!request->begun) {
        request->begun = true; /* the body, if any, comes next */
        return MHD_YES;
    }
    if (*upload_len > 0) {
        keep_body(request, upload, *upload_len);
        *upload_len = 0;
        return MHD_YES;
    }
    if (request->too_large) {
        request->response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
        request->status = 413;
    } else if (!request->answered) {
        request->answered = true;
        if (!prepare(server, request, method))
            return MHD_NO;
        if (request->due_ms > 0) {
            request->next = server->delayed;
            server->delayed = request;
            MHD_suspend_connection(connection); /* called again once resumed */
            return MHD_YES;
        }
    }
    return request->response == NULL && request->ending == END_WHOLE ? MHD_NO : give(request);
}

int64_t httpd_delayed_resume(httpd_shared *server, int64_t now_ms)
{
    int64_t wait_ms = -1;
    exchange **place = &server->delayed;

    while (*place != NULL) {
        exchange *request = *place;
        int64_t left_ms = request->due_ms > now_ms ? request->due_ms - now_ms : 0;

        if (wait_ms < 0 || left_ms < wait_ms)
            wait_ms = left_ms;
        if (left_ms > 0) {
            place = &request->next;
        } else {
            *place = request->next;
            MHD_resume_connection(request->connection);
        }
    }
    return wait_ms;
}

void httpd_delayed_flush(httpd_shared *server)
{
    httpd_delayed_resume(server, INT64_MAX);
}

/*
 * What a test needs of the system and plain Lua lacks. Built on the spot by
 * spec/support/native.lua; no part of the product.
 */
#include <dirent.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

__attribute__((visibility("default"))) int luaopen_native(lua_State *L);

/* fork() -> 0 in the child, its id in the parent */
static int native_fork(lua_State *L)
{
    pid_t pid = fork();

    if (pid < 0)
        return luaL_error(L, "fork failed");
    lua_pushinteger(L, pid);
    return 1;
}

/* wait(pid) -> exit code, 128 + number for a signal */
static int native_wait(lua_State *L)
{
    int status = 0;

    if (waitpid((pid_t)luaL_checkinteger(L, 1), &status, 0) < 0)
        return luaL_error(L, "no such child");
    lua_pushinteger(L, WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
    return 1;
}

static int native_pid(lua_State *L)
{
    lua_pushinteger(L, getpid());
    return 1;
}

/* Ends the process without closing the state. */
static int native_exit(lua_State *L)
{
    _exit((int)luaL_checkinteger(L, 1));
}

/* Brings up the loopback of a new network namespace. */
static int native_loopback_up(lua_State *L)
{
    struct ifreq request;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int result;

    memset(&request, 0, sizeof request);
    strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    result = ioctl(fd, SIOCSIFFLAGS, &request);
    close(fd);
    lua_pushboolean(L, result == 0);
    return 1;
}

/* What stands in for the state's allocator while memory runs out. */
typedef struct starved {
    lua_Alloc allocate;
    void *context;
    lua_Integer left; /* allocations that still succeed */
} starved;

static void *starve(void *context, void *block, size_t old_size, size_t new_size)
{
    starved *state = context;

    if (new_size > (block != NULL ? old_size : 0)) {
        if (state->left == 0)
            return NULL;
        state->left--;
    }
    return state->allocate(state->context, block, old_size, new_size);
}

/*
 * starved(count, f, ...) -> as pcall: calls f while Lua's memory runs out after
 * count allocations
 */
static int native_starved(lua_State *L)
{
    starved state = {.left = luaL_checkinteger(L, 1)};
    int status;

    state.allocate = lua_getallocf(L, &state.context);
    lua_remove(L, 1);
    luaL_checkstack(L, 20, NULL);
    lua_setallocf(L, starve, &state);
    status = lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0);
    lua_setallocf(L, state.allocate, state.context);
    lua_pushboolean(L, status == LUA_OK);
    lua_insert(L, 1);
    return lua_gettop(L);
}

/* state(source): runs it in a Lua state of its own, which is closed then */
static int native_state(lua_State *L)
{
    const char *source = luaL_checkstring(L, 1);
    lua_State *other = luaL_newstate();
    int status;

    if (other == NULL)
        return luaL_error(L, "no memory");
    luaL_openlibs(other);
    status = luaL_dostring(other, source);
    if (status != LUA_OK)
        lua_pushstring(L, luaL_tolstring(other, -1, NULL));
    lua_close(other);
    return status == LUA_OK ? 0 : lua_error(L);
}

/* entries(folder) -> how many there are in it; no child process is needed for that */
static int native_entries(lua_State *L)
{
    DIR *folder = opendir(luaL_checkstring(L, 1));
    lua_Integer count = 0;
    const struct dirent *entry;

    if (folder == NULL)
        return luaL_error(L, "no such folder");
    while ((entry = readdir(folder)) != NULL)
        count += entry->d_name[0] != '.';
    closedir(folder);
    lua_pushinteger(L, count);
    return 1;
}

int luaopen_native(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"fork", native_fork},
        {"wait", native_wait},
        {"pid", native_pid},
        {"exit", native_exit},
        {"loopback_up", native_loopback_up},
        {"starved", native_starved},
        {"state", native_state},
        {"entries", native_entries},
        {NULL, NULL},
    };

    luaL_newlib(L, functions);
    return 1;
}

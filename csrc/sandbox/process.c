/*
 * A child process, the terminal and the wall clock.
 *
 * Lua: process.spawn(arguments, environment) -> pid | nil, message; process.isatty(fd) -> boolean;
 * process.now_ms() -> integer.
 */
#include "native.h"

#include <errno.h>
#include <lauxlib.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ARGUMENTS_MAX 1000

/* Bytes of all strings of the list at index, with their NULs; raises for anything but strings. */
static size_t total_length(lua_State *L, int index, lua_Integer count)
{
    size_t total = 0;

    for (lua_Integer i = 1; i <= count; i++) {
        if (lua_rawgeti(L, index, i) != LUA_TSTRING)
            luaL_argerror(L, index, "must be a list of strings");
        total += lua_rawlen(L, -1) + 1;
        lua_pop(L, 1);
    }
    return total;
}

/* The list at index as an array of C strings that ends in NULL; pushed, and collected by Lua. */
static char **string_array(lua_State *L, int index)
{
    lua_Integer count = luaL_len(L, index);
    size_t array_len;
    size_t bytes_len;
    char **array;
    char *place;

    luaL_argcheck(L, count >= 1 && count <= ARGUMENTS_MAX, index, "too few or too many strings");
    bytes_len = total_length(L, index, count);
    array_len = ((size_t)count + 1) * sizeof *array;
    array = lua_newuserdatauv(L, array_len + bytes_len, 0);
    place = (char *)array + array_len;
    for (lua_Integer i = 1; i <= count; i++) {
        size_t text_len;
        const char *text;

        lua_rawgeti(L, index, i);
        text = lua_tolstring(L, -1, &text_len);
        memcpy(place, text, text_len + 1);
        array[i - 1] = place;
        place += text_len + 1;
        lua_pop(L, 1);
    }
    array[count] = NULL;
    return array;
}

/* Spawns with every signal as a shell would leave it. Returns an errno. */
static int spawn_plain(char **arguments, char **environment, pid_t *pid)
{
    posix_spawnattr_t attributes;
    sigset_t none;
    sigset_t ordinary;
    int error = posix_spawnattr_init(&attributes);

    if (error != 0)
        return error;
    sigemptyset(&none);
    sigemptyset(&ordinary);
    sigaddset(&ordinary, SIGPIPE);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &ordinary);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    error = posix_spawnp(pid, arguments[0], NULL, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
    return error;
}

/* Takes a Ctrl-C that came while signals wait: what is spawned now would never hear of it. */
static bool take_interrupt(void)
{
    const struct timespec at_once = {0, 0};
    sigset_t interrupt;

    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    return sigtimedwait(&interrupt, NULL, &at_once) == SIGINT;
}

/*
 * process.spawn(arguments, environment) -> pid | nil, message
 *
 * The message is "interrupted!" where a SIGINT was waiting already.
 * arguments[1] is looked up in PATH. environment is a list of "NAME=value" that is set on top of
 * this process's own.
 */
static int process_spawn(lua_State *L)
{
    char **arguments;
    char **additions;
    pid_t pid = 0;
    int error = 0;

    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checktype(L, 2, LUA_TTABLE);
    arguments = string_array(L, 1);
    additions = string_array(L, 2);
    for (char **each = additions; *each != NULL; each++) {
        const char *mark = strchr(*each, '=');

        luaL_argcheck(L, mark != NULL, 2, "must hold NAME=value");
        lua_pushlstring(L, *each, (size_t)(mark - *each));
        if (setenv(lua_tostring(L, -1), mark + 1, 1) != 0)
            return luaL_error(L, "cannot set the environment: %s", strerror(errno));
        lua_pop(L, 1);
    }
    if (take_interrupt()) {
        lua_pushnil(L);
        lua_pushliteral(L, "interrupted!");
        return 2;
    }
    error = spawn_plain(arguments, environ, &pid);
    if (error != 0) {
        lua_pushnil(L);
        lua_pushfstring(L, "cannot run %s: %s", arguments[0], strerror(error));
        return 2;
    }
    lua_pushinteger(L, pid);
    return 1;
}

/* process.isatty(fd) -> boolean */
static int process_isatty(lua_State *L)
{
    lua_pushboolean(L, isatty((int)luaL_checkinteger(L, 1)) == 1);
    return 1;
}

/* process.now_ms() -> milliseconds since 1970-01-01 UTC */
static int process_now_ms(lua_State *L)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    lua_pushinteger(L, (lua_Integer)now.tv_sec * 1000 + now.tv_nsec / 1000000);
    return 1;
}

int accs_sandbox_process_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"spawn", process_spawn},
        {"isatty", process_isatty},
        {"now_ms", process_now_ms},
        {NULL, NULL},
    };

    luaL_newlib(L, functions);
    return 1;
}

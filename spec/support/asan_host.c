/*
 * A small stand-in for lua5.4 that links the sanitizers' runtime and liblua.a, so that modules
 * built with sanitizers load without LD_PRELOAD (which would reach every child process as well).
 * Knows what tests use: -e CHUNK, then SCRIPT [ARGUMENTS...]; SIGINT raises "interrupted!" as in
 * the real one.
 */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static lua_State *running;

static void interrupt(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    lua_sethook(L, NULL, 0, 0);
    luaL_error(L, "interrupted!");
}

static void on_signal(int number)
{
    (void)signal(number, SIG_DFL);
    // As lua.c does: Lua documents lua_sethook as safe here.
    // NOLINTNEXTLINE(bugprone-signal-handler,cert-sig30-c)
    lua_sethook(running, interrupt, LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT, 1);
}

static int add_traceback(lua_State *L)
{
    if (lua_isstring(L, 1))
        luaL_traceback(L, L, lua_tostring(L, 1), 1);
    else
        luaL_tolstring(L, 1, NULL);
    return 1;
}

/* The chunk and its arguments are on the stack. */
static int run(lua_State *L, int argument_count)
{
    int status = 0;
    int base = lua_gettop(L) - argument_count;

    lua_pushcfunction(L, add_traceback);
    lua_insert(L, base);
    (void)signal(SIGINT, on_signal);
    status = lua_pcall(L, argument_count, 0, base);
    (void)signal(SIGINT, SIG_DFL);
    lua_remove(L, base);
    return status;
}

static int report(lua_State *L, int status)
{
    if (status != LUA_OK) {
        fprintf(stderr, "lua5.4: %s\n", lua_tostring(L, -1));
        lua_pop(L, 1);
    }
    return status;
}

int main(int argc, char **argv)
{
    int status = LUA_OK;
    int script = 1;
    lua_State *L = luaL_newstate();

    if (L == NULL)
        return 1;
    running = L;
    luaL_openlibs(L);
    lua_gc(L, LUA_GCGEN, 0, 0);
    while (status == LUA_OK && script + 1 < argc && strcmp(argv[script], "-e") == 0) {
        status = luaL_loadstring(L, argv[script + 1]);
        if (status == LUA_OK)
            status = run(L, 0);
        status = report(L, status);
        script += 2;
    }
    if (status == LUA_OK && script < argc) {
        lua_newtable(L);
        for (int i = 0; i < argc; i++) {
            lua_pushstring(L, argv[i]);
            lua_rawseti(L, -2, i - script);
        }
        lua_setglobal(L, "arg");
        status = luaL_loadfile(L, strcmp(argv[script], "-") == 0 ? NULL : argv[script]);
        if (status == LUA_OK) {
            luaL_checkstack(L, argc, "too many arguments");
            for (int i = script + 1; i < argc; i++)
                lua_pushstring(L, argv[i]);
            status = run(L, argc - script - 1);
        }
        status = report(L, status);
    }
    lua_close(L);
    return status == LUA_OK ? 0 : 1;
}

/*
 * A program that holds Lua and accs.core, and runs a script with them.
 *
 * usage: embed FOLDER SCRIPT [ARGUMENTS...]
 *
 * FOLDER is where the library's Lua files are (lua in the source tree). README.md
 * says how this is built.
 */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>

/* Of libaccs.a; the library's one function that Lua needs to know. */
int luaopen_accs_core(lua_State *L);

/* Says `require "accs.core"` that the module is here already. */
static void register_core(lua_State *L)
{
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    lua_pushcfunction(L, luaopen_accs_core);
    lua_setfield(L, -2, "accs.core");
    lua_pop(L, 1);
}

/* Puts the folder in front of where modules are looked for. */
static void add_folder(lua_State *L, const char *folder)
{
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "path");
    lua_pushfstring(L, "%s/?.lua;%s/?/init.lua;%s", folder, folder, lua_tostring(L, -1));
    lua_setfield(L, -3, "path");
    lua_pop(L, 2);
}

/* In protected mode: main(argc, argv). */
static int run(lua_State *L)
{
    int argc = (int)lua_tointeger(L, 1);
    char **argv = lua_touserdata(L, 2);

    luaL_openlibs(L);
    register_core(L);
    add_folder(L, argv[1]);
    if (luaL_loadfile(L, argv[2]) != LUA_OK)
        return lua_error(L);
    luaL_checkstack(L, argc, "too many arguments");
    for (int i = 3; i < argc; i++)
        lua_pushstring(L, argv[i]);
    lua_call(L, argc - 3, 0);
    return 0;
}

int main(int argc, char **argv)
{
    lua_State *L = luaL_newstate();
    int status = LUA_ERRRUN;

    if (L == NULL || argc < 3) {
        fprintf(stderr, "usage: embed FOLDER SCRIPT [ARGUMENTS...]\n");
        goto done;
    }
    lua_pushcfunction(L, run);
    lua_pushinteger(L, argc);
    lua_pushlightuserdata(L, argv);
    status = lua_pcall(L, 2, 0, 0);
    if (status != LUA_OK)
        fprintf(stderr, "embed: %s\n", luaL_tolstring(L, -1, NULL));

done:
    if (L != NULL)
        lua_close(L); /* closes clients and connections as well */
    return status == LUA_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

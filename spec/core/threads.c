/*
 * Several Lua states in one process: one a thread, all running threads.lua at
 * the same time, then two in one thread by turns, of which one is closed while
 * both have calls in flight. Built with ThreadSanitizer by make tsan.
 *
 * usage: threads COUNT ROUNDS
 */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { THREADS_MAX = 64 };

int luaopen_accs_core(lua_State *L);

typedef struct worker {
    pthread_t thread;
    pthread_barrier_t *start;
    int number;
    int rounds;
    long calls; /* made; -1: failed */
} worker;

static lua_State *new_state(void)
{
    lua_State *L = luaL_newstate();

    if (L == NULL)
        exit(2);
    luaL_openlibs(L);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    lua_pushcfunction(L, luaopen_accs_core);
    lua_setfield(L, -2, "accs.core");
    lua_pop(L, 1);
    if (luaL_dofile(L, "spec/core/threads.lua")) {
        fprintf(stderr, "%s\n", lua_tostring(L, -1));
        exit(2);
    }
    return L; /* with the script's table on top */
}

/* Calls a function of the script's table; its number, or -1. */
static long call(lua_State *L, const char *name, int number)
{
    long result = -1;

    lua_getfield(L, 1, name);
    lua_pushinteger(L, number);
    if (lua_pcall(L, 1, 1, 0) == LUA_OK)
        result = (long)lua_tointeger(L, -1);
    else
        fprintf(stderr, "%s in %d: %s\n", name, number, luaL_tolstring(L, -1, NULL));
    lua_settop(L, 1);
    return result;
}

static void *work(void *context)
{
    worker *self = context;

    pthread_barrier_wait(self->start);
    for (int i = 0; i < self->rounds && self->calls >= 0; i++) {
        lua_State *L = new_state();
        long calls = call(L, "work", self->number);

        self->calls = calls < 0 ? -1 : self->calls + calls;
        lua_close(L);
    }
    return NULL;
}

static long run_threads(int count, int rounds)
{
    static worker workers[THREADS_MAX];
    pthread_barrier_t start;
    long calls = 0;

    pthread_barrier_init(&start, NULL, (unsigned)count);
    for (int i = 0; i < count; i++) {
        workers[i] = (worker){.start = &start, .number = i, .rounds = rounds};
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            exit(2);
    }
    for (int i = 0; i < count; i++) {
        pthread_join(workers[i].thread, NULL);
        if (workers[i].calls < 0 || calls < 0)
            calls = -1;
        else
            calls += workers[i].calls;
    }
    pthread_barrier_destroy(&start);
    return calls;
}

/* Two states step by turns; the one of the given number is closed with its calls in flight. */
static long run_by_turns(int closed_early)
{
    lua_State *states[2] = {new_state(), new_state()};
    long calls = 0;

    for (int i = 0; i < 2; i++)
        if (call(states[i], "begin", i) < 0)
            return -1;
    for (int i = 0; i < 2; i++)
        if (call(states[i], "step", i) < 0)
            return -1;
    lua_close(states[closed_early]);
    calls = call(states[1 - closed_early], "finish", 1 - closed_early);
    lua_close(states[1 - closed_early]);
    return calls;
}

int main(int argc, char **argv)
{
    int count = argc == 3 ? atoi(argv[1]) : 0;
    int rounds = argc == 3 ? atoi(argv[2]) : 0;
    long calls;

    if (count < 1 || count > THREADS_MAX || rounds < 1) {
        fprintf(stderr, "usage: threads COUNT ROUNDS\n");
        return 2;
    }
    calls = run_threads(count, rounds);
    if (calls < 0)
        return 1;
    printf("%d threads, %d states, %ld calls\n", count, count * rounds, calls);
    for (int i = 0; i < 2; i++) {
        calls = run_by_turns(i);
        if (calls < 0)
            return 1;
        printf("by turns, the %s closed early: %ld calls\n", i == 0 ? "first" : "second", calls);
    }
    return 0;
}

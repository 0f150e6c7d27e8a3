/*
 * Memory ends at every allocation in turn, in Lua's allocator, in the core's
 * and in that of libcurl and OpenSSL, while real scripts (oom.lua) work with a
 * real server: nothing may crash or hang, nothing may be left when the state is
 * closed, and until then the client works or is cleanly closed.
 *
 * usage: oom [-n FIRST] [-s STRIDE] [-a lua|core|curl] [SCENE...]
 *
 * The server's address and credentials stand in the environment. FIRST:
 * how many allocations succeed at least. STRIDE: only every so manieth fails. test_oom.c does this
 * for the core alone, where a debugger finds its way more easily and both orders of closing are
 * tried.
 */
#include "accs.h"

#include <curl/curl.h>
#include <dirent.h>
#include <errno.h>
#include <lauxlib.h>
#include <limits.h>
#include <lua.h>
#include <lualib.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_S = 15, LASTED = 77, HERE = 1, BODY, AFTER, JUDGE };

int luaopen_accs_core(lua_State *L);

/* The linker gives these names.
 * NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t len);
void __wrap_free(void *block);
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

/* An allocator, and when it fails. */
typedef struct allocator {
    const char *name;
    long left;   /* allocations that succeed before some fail; -1: all do */
    long fails;  /* how many fail then */
    long live;   /* blocks in use */
    long failed; /* in all */
    long runs;
} allocator;

/* The one place of a program that no argument reaches. */
static allocator in_lua = {.name = "lua", .left = -1};
static allocator in_core = {.name = "core", .left = -1};
static allocator in_curl = {.name = "curl", .left = -1};

static allocator *const parts[] = {&in_lua, &in_core, &in_curl};

/* For the alarm. */
static char now_running[128];
static lua_State *running;
static volatile sig_atomic_t asked;

static long crashes; /* of libcurl itself */

static bool refuses(allocator *from)
{
    if (from->left < 0)
        return false;
    if (from->left > 0) {
        from->left--;
        return false;
    }
    if (from->fails == 0)
        return false;
    from->fails--;
    from->failed++;
    errno = ENOMEM; /* as malloc() does */
    return true;
}

static void *counted(allocator *from, void *block)
{
    from->live += block != NULL;
    return block;
}

static void *make(allocator *from, size_t size)
{
    return refuses(from) ? NULL : counted(from, __real_malloc(size));
}

static void *make_zeroed(allocator *from, size_t count, size_t size)
{
    return refuses(from) ? NULL : counted(from, __real_calloc(count, size));
}

static void *change(allocator *from, void *block, size_t size)
{
    if (block == NULL)
        return make(from, size);
    return refuses(from) ? NULL : __real_realloc(block, size);
}

static void drop(allocator *from, void *block)
{
    from->live -= block != NULL;
    __real_free(block);
}

static char *copy(allocator *from, const char *text, size_t len)
{
    char *made = make(from, len + 1);

    if (made != NULL) {
        memcpy(made, text, len);
        made[len] = '\0';
    }
    return made;
}

/* ------------------------------------------------------------------ core */

void *__wrap_malloc(size_t size)
{
    return make(&in_core, size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return make_zeroed(&in_core, count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    return change(&in_core, block, size);
}

char *__wrap_strdup(const char *text)
{
    return copy(&in_core, text, strlen(text));
}

char *__wrap_strndup(const char *text, size_t len)
{
    return copy(&in_core, text, strnlen(text, len));
}

void __wrap_free(void *block)
{
    drop(&in_core, block);
}

/* ----------------------------------------------------- libcurl and OpenSSL */

static void *curl_make(size_t size)
{
    return make(&in_curl, size);
}

static void *curl_make_zeroed(size_t count, size_t size)
{
    return make_zeroed(&in_curl, count, size);
}

static void *curl_change(void *block, size_t size)
{
    return change(&in_curl, block, size);
}

static char *curl_copy(const char *text)
{
    return copy(&in_curl, text, strlen(text));
}

static void curl_drop(void *block)
{
    drop(&in_curl, block);
}

static void *openssl_make(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return size > 0 ? make(&in_curl, size) : NULL;
}

static void *openssl_change(void *block, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    if (size > 0)
        return change(&in_curl, block, size);
    drop(&in_curl, block);
    return NULL;
}

static void openssl_drop(void *block, const char *file, int line)
{
    (void)file;
    (void)line;
    drop(&in_curl, block);
}

/* ------------------------------------------------------------------- Lua */

/* Shrinking never fails: Lua relies on it. */
static void *lua_change(void *context, void *block, size_t old_size, size_t new_size)
{
    allocator *from = context;

    if (new_size == 0) {
        drop(from, block);
        return NULL;
    }
    if (block == NULL)
        return make(from, new_size);
    return new_size > old_size ? change(from, block, new_size) : __real_realloc(block, new_size);
}

/* ---------------------------------------------------------------- rounds */

static void give_up(const char *what, const char *detail)
{
    printf("%s: %s%s%s\n", now_running, what, detail != NULL ? ": " : "",
           detail != NULL ? detail : "");
    exit(1);
}

static void stop_script(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        parts[i]->left = -1;
    luaL_traceback(L, L, "no end in sight", 0);
    give_up(lua_tostring(L, -1), NULL);
}

/* At first Lua is asked where it is; when it does not answer, that is all. */
static void on_alarm(int number)
{
    (void)number;
    if (asked)
        _exit(2);
    asked = 1;
    alarm(2);
    /* As lua.c does: Lua documents lua_sethook as safe here. */
    /* NOLINTNEXTLINE(bugprone-signal-handler,cert-sig30-c) */
    lua_sethook(running, stop_script, LUA_MASKCALL | LUA_MASKRET | LUA_MASKCOUNT, 1);
}

static long count_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    long count = 0;

    while (folder != NULL && readdir(folder) != NULL)
        count++;
    if (folder != NULL)
        closedir(folder);
    return count;
}

static lua_State *new_state(void)
{
    lua_State *L = lua_newstate(lua_change, &in_lua);

    if (L == NULL)
        give_up("no state", NULL);
    luaL_openlibs(L);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    lua_pushcfunction(L, luaopen_accs_core);
    lua_setfield(L, -2, "accs.core");
    lua_pop(L, 1);
    return L;
}

/* Loads the script: what the scene needs, its body, its proof, the judge of errors. */
static void prepare(lua_State *L, const char *scene)
{
    if (luaL_loadfile(L, "spec/core/oom.lua") != LUA_OK)
        give_up("no script", lua_tostring(L, -1));
    lua_pushstring(L, scene);
    if (lua_pcall(L, 1, 4, 0) != LUA_OK)
        give_up("not prepared", luaL_tolstring(L, -1, NULL));
}

/* An error is the lack of memory, nothing else. */
static void check_error(lua_State *L)
{
    lua_pushvalue(L, JUDGE);
    lua_insert(L, -2);
    if (lua_pcall(L, 1, 1, 0) != LUA_OK || !lua_isboolean(L, -1))
        give_up("ended otherwise than by the lack of memory", luaL_tolstring(L, -1, NULL));
    lua_pop(L, 1);
}

static void prove(lua_State *L)
{
    lua_pushvalue(L, AFTER);
    lua_pushvalue(L, HERE);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK)
        give_up("afterwards", luaL_tolstring(L, -1, NULL));
}

/*
 * One run in which so many allocations succeed and so many fail then. Every
 * third state is closed without further ado. Whether memory lasted to the end.
 */
static bool run_starved(allocator *from, const char *scene, long left, long fails)
{
    long descriptors = count_descriptors();
    long curl_live = in_curl.live;
    lua_State *L;
    bool lasted;
    int status;

    snprintf(now_running, sizeof now_running, "%s, %s: %ld succeed, %ld fail", scene, from->name,
             left, fails);
    alarm(PATIENCE_S);
    L = new_state();
    running = L;
    prepare(L, scene);
    lua_pushvalue(L, BODY);
    lua_pushvalue(L, HERE);
    from->left = left;
    from->fails = fails;
    status = lua_pcall(L, 1, 0, 0);
    lasted = from->left != 0;
    from->left = -1;
    from->runs++;
    if (status != LUA_OK)
        check_error(L);
    if (left % 3 != 2)
        prove(L);
    lua_close(L);
    alarm(0);
    if (in_lua.live != 0 || in_core.live != 0 || in_curl.live != curl_live)
        printf("%s: left are %ld blocks of Lua, %ld of the core, %ld of libcurl\n", now_running,
               in_lua.live, in_core.live, in_curl.live - curl_live);
    if (count_descriptors() != descriptors)
        give_up("descriptors are left", NULL);
    if (in_lua.live != 0 || in_core.live != 0 || in_curl.live != curl_live)
        exit(1);
    return lasted;
}

/* Runs a scene with all memory: OpenSSL keeps for good what it makes at the first use. */
static void warm_up(const char *scene)
{
    lua_State *L = new_state();

    snprintf(now_running, sizeof now_running, "%s with all memory", scene);
    prepare(L, scene);
    lua_pushvalue(L, BODY);
    lua_pushvalue(L, HERE);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK)
        give_up("failed", luaL_tolstring(L, -1, NULL));
    prove(L);
    lua_close(L);
}

/*
 * A run in a process of its own, for libcurl's allocations: libcurl 7.88.1 itself
 * divides by zero after one of them, in its cache of connections.
 */
static bool run_apart(allocator *from, const char *scene, long left, long fails)
{
    long *failed =
        mmap(NULL, sizeof *failed, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    long before = from->failed;
    bool lasted = false;
    int status = 0;
    pid_t pid = fork();

    if (failed == MAP_FAILED || pid < 0)
        give_up("no process", NULL);
    if (pid == 0) {
        lasted = run_starved(from, scene, left, fails);
        *failed = from->failed - before;
        fflush(stdout);
        _exit(lasted ? LASTED : 0);
    }
    waitpid(pid, &status, 0);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGFPE)
        crashes++;
    else if (!WIFEXITED(status) || (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != LASTED))
        exit(1); /* it has said why */
    lasted = WIFEXITED(status) && WEXITSTATUS(status) == LASTED;
    from->failed += *failed;
    from->runs++;
    munmap(failed, sizeof *failed);
    return lasted;
}

/*
 * Lua collects and tries again when an allocation fails: one failure shows
 * that everything is anchored that must be, two that this allocation may fail.
 */
static void sweep(allocator *from, const char *scene, long first, long stride)
{
    static const long fails[] = {1, 2, LONG_MAX};

    for (size_t i = from == &in_lua ? 0 : 1; i < sizeof fails / sizeof fails[0]; i++) {
        long now = from != &in_lua && fails[i] == 2 ? 1 : fails[i];
        long left = first + (long)i % stride;

        while (from == &in_curl ? !run_apart(from, scene, left, now)
                                : !run_starved(from, scene, left, now))
            left += stride;
    }
}

static void sweep_scenes(allocator *from, lua_State *names, long first, long stride)
{
    for (lua_Integer i = 1; lua_rawgeti(names, -1, i) == LUA_TSTRING; i++) {
        const char *scene = lua_tostring(names, -1);

        warm_up(scene);
        /* Loading is thousands of allocations, one like the other. */
        sweep(from, scene, first, stride > 1 && strcmp(scene, "load") == 0 ? 20 * stride : stride);
        lua_pop(names, 1);
    }
    lua_pop(names, 1);
    printf("%s: %ld allocations failed in %ld runs, nothing was left\n", from->name, from->failed,
           from->runs);
    if (from == &in_curl && crashes > 0)
        printf("libcurl itself crashed in %ld of them\n", crashes);
    fflush(stdout);
}

/* Pushes the names of the scenes that are asked for. */
static void push_scenes(lua_State *L, char **names)
{
    if (*names == NULL) {
        if (luaL_dofile(L, "spec/core/oom.lua"))
            give_up("no script", lua_tostring(L, -1));
        return;
    }
    lua_newtable(L);
    for (lua_Integer i = 1; *names != NULL; i++) {
        lua_pushstring(L, *names++);
        lua_rawseti(L, -2, i);
    }
}

int main(int argc, char **argv)
{
    const char *only = NULL;
    lua_State *names;
    long stride = 1;
    long first = 0;
    int option;

    while ((option = getopt(argc, argv, "n:s:a:")) != -1) {
        if (option == 's')
            stride = strtol(optarg, NULL, 10);
        else if (option == 'n')
            first = strtol(optarg, NULL, 10);
        else if (option == 'a')
            only = optarg;
        else
            return 2;
    }
    /* Before anything else: the core's own curl_global_init() only counts up after this. */
    if (stride < 1 || CRYPTO_set_mem_functions(openssl_make, openssl_change, openssl_drop) != 1 ||
        curl_global_init_mem(CURL_GLOBAL_DEFAULT, curl_make, curl_drop, curl_change, curl_copy,
                             curl_make_zeroed) != CURLE_OK)
        return 2;
    (void)signal(SIGALRM, on_alarm);
    names = luaL_newstate();
    if (names == NULL)
        return 2;
    luaL_openlibs(names);
    push_scenes(names, argv + optind);
    in_core.live = 0; /* that state's own allocator is the wrapped one */
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (only == NULL || strcmp(only, parts[i]->name) == 0) {
            lua_pushvalue(names, -1);
            sweep_scenes(parts[i], names, first, stride);
        }
    }
    lua_close(names);
    return 0;
}

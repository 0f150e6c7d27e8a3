/*
 * SQLite for the sandbox: bound parameters, true integers, text that may hold NUL.
 *
 * A database keeps at most STATEMENTS_MAX prepared statements; the one unused for longest makes
 * room. A statement is busy while it runs; an iterator that was left early gives it back when it
 * is closed or collected. Lua may run finalizers at any allocation, and those may use the same
 * database: that is why a busy statement is never shared.
 * Mistakes and SQLite's errors raise, with SQLite's message.
 */
#include "native.h"

#include <lauxlib.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define DATABASE_TYPE "accs.sandbox.database"
#define CURSOR_TYPE "accs.sandbox.cursor"

#define STATEMENTS_MAX 96
#define BUSY_WAIT_MS 5000

typedef struct {
    sqlite3_stmt *handle; /* owned; NULL for a free slot */
    size_t sql_len;       /* bytes of sqlite3_sql(handle) */
    uint64_t used_at;     /* the database's count of uses when this one was taken last */
    bool busy;
} statement;

typedef struct {
    sqlite3 *handle; /* owned; NULL when not open yet, or closed */
    uint64_t uses;
    statement statements[STATEMENTS_MAX];
} database;

/* A result that is being read: db:rows. Its user value keeps the database alive. */
typedef struct {
    database *db;         /* borrowed */
    statement *statement; /* borrowed and busy; NULL at the end */
} cursor;

static database *check_database(lua_State *L, int index)
{
    database *db = luaL_checkudata(L, index, DATABASE_TYPE);

    if (db->handle == NULL)
        luaL_error(L, "the database is closed");
    return db;
}

static void release(statement *taken)
{
    sqlite3_reset(taken->handle);
    sqlite3_clear_bindings(taken->handle);
    taken->busy = false;
}

/* Raises SQLite's message; gives the statement back if there is one. */
static int raise_error(lua_State *L, database *db, statement *taken)
{
    lua_pushstring(L, sqlite3_errmsg(db->handle));
    if (taken != NULL)
        release(taken);
    return lua_error(L);
}

static bool is_blank(const char *text)
{
    return text[strspn(text, " \t\r\n;")] == '\0';
}

static statement *find_idle(database *db, const char *sql, size_t sql_len)
{
    for (size_t i = 0; i < STATEMENTS_MAX; i++) {
        statement *slot = &db->statements[i];

        if (slot->handle != NULL && !slot->busy && slot->sql_len <= sql_len &&
            memcmp(sqlite3_sql(slot->handle), sql, slot->sql_len) == 0 &&
            is_blank(sql + slot->sql_len))
            return slot;
    }
    return NULL;
}

/* A slot without a statement: a free one, else the idle one used longest ago; NULL: all busy. */
static statement *make_room(database *db)
{
    statement *oldest = NULL;

    for (size_t i = 0; i < STATEMENTS_MAX; i++) {
        statement *slot = &db->statements[i];

        if (slot->handle == NULL)
            return slot;
        if (!slot->busy && (oldest == NULL || slot->used_at < oldest->used_at))
            oldest = slot;
    }
    if (oldest != NULL) {
        sqlite3_finalize(oldest->handle);
        oldest->handle = NULL;
    }
    return oldest;
}

/* A slot with the prepared statement, idle. Raises; the returns after that are for the compiler. */
static statement *prepare(lua_State *L, database *db, const char *sql, size_t sql_len)
{
    statement *slot;
    const char *tail = NULL;

    if (sql_len > INT32_MAX || memchr(sql, '\0', sql_len) != NULL) {
        luaL_error(L, "the statement holds a NUL or is too long");
        return NULL;
    }
    slot = make_room(db);
    if (slot == NULL) {
        luaL_error(L, "more than %d statements are in use", STATEMENTS_MAX);
        return NULL;
    }
    if (sqlite3_prepare_v3(db->handle, sql, (int)sql_len, SQLITE_PREPARE_PERSISTENT, &slot->handle,
                           &tail) != SQLITE_OK)
        raise_error(L, db, NULL);
    if (slot->handle == NULL)
        luaL_error(L, "an empty statement");
    slot->sql_len = strlen(sqlite3_sql(slot->handle));
    if (!is_blank(tail)) {
        sqlite3_finalize(slot->handle);
        slot->handle = NULL;
        luaL_error(L, "one statement at a time (db:exec takes several)");
    }
    return slot;
}

static void check_parameters(lua_State *L, int first, int last)
{
    for (int index = first; index <= last; index++) {
        switch (lua_type(L, index)) {
        case LUA_TNIL:
        case LUA_TBOOLEAN:
        case LUA_TNUMBER:
        case LUA_TSTRING:
            break;
        default:
            luaL_argerror(L, index, "nil, boolean, number or string expected");
        }
    }
}

static int bind_value(lua_State *L, int index, sqlite3_stmt *handle, int position,
                      sqlite3_destructor_type ownership)
{
    const char *text;
    size_t text_len = 0;

    switch (lua_type(L, index)) {
    case LUA_TBOOLEAN:
        return sqlite3_bind_int(handle, position, lua_toboolean(L, index));
    case LUA_TNUMBER:
        if (lua_isinteger(L, index))
            return sqlite3_bind_int64(handle, position, lua_tointeger(L, index));
        return sqlite3_bind_double(handle, position, lua_tonumber(L, index));
    case LUA_TSTRING:
        text = lua_tolstring(L, index, &text_len);
        return sqlite3_bind_text64(handle, position, text, text_len, ownership, SQLITE_UTF8);
    default:
        return sqlite3_bind_null(handle, position);
    }
}

/*
 * The statement of argument 2 with the arguments from 3 to last bound to it, busy.
 * ownership: SQLITE_STATIC where the arguments outlive the run, else SQLITE_TRANSIENT.
 */
static statement *take(lua_State *L, database *db, int last, sqlite3_destructor_type ownership)
{
    size_t sql_len = 0;
    const char *sql = luaL_checklstring(L, 2, &sql_len);
    int given = last - 2;
    statement *taken;
    int wanted;

    check_parameters(L, 3, last);
    taken = find_idle(db, sql, sql_len);
    if (taken == NULL)
        taken = prepare(L, db, sql, sql_len);
    wanted = sqlite3_bind_parameter_count(taken->handle);
    if (wanted != given)
        luaL_error(L, "the statement has %d parameters, %d values were given", wanted, given);
    taken->used_at = ++db->uses;
    taken->busy = true;
    for (int i = 1; i <= given; i++) {
        if (bind_value(L, i + 2, taken->handle, i, ownership) != SQLITE_OK)
            raise_error(L, db, taken);
    }
    return taken;
}

static int push_columns(lua_State *L, sqlite3_stmt *handle)
{
    int count = sqlite3_column_count(handle);

    luaL_checkstack(L, count + 1, "too many columns");
    for (int i = 0; i < count; i++) {
        const void *bytes;

        switch (sqlite3_column_type(handle, i)) {
        case SQLITE_INTEGER:
            lua_pushinteger(L, sqlite3_column_int64(handle, i));
            break;
        case SQLITE_FLOAT:
            lua_pushnumber(L, sqlite3_column_double(handle, i));
            break;
        case SQLITE_TEXT:
            bytes = sqlite3_column_text(handle, i); /* before _bytes, which measures this form */
            lua_pushlstring(L, bytes, (size_t)sqlite3_column_bytes(handle, i));
            break;
        case SQLITE_BLOB:
            bytes = sqlite3_column_blob(handle, i); /* NULL for an empty one */
            lua_pushlstring(L, bytes != NULL ? bytes : "", (size_t)sqlite3_column_bytes(handle, i));
            break;
        default:
            lua_pushnil(L);
            break;
        }
    }
    return count;
}

/* db:exec(sql): several statements, without parameters and results. */
static int database_exec(lua_State *L)
{
    database *db = check_database(L, 1);
    const char *sql = luaL_checkstring(L, 2);

    if (sqlite3_exec(db->handle, sql, NULL, NULL, NULL) != SQLITE_OK)
        return raise_error(L, db, NULL);
    return 0;
}

/* db:run(sql, ...) -> rows changed, last row id. Rows that the statement returns are dropped. */
static int database_run(lua_State *L)
{
    database *db = check_database(L, 1);
    statement *taken = take(L, db, lua_gettop(L), SQLITE_STATIC);
    int code;

    do {
        code = sqlite3_step(taken->handle);
    } while (code == SQLITE_ROW);
    if (code != SQLITE_DONE)
        return raise_error(L, db, taken);
    release(taken);
    lua_pushinteger(L, sqlite3_changes64(db->handle));
    lua_pushinteger(L, sqlite3_last_insert_rowid(db->handle));
    return 2;
}

/* db:row(sql, ...) -> the first row's values, or nothing. */
static int database_row(lua_State *L)
{
    database *db = check_database(L, 1);
    statement *taken = take(L, db, lua_gettop(L), SQLITE_STATIC);
    int code = sqlite3_step(taken->handle);
    int count = 0;

    if (code == SQLITE_ROW)
        count = push_columns(L, taken->handle);
    else if (code != SQLITE_DONE)
        return raise_error(L, db, taken);
    release(taken);
    return count;
}

static int cursor_close(lua_State *L)
{
    cursor *reading = luaL_checkudata(L, 1, CURSOR_TYPE);
    statement *taken = reading->statement;

    reading->statement = NULL;
    if (taken != NULL && reading->db->handle != NULL)
        release(taken);
    return 0;
}

static int cursor_next(lua_State *L)
{
    cursor *reading = lua_touserdata(L, lua_upvalueindex(1));
    statement *taken = reading->statement;
    int code;

    if (taken == NULL)
        return 0;
    if (reading->db->handle == NULL)
        return luaL_error(L, "the database is closed");
    code = sqlite3_step(taken->handle);
    if (code == SQLITE_ROW)
        return push_columns(L, taken->handle);
    reading->statement = NULL;
    if (code != SQLITE_DONE)
        return raise_error(L, reading->db, taken);
    release(taken);
    return 0;
}

/* db:rows(sql, ...) -> iterator, nil, nil, closer: `for a, b in db:rows(...) do`. */
static int database_rows(lua_State *L)
{
    database *db = check_database(L, 1);
    int last = lua_gettop(L);
    cursor *reading = lua_newuserdatauv(L, sizeof(*reading), 1);

    reading->db = db;
    reading->statement = NULL;
    luaL_setmetatable(L, CURSOR_TYPE);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
    lua_pushvalue(L, last + 1);
    lua_pushcclosure(L, cursor_next, 1);
    lua_pushnil(L);
    lua_pushnil(L);
    lua_pushvalue(L, last + 1);
    reading->statement = take(L, db, last, SQLITE_TRANSIENT); /* nothing may raise after it */
    return 4;
}

/* Finalizes all and closes; twice is fine. An iterator still open ends with an error. */
static int database_close(lua_State *L)
{
    database *db = luaL_checkudata(L, 1, DATABASE_TYPE);
    sqlite3 *handle = db->handle;

    db->handle = NULL;
    for (size_t i = 0; i < STATEMENTS_MAX; i++) {
        sqlite3_finalize(db->statements[i].handle);
        db->statements[i].handle = NULL;
    }
    sqlite3_close_v2(handle);
    return 0;
}

/* open(path) -> database; ":memory:" for one in memory. Raises when it cannot be opened. */
static int database_open(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    database *db = lua_newuserdatauv(L, sizeof(*db), 0);

    memset(db, 0, sizeof(*db));
    luaL_setmetatable(L, DATABASE_TYPE);
    if (sqlite3_open_v2(path, &db->handle,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK) {
        if (db->handle == NULL)
            return luaL_error(L, "not enough memory");
        return luaL_error(L, "%s: %s", path, sqlite3_errmsg(db->handle));
    }
    sqlite3_busy_timeout(db->handle, BUSY_WAIT_MS);
    return 1;
}

int accs_sandbox_database_open(lua_State *L)
{
    static const luaL_Reg database_methods[] = {
        {"exec", database_exec},   {"run", database_run},
        {"row", database_row},     {"rows", database_rows},
        {"close", database_close}, {"__close", database_close},
        {"__gc", database_close},  {NULL, NULL}};
    static const luaL_Reg cursor_methods[] = {
        {"__close", cursor_close}, {"__gc", cursor_close}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"open", database_open}, {NULL, NULL}};

    luaL_newmetatable(L, DATABASE_TYPE);
    luaL_setfuncs(L, database_methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    luaL_newmetatable(L, CURSOR_TYPE);
    luaL_setfuncs(L, cursor_methods, 0);
    lua_pop(L, 2);
    luaL_newlib(L, functions);
    return 1;
}

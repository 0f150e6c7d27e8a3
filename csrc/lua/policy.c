#include "binding.h"

static void set_text(lua_State *L, const char *name, const char *text)
{
    lua_pushstring(L, text);
    lua_setfield(L, -2, name);
}

static void set_flag(lua_State *L, const char *name, bool flag)
{
    lua_pushboolean(L, flag);
    lua_setfield(L, -2, name);
}

static void push_row(lua_State *L, const accs_retry_row *row)
{
    lua_createtable(L, 0, 10);
    set_text(L, "ending", accs_attempt_end_name(row->end));
    if (row->end == ACCS_ATTEMPT_ANSWERED) {
        lua_pushinteger(L, row->first_status);
        lua_setfield(L, -2, "first_status");
        lua_pushinteger(L, row->last_status);
        lua_setfield(L, -2, "last_status");
    }
    set_text(L, "idempotent", accs_repeat_name(row->idempotent));
    set_text(L, "other", accs_repeat_name(row->other));
    set_text(L, "outcome", accs_outcome_name(row->outcome));
    set_flag(L, "pauses_client", row->pauses_client);
    set_flag(L, "heeds_wait", row->heeds_wait);
    set_flag(L, "uses_budget", row->uses_budget);
    set_text(L, "why", row->why);
}

/* retry_table() -> list of rows, a new one each time */
static int retry_table(lua_State *L)
{
    size_t row_count;
    const accs_retry_row *rows = accs_retry_table(&row_count);

    lua_createtable(L, (int)row_count, 0);
    for (size_t i = 0; i < row_count; i++) {
        push_row(L, &rows[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

void accs_lua_policy_open(lua_State *L)
{
    lua_pushcfunction(L, retry_table);
    lua_setfield(L, -2, "retry_table");
}

/* Events and statistics as Lua tables: what core.meta.lua calls accs.Event and accs.core.Stats. */
#include "binding.h"

static void set_integer(lua_State *L, const char *name, lua_Integer value)
{
    lua_pushinteger(L, value);
    lua_setfield(L, -2, name);
}

/* Counts beyond what Lua can hold do not come in a life. */
static void set_count(lua_State *L, const char *name, uint64_t value)
{
    set_integer(L, name, (lua_Integer)value);
}

static void set_seconds(lua_State *L, const char *name, lua_Number microseconds)
{
    lua_pushnumber(L, microseconds / 1e6);
    lua_setfield(L, -2, name);
}

static void set_flag(lua_State *L, const char *name, bool flag)
{
    lua_pushboolean(L, flag);
    lua_setfield(L, -2, name);
}

/* Nothing for an empty one. */
static void set_text(lua_State *L, const char *name, const char *text)
{
    if (text[0] == '\0')
        return;
    lua_pushstring(L, text);
    lua_setfield(L, -2, name);
}

static void set_phases(lua_State *L, const accs_phases *phases)
{
    lua_createtable(L, 0, 6);
    set_seconds(L, "queue", (lua_Number)phases->queue_us);
    set_seconds(L, "name_lookup", (lua_Number)phases->name_lookup_us);
    set_seconds(L, "connect", (lua_Number)phases->connect_us);
    set_seconds(L, "tls", (lua_Number)phases->tls_us);
    set_seconds(L, "first_byte", (lua_Number)phases->first_byte_us);
    set_seconds(L, "total", (lua_Number)phases->total_us);
    lua_setfield(L, -2, "phases");
}

static void set_response(lua_State *L, const accs_event *event)
{
    set_count(L, "bytes", event->bytes);
    set_count(L, "bytes_in", event->bytes_in);
    set_count(L, "bytes_out", event->bytes_out);
    set_seconds(L, "elapsed", (lua_Number)event->elapsed_us);
    set_phases(L, &event->phases);
    set_text(L, "protocol", accs_protocol_name(event->protocol));
    if (event->sent)
        set_flag(L, "reused", event->reused);
}

void accs_lua_push_event(lua_State *L, const accs_event *event)
{
    lua_createtable(L, 0, 20);
    set_text(L, "kind", accs_event_name(event->kind));
    set_seconds(L, "time", (lua_Number)event->wall_ms * 1000);
    if (event->call != 0)
        set_integer(L, "call", (lua_Integer)event->call);
    if (event->attempt != 0)
        set_integer(L, "attempt", event->attempt);
    if (event->status != 0)
        set_integer(L, "status", event->status);
    if (event->error != ACCS_OK)
        set_text(L, "error", accs_error_name(event->error));
    if (event->delay_ms > 0)
        set_seconds(L, "delay", (lua_Number)event->delay_ms * 1000);
    if (event->dropped > 0)
        set_count(L, "dropped", event->dropped);
    set_text(L, "method", event->method);
    set_text(L, "url", event->url);
    set_text(L, "text", event->text);
    set_text(L, "reason", event->reason);
    if (event->secret != 0)
        set_integer(L, "secret", event->secret);
    set_text(L, "request_id", event->request_id);
    if (event->kind == ACCS_EVENT_RESPONSE)
        set_response(L, event);
    else if (event->elapsed_us > 0)
        set_seconds(L, "elapsed", (lua_Number)event->elapsed_us);
}

static void set_latency(lua_State *L, const accs_latency *latency)
{
    static const lua_Number bounds[] = {
#define BOUND(us) us,
        ACCS_LATENCY_BOUND_LIST(BOUND)
#undef BOUND
    };

    lua_createtable(L, 0, 7);
    set_count(L, "count", latency->count);
    set_seconds(L, "sum", (lua_Number)latency->sum_us);
    set_seconds(L, "max", (lua_Number)latency->max_us);
    set_seconds(L, "p50", (lua_Number)latency->p50_us);
    set_seconds(L, "p90", (lua_Number)latency->p90_us);
    set_seconds(L, "p99", (lua_Number)latency->p99_us);
    lua_createtable(L, ACCS_LATENCY_BOUND_COUNT, 0);
    for (size_t i = 0; i < ACCS_LATENCY_BOUND_COUNT; i++) {
        lua_createtable(L, 0, 2);
        set_seconds(L, "le", bounds[i]);
        set_count(L, "count", latency->at_most[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "buckets");
    lua_setfield(L, -2, "latency");
}

void accs_lua_push_stats(lua_State *L, const accs_stats *stats)
{
    luaL_checkstack(L, 6, NULL);
    lua_createtable(L, 0, 18);
    set_count(L, "started", stats->started);
    lua_createtable(L, 0, ACCS_ERROR_COUNT);
    for (size_t i = 0; i < ACCS_ERROR_COUNT; i++)
        if (i != ACCS_ERROR_PARSE) /* the core's own; no call ends with it */
            set_count(L, accs_error_name((accs_error)i), stats->ended[i]);
    lua_setfield(L, -2, "ended");
    set_count(L, "in_flight", stats->in_flight);
    set_count(L, "waiting", stats->waiting);
    set_count(L, "attempts", stats->attempts);
    set_count(L, "retries", stats->retries);
    set_count(L, "throttles", stats->throttles);
    lua_createtable(L, 0, ACCS_STAGE_COUNT);
    for (size_t i = 0; i < ACCS_STAGE_COUNT; i++)
        set_seconds(L, accs_stage_name((accs_stage)i), (lua_Number)stats->spent_us[i]);
    lua_setfield(L, -2, "spent");
    set_count(L, "bytes_in", stats->bytes_in);
    set_count(L, "bytes_out", stats->bytes_out);
    set_count(L, "connections_opened", stats->connections_opened);
    set_count(L, "connections_reused", stats->connections_reused);
    lua_createtable(L, 0, 3);
    set_count(L, "acquired", stats->tokens_acquired);
    set_count(L, "refreshed", stats->tokens_refreshed);
    set_count(L, "failed", stats->tokens_failed);
    lua_setfield(L, -2, "tokens");
    set_count(L, "events_dropped", stats->events_dropped);
    set_latency(L, &stats->latency);
}

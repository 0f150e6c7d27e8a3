#include "accs.h"

typedef struct error_entry {
    const char *name;
    const char *text;
} error_entry;

static const error_entry ERRORS[] = {[ACCS_OK] = {"ok", "no error"},
#define ERROR_ENTRY(id, error_name, error_text) [ACCS_ERROR_##id] = {error_name, error_text},
                                     ACCS_ERROR_LIST(ERROR_ENTRY)
#undef ERROR_ENTRY
};

static const char *const OUTCOMES[] = {
    [ACCS_OUTCOME_NOT_SENT] = "not_sent",
    [ACCS_OUTCOME_REFUSED] = "refused",
    [ACCS_OUTCOME_UNKNOWN] = "unknown",
    [ACCS_OUTCOME_DONE] = "done",
};

static const char *const EVENTS[] = {
    [ACCS_EVENT_REQUEST] = "request", [ACCS_EVENT_RESPONSE] = "response",
    [ACCS_EVENT_RETRY] = "retry",     [ACCS_EVENT_THROTTLE] = "throttle",
    [ACCS_EVENT_TOKEN] = "token",     [ACCS_EVENT_CACHE] = "cache",
};

static const char *const HOOKS[] = {
    [ACCS_HOOK_SECRET] = "secret", [ACCS_HOOK_LOAD] = "load", [ACCS_HOOK_SAVE] = "save",
    [ACCS_HOOK_REMOVE] = "remove", [ACCS_HOOK_LOCK] = "lock", [ACCS_HOOK_UNLOCK] = "unlock",
};

static const char *const JOBS[] = {
    [ACCS_AUTH_TOKEN] = "token",     [ACCS_AUTH_LOAD] = "load",
    [ACCS_AUTH_REFRESH] = "refresh", [ACCS_AUTH_VALIDATE] = "validate",
    [ACCS_AUTH_REVOKE] = "revoke",   [ACCS_AUTH_CLEAR] = "clear",
    [ACCS_AUTH_KEYS] = "keys",       [ACCS_AUTH_USER_INFO] = "user_info",
};

static const error_entry VERDICTS[] = {
#define VERDICT_ENTRY(id, verdict_name, verdict_text)                                              \
    [ACCS_JWT_##id] = {verdict_name, verdict_text},
    ACCS_JWT_VERDICT_LIST(VERDICT_ENTRY)
#undef VERDICT_ENTRY
};

static const char *const PROTOCOLS[] = {
    [ACCS_PROTOCOL_NONE] = "",
    [ACCS_PROTOCOL_HTTP_1_0] = "HTTP/1.0",
    [ACCS_PROTOCOL_HTTP_1_1] = "HTTP/1.1",
    [ACCS_PROTOCOL_HTTP_2] = "HTTP/2",
};

static const char *const STAGES[] = {
    [ACCS_STAGE_TOKEN] = "token",     [ACCS_STAGE_THROTTLE] = "throttle",
    [ACCS_STAGE_PLACE] = "place",     [ACCS_STAGE_TRANSFER] = "transfer",
    [ACCS_STAGE_BACKOFF] = "backoff",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const char *accs_error_name(accs_error error)
{
    return (size_t)error < COUNT(ERRORS) ? ERRORS[error].name : "unknown";
}

const char *accs_error_text(accs_error error)
{
    return (size_t)error < COUNT(ERRORS) ? ERRORS[error].text : "an error without a name";
}

const char *accs_outcome_name(accs_outcome outcome)
{
    return (size_t)outcome < COUNT(OUTCOMES) ? OUTCOMES[outcome] : "unknown";
}

const char *accs_event_name(accs_event_kind kind)
{
    return (size_t)kind < COUNT(EVENTS) ? EVENTS[kind] : "unknown";
}

const char *accs_protocol_name(accs_protocol protocol)
{
    return (size_t)protocol < COUNT(PROTOCOLS) ? PROTOCOLS[protocol] : "";
}

const char *accs_stage_name(accs_stage stage)
{
    return (size_t)stage < COUNT(STAGES) ? STAGES[stage] : "unknown";
}

const char *accs_hook_name(accs_hook_kind kind)
{
    return (size_t)kind < COUNT(HOOKS) ? HOOKS[kind] : "unknown";
}

const char *accs_auth_job_name(accs_auth_job job)
{
    return (size_t)job < COUNT(JOBS) ? JOBS[job] : "unknown";
}

const char *accs_jwt_verdict_name(accs_jwt_verdict verdict)
{
    return (size_t)verdict < COUNT(VERDICTS) ? VERDICTS[verdict].name : "unknown";
}

const char *accs_jwt_verdict_text(accs_jwt_verdict verdict)
{
    return (size_t)verdict < COUNT(VERDICTS) ? VERDICTS[verdict].text : "unknown";
}

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
    [ACCS_EVENT_TOKEN] = "token",
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

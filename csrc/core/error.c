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

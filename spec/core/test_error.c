#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "accs.h"

static void names_are_those_of_the_list(void **state)
{
    (void)state;
    assert_string_equal(accs_error_name(ACCS_OK), "ok");
    assert_string_equal(accs_error_name(ACCS_ERROR_CONFIG), "config");
    assert_string_equal(accs_error_name(ACCS_ERROR_RATE_LIMITED), "rate_limited");
    assert_string_equal(accs_error_name(ACCS_ERROR_PARSE), "parse");
    for (int i = 0; i <= ACCS_ERROR_PARSE; i++) {
        assert_true(strlen(accs_error_name((accs_error)i)) > 1);
        assert_true(strlen(accs_error_text((accs_error)i)) > 5);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(accs_error_name((accs_error)i), accs_error_name((accs_error)j));
    }
    assert_string_equal(accs_error_name((accs_error)99), "unknown");
    assert_non_null(accs_error_text((accs_error)99));
}

static void outcomes_and_events_have_names(void **state)
{
    (void)state;
    assert_string_equal(accs_outcome_name(ACCS_OUTCOME_NOT_SENT), "not_sent");
    assert_string_equal(accs_outcome_name(ACCS_OUTCOME_REFUSED), "refused");
    assert_string_equal(accs_outcome_name(ACCS_OUTCOME_UNKNOWN), "unknown");
    assert_string_equal(accs_outcome_name(ACCS_OUTCOME_DONE), "done");
    assert_string_equal(accs_event_name(ACCS_EVENT_REQUEST), "request");
    assert_string_equal(accs_event_name(ACCS_EVENT_RESPONSE), "response");
    assert_string_equal(accs_event_name(ACCS_EVENT_RETRY), "retry");
    assert_string_equal(accs_event_name(ACCS_EVENT_THROTTLE), "throttle");
    assert_string_equal(accs_event_name(ACCS_EVENT_TOKEN), "token");
    assert_string_equal(accs_event_name((accs_event_kind)99), "unknown");
    assert_string_equal(accs_protocol_name(ACCS_PROTOCOL_NONE), "");
    assert_string_equal(accs_protocol_name(ACCS_PROTOCOL_HTTP_1_0), "HTTP/1.0");
    assert_string_equal(accs_protocol_name(ACCS_PROTOCOL_HTTP_1_1), "HTTP/1.1");
    assert_string_equal(accs_protocol_name(ACCS_PROTOCOL_HTTP_2), "HTTP/2");
    assert_string_equal(accs_protocol_name((accs_protocol)99), "");
    assert_string_equal(accs_stage_name(ACCS_STAGE_TOKEN), "token");
    assert_string_equal(accs_stage_name(ACCS_STAGE_BACKOFF), "backoff");
    assert_string_equal(accs_stage_name((accs_stage)99), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_those_of_the_list),
        cmocka_unit_test(outcomes_and_events_have_names),
    };

    return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}

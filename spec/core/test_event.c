#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "event.h"
#include "limits.h"

static accs_engine *new_engine(void)
{
    accs_engine *engine = NULL;

    assert_int_equal(ACCS_OK, accs_engine_new(NULL, &engine, NULL));
    return engine;
}

static void what_nobody_fetches_is_dropped_and_counted(void **state)
{
    const accs_event event = {.kind = ACCS_EVENT_RETRY, .text = "x"};
    accs_listener slow = {.handle = 1, .wanted = true};
    accs_listener other = {.handle = 2, .wanted = true};
    accs_engine *engine = new_engine();
    accs_item item;

    (void)state;
    for (size_t i = 0; i < ACCS_LIMIT_MAX_EVENTS + 5; i++)
        accs_event_push(engine, &slow, &event);
    accs_event_push(engine, &other, &event);
    assert_int_equal(5, slow.dropped);
    assert_int_equal(1, other.dropped);
    for (size_t i = 0; i < ACCS_LIMIT_MAX_EVENTS; i++) {
        assert_true(accs_engine_next(engine, &item));
        assert_int_equal(0, item.event.dropped);
    }
    assert_false(accs_engine_next(engine, &item));
    accs_event_push(engine, &slow, &event);
    accs_event_push(engine, &slow, &event);
    accs_event_push(engine, &other, &event);
    assert_true(accs_engine_next(engine, &item));
    assert_int_equal(5, item.event.dropped);
    assert_true(accs_engine_next(engine, &item));
    assert_int_equal(0, item.event.dropped); /* told once */
    assert_true(accs_engine_next(engine, &item));
    assert_int_equal(1, item.event.dropped);
    assert_int_equal(2, item.id);
    accs_event_push(engine, &slow, &event); /* left in the queue: nothing leaks */
    accs_engine_free(engine);
}

static void nothing_is_queued_for_those_who_do_not_listen(void **state)
{
    const accs_event event = {.kind = ACCS_EVENT_RETRY};
    accs_listener deaf = {.handle = 1};
    accs_engine *engine = new_engine();
    accs_item item;

    (void)state;
    accs_event_push(engine, &deaf, &event);
    assert_false(accs_engine_next(engine, &item));
    assert_int_equal(0, deaf.dropped);
    accs_engine_free(engine);
}

static void an_event_has_the_time_of_the_wall(void **state)
{
    const accs_event event = {.kind = ACCS_EVENT_RETRY};
    accs_listener listener = {.handle = 1, .wanted = true};
    accs_engine *engine = new_engine();
    accs_item item;

    (void)state;
    accs_engine_refresh(engine);
    accs_event_push(engine, &listener, &event);
    assert_true(accs_engine_next(engine, &item));
    assert_in_range(item.event.wall_ms / 1000, time(NULL) - 2, time(NULL) + 2);
    accs_engine_free(engine);
}

static void words_that_are_too_long_end_in_dots_behind_a_word(void **state)
{
    static const struct {
        const char *text;
        const char *shown; /* of 16 bytes, with the NUL */
    } cases[] = {
        {"", ""},
        {"fifteen bytes..", "fifteen bytes.."},
        {"sixteen bytes...", "sixteen..."},
        {"one two three four", "one two..."},
        {"one two thre four", "one two thre..."},
        {"nothingtocutbehind", "nothingtocut..."},
        {"ab nothingtocutbehind", "ab nothingto..."},
        {"elevenbytes\xc3\xa4\xc3\xa4\xc3\xa4", "elevenbytes..."},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char field[16];

        accs_event_words(field, sizeof field, cases[i].text);
        assert_string_equal(cases[i].shown, field);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_nobody_fetches_is_dropped_and_counted),
        cmocka_unit_test(nothing_is_queued_for_those_who_do_not_listen),
        cmocka_unit_test(an_event_has_the_time_of_the_wall),
        cmocka_unit_test(words_that_are_too_long_end_in_dots_behind_a_word),
    };

    return cmocka_run_group_tests_name("event", tests, NULL, NULL);
}

/* What the core asks of the host: each question comes out of the queue once, and is answered once,
 * in time or not at all. */
#include "ask.h"
#include "engine_support.h"

#define TEXT(literal)                                                                              \
    (accs_text)                                                                                    \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

enum { SOON_MS = 60, FAR_MS = 60000 };

/* Who asks, and what it heard. */
typedef struct asker {
    accs_ask ask; /* first */
    unsigned settled;
    size_t value_count;
    char values[2][64];
    char problem[64]; /* "" for none */
    unsigned again;   /* so many questions more, each from within the answer */
    bool leaves;      /* cleans up from within the answer */
} asker;

static const accs_hook what = {.kind = ACCS_HOOK_LOAD, .host = 7, .key = "server-0-0"};

static void heard(accs_ask *ask, const accs_text *values, size_t value_count, const char *problem)
{
    asker *made = (asker *)(void *)ask;

    made->settled++;
    made->value_count = value_count;
    for (size_t i = 0; i < value_count && i < 2; i++)
        snprintf(made->values[i], sizeof made->values[i], "%.*s", (int)values[i].len,
                 values[i].bytes);
    snprintf(made->problem, sizeof made->problem, "%s", problem != NULL ? problem : "");
    if (made->again > 0) {
        made->again--;
        assert_int_equal(accs_ask_start(ask, &what, FAR_MS), ACCS_OK);
    }
    if (made->leaves)
        accs_ask_cleanup(ask);
}

static void init(asker *made, accs_engine *engine)
{
    *made = (asker){.ask = {.settled = heard}};
    assert_int_equal(accs_ask_init(&made->ask, engine), ACCS_OK);
}

static void ask(asker *made, int64_t timeout_ms)
{
    accs_engine_refresh(made->ask.engine);
    assert_int_equal(accs_ask_start(&made->ask, &what, timeout_ms), ACCS_OK);
}

/* The id of the question that waits in the queue. */
static uint64_t take(accs_engine *engine)
{
    accs_item item = {.kind = ACCS_ITEM_NONE};

    assert_true(accs_engine_next(engine, &item));
    assert_int_equal(item.kind, ACCS_ITEM_HOOK);
    assert_non_null(item.hook);
    accs_hook_free(item.hook);
    return item.id;
}

static void settle(accs_engine *engine, uint64_t id, const accs_text *values, size_t value_count,
                   const char *problem)
{
    assert_int_equal(accs_engine_settle(engine, id, values, value_count, problem, NULL), ACCS_OK);
}

/* Steps until this one heard, or time is over. */
static void step_until_heard(asker *made, accs_engine *engine, int64_t longest_ms)
{
    int64_t until = now_ms() + longest_ms;

    while (made->settled == 0 && now_ms() < until)
        assert_int_equal(accs_engine_step(engine, until - now_ms(), NULL), ACCS_OK);
}

static void a_question_comes_out_whole_and_is_answered(void **state)
{
    const accs_text values[] = {TEXT("one"), TEXT("two")};
    char bytes[] = "sealed\0bytes";
    accs_hook save = {.kind = ACCS_HOOK_SAVE, .host = 9, .key = "server-1-2", .ttl_ms = 1234};
    accs_engine *engine = new_engine();
    accs_item item = {.kind = ACCS_ITEM_NONE};
    asker made;

    (void)state;
    save.bytes = bytes;
    save.bytes_len = sizeof bytes;
    snprintf(save.owner, sizeof save.owner, "somebody");
    init(&made, engine);
    assert_int_equal(accs_engine_timeout_ms(engine), -1);
    assert_int_equal(accs_ask_start(&made.ask, &save, FAR_MS), ACCS_OK);
    memset(bytes, 'x', sizeof bytes); /* copied */
    assert_int_equal(accs_engine_timeout_ms(engine), 0);
    assert_int_equal(accs_engine_pending(engine), 0); /* neither call nor timer of the user */
    assert_true(readable(accs_engine_fd(engine), 1000));
    assert_true(accs_engine_next(engine, &item));
    assert_int_equal(item.kind, ACCS_ITEM_HOOK);
    assert_true(item.id != 0);
    assert_null(item.reply);
    assert_int_equal(item.hook->kind, ACCS_HOOK_SAVE);
    assert_int_equal(item.hook->host, 9);
    assert_int_equal(item.hook->ttl_ms, 1234);
    assert_string_equal(item.hook->key, "server-1-2");
    assert_string_equal(item.hook->owner, "somebody");
    assert_int_equal(item.hook->bytes_len, sizeof bytes);
    assert_memory_equal(item.hook->bytes, "sealed\0bytes", sizeof bytes);
    accs_hook_free(item.hook);
    accs_hook_free(NULL);
    assert_true(queue_is_empty(engine));
    assert_int_equal(made.settled, 0);

    settle(engine, item.id, values, 2, NULL);
    assert_int_equal(made.settled, 1);
    assert_int_equal(made.value_count, 2);
    assert_string_equal(made.values[0], "one");
    assert_string_equal(made.values[1], "two");
    assert_string_equal(made.problem, "");
    assert_int_equal(accs_engine_timeout_ms(engine), -1); /* its patience is over with it */
    accs_ask_cleanup(&made.ask);
    accs_engine_free(engine);
}

static void a_problem_comes_without_values(void **state)
{
    const accs_text value = TEXT("one");
    accs_engine *engine = new_engine();
    asker made;

    (void)state;
    init(&made, engine);
    ask(&made, FAR_MS);
    settle(engine, take(engine), &value, 1, "the store is closed");
    assert_int_equal(made.settled, 1);
    assert_int_equal(made.value_count, 0);
    assert_string_equal(made.problem, "the store is closed");
    accs_ask_cleanup(&made.ask);
    accs_engine_free(engine);
}

static void who_hears_nothing_hears_that(void **state)
{
    static const struct {
        int64_t timeout_ms;
        const char *problem;
    } rows[] = {{SOON_MS, "no answer within 60 ms"}, {1000, "no answer within 1 s"}};
    accs_engine *engine = new_engine();

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t start = now_ms();
        uint64_t id;
        asker made;

        init(&made, engine);
        ask(&made, rows[i].timeout_ms);
        id = take(engine);
        assert_in_range(accs_engine_timeout_ms(engine), 1, rows[i].timeout_ms);
        step_until_heard(&made, engine, PATIENCE_MS);
        assert_int_equal(made.settled, 1);
        assert_string_equal(made.problem, rows[i].problem);
        assert_in_range(now_ms() - start, rows[i].timeout_ms - 1, rows[i].timeout_ms + 1000);
        settle(engine, id, NULL, 0, NULL); /* too late */
        assert_int_equal(made.settled, 1);
        accs_ask_cleanup(&made.ask);
    }
    accs_engine_free(engine);
}

static void answers_that_nobody_waits_for_are_ignored(void **state)
{
    accs_engine *engine = new_engine();
    asker other;
    asker made;
    uint64_t first;
    uint64_t second;

    (void)state;
    init(&made, engine);
    init(&other, engine);
    settle(engine, 0, NULL, 0, NULL); /* nothing is asked */
    ask(&made, FAR_MS);
    first = take(engine);
    settle(engine, 0, NULL, 0, NULL);
    settle(engine, first + 1, NULL, 0, NULL);
    settle(engine, UINT64_MAX, NULL, 0, NULL);
    assert_int_equal(made.settled, 0);
    settle(engine, first, NULL, 0, NULL);
    settle(engine, first, NULL, 0, "twice");
    assert_int_equal(made.settled, 1);
    ask(&made, FAR_MS);
    second = take(engine);
    assert_true(second != first);
    settle(engine, first, NULL, 0, "of the first question");
    assert_int_equal(made.settled, 1);
    accs_ask_stop(&made.ask);
    settle(engine, second, NULL, 0, "stopped");
    assert_int_equal(made.settled, 1);
    assert_int_equal(other.settled, 0);
    accs_ask_cleanup(&other.ask);
    accs_ask_cleanup(&made.ask);
    accs_engine_free(engine);
}

static void a_second_question_takes_the_place_of_the_first(void **state)
{
    accs_engine *engine = new_engine();
    asker made;
    uint64_t first;
    uint64_t second;

    (void)state;
    init(&made, engine);
    ask(&made, FAR_MS);
    ask(&made, FAR_MS);
    first = take(engine);
    second = take(engine);
    settle(engine, first, NULL, 0, "the first");
    assert_int_equal(made.settled, 0);
    settle(engine, second, NULL, 0, "the second");
    assert_string_equal(made.problem, "the second");
    accs_ask_cleanup(&made.ask);
    accs_engine_free(engine);
}

static void an_answer_may_ask_the_next_or_be_the_last(void **state)
{
    accs_engine *engine = new_engine();
    asker made;
    asker last;

    (void)state;
    init(&made, engine);
    init(&last, engine);
    made.again = 2;
    last.leaves = true;
    ask(&made, FAR_MS);
    settle(engine, take(engine), NULL, 0, NULL);
    settle(engine, take(engine), NULL, 0, NULL);
    made.leaves = true;
    settle(engine, take(engine), NULL, 0, NULL);
    assert_int_equal(made.settled, 3);
    assert_true(queue_is_empty(engine));
    ask(&last, SOON_MS);
    step_until_heard(&last, engine, PATIENCE_MS); /* from its timer */
    assert_int_equal(last.settled, 1);
    assert_int_equal(take(engine) != 0, 1);
    accs_engine_free(engine);
}

/* Of several each hears its own answer, in whatever order they come and go. */
static void each_hears_its_own_answer(void **state)
{
    enum { ASKERS = 5 };
    static const char *const texts[ASKERS] = {"a", "b", "c", "d", "e"};
    static const int order[ASKERS] = {2, 0, 4, 3, 1};
    accs_engine *engine = new_engine();
    asker made[ASKERS];
    uint64_t ids[ASKERS];

    (void)state;
    for (int i = 0; i < ASKERS; i++) {
        init(&made[i], engine);
        ask(&made[i], FAR_MS);
        ids[i] = take(engine);
    }
    assert_int_equal(accs_engine_timers(engine)->reserved, ASKERS);
    accs_ask_cleanup(&made[3].ask);
    accs_ask_cleanup(&made[3].ask);
    assert_int_equal(accs_engine_timers(engine)->reserved, ASKERS - 1);
    for (int i = 0; i < ASKERS; i++) {
        const accs_text value = {texts[order[i]], 1};

        settle(engine, ids[order[i]], &value, 1, NULL);
    }
    for (int i = 0; i < ASKERS; i++) {
        assert_int_equal(made[i].settled, i != 3);
        if (i != 3)
            assert_string_equal(made[i].values[0], texts[i]);
        accs_ask_cleanup(&made[i].ask);
    }
    accs_engine_free(engine);
}

static void who_asked_may_be_gone_when_the_host_answers(void **state)
{
    accs_engine *engine = new_engine();
    asker *made = malloc(sizeof *made);
    uint64_t id;

    (void)state;
    assert_non_null(made);
    init(made, engine);
    ask(made, FAR_MS);
    accs_ask_cleanup(&made->ask);
    free(made);
    id = take(engine); /* the host may do it all the same */
    settle(engine, id, NULL, 0, NULL);
    accs_engine_free(engine);
}

static void what_is_told_waits_for_no_answer(void **state)
{
    accs_engine *engine = new_engine();

    (void)state;
    assert_int_equal(accs_ask_send(engine, &what), ACCS_OK);
    assert_int_equal(accs_engine_timeout_ms(engine), 0);
    settle(engine, take(engine), NULL, 0, "nobody minds");
    assert_int_equal(accs_engine_timeout_ms(engine), -1);
    assert_int_equal(accs_ask_send(engine, &what), ACCS_OK); /* never taken */
    accs_engine_free(engine);
}

static void the_engine_may_go_first(void **state)
{
    accs_engine *engine = new_engine();
    asker open;
    asker idle;

    (void)state;
    init(&open, engine);
    init(&idle, engine);
    ask(&open, FAR_MS);
    accs_engine_free(engine);
    assert_int_equal(open.settled, 0);
    accs_ask_stop(&open.ask);
    accs_ask_cleanup(&open.ask);
    accs_ask_cleanup(&idle.ask);
}

typedef struct forked {
    accs_engine *engine;
    uint64_t id;
    asker *made;
} forked;

static int settle_in_a_child(void *context)
{
    const forked *scene = context;
    accs_failure failure = {.code = ACCS_OK};
    bool refused = accs_engine_settle(scene->engine, scene->id, NULL, 0, NULL, &failure) ==
                       ACCS_ERROR_CLOSED &&
                   failure.code == ACCS_ERROR_CLOSED && scene->made->settled == 0;

    accs_ask_cleanup(&scene->made->ask);
    accs_engine_free(scene->engine);
    return refused ? 0 : 1;
}

static void a_forked_child_answers_nothing(void **state)
{
    accs_engine *engine = new_engine();
    forked scene = {.engine = engine};
    asker made;

    (void)state;
    init(&made, engine);
    ask(&made, FAR_MS);
    scene.made = &made;
    scene.id = take(engine);
    assert_int_equal(in_a_child(settle_in_a_child, &scene), 0);
    settle(engine, scene.id, NULL, 0, NULL); /* the parent's question lives on */
    assert_int_equal(made.settled, 1);
    accs_ask_cleanup(&made.ask);
    accs_engine_free(engine);
}

static void the_descriptor_follows_the_next_question(void **state)
{
    accs_engine *engine = new_engine();
    int fd = accs_engine_fd(engine);
    asker made;

    (void)state;
    init(&made, engine);
    ask(&made, FAR_MS);
    made.again = 1;
    settle(engine, take(engine), NULL, 0, NULL);
    assert_true(readable(fd, 1000)); /* the next one waits in the queue */
    take(engine);
    assert_int_equal(accs_engine_step(engine, 0, NULL), ACCS_OK);
    assert_false(readable(fd, 0));
    accs_ask_cleanup(&made.ask);
    accs_engine_free(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_question_comes_out_whole_and_is_answered),
        cmocka_unit_test(a_problem_comes_without_values),
        cmocka_unit_test(who_hears_nothing_hears_that),
        cmocka_unit_test(answers_that_nobody_waits_for_are_ignored),
        cmocka_unit_test(a_second_question_takes_the_place_of_the_first),
        cmocka_unit_test(an_answer_may_ask_the_next_or_be_the_last),
        cmocka_unit_test(each_hears_its_own_answer),
        cmocka_unit_test(who_asked_may_be_gone_when_the_host_answers),
        cmocka_unit_test(what_is_told_waits_for_no_answer),
        cmocka_unit_test(the_engine_may_go_first),
        cmocka_unit_test(a_forked_child_answers_nothing),
        cmocka_unit_test(the_descriptor_follows_the_next_question),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

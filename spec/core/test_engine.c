#include "engine_support.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static uint64_t start_timer(accs_engine *engine, int64_t delay_ms)
{
    uint64_t id = 0;

    assert_int_equal(accs_engine_timer(engine, delay_ms, &id, NULL), ACCS_OK);
    assert_true(id != 0);
    return id;
}

static void expect_timer(accs_engine *engine, uint64_t id, accs_error code)
{
    accs_item item = next_item(engine);

    assert_int_equal(item.kind, ACCS_ITEM_TIMER);
    assert_int_equal(item.id, id);
    assert_int_equal(item.failure.code, code);
    assert_int_equal(item.failure.retry_after_ms, -1);
    assert_null(item.reply);
}

static void a_timer_comes_out_once_and_not_early(void **state)
{
    accs_engine *engine = new_engine();
    int64_t start = now_ms();
    uint64_t id = start_timer(engine, 50);

    (void)state;
    assert_int_equal(accs_engine_step(engine, 0, NULL), ACCS_OK);
    assert_true(queue_is_empty(engine));
    expect_timer(engine, id, ACCS_OK);
    assert_true(now_ms() - start >= 50);
    assert_int_equal(accs_engine_step(engine, 20, NULL), ACCS_OK);
    assert_true(queue_is_empty(engine));
    accs_engine_free(engine);
}

static void timers_come_out_in_order(void **state)
{
    accs_engine *engine = new_engine();
    uint64_t late = start_timer(engine, 300);
    uint64_t past = start_timer(engine, -5000); /* counts as 0 */
    uint64_t never = start_timer(engine, INT64_MAX);
    uint64_t soon = start_timer(engine, 150);

    (void)state;
    expect_timer(engine, past, ACCS_OK);
    expect_timer(engine, soon, ACCS_OK);
    expect_timer(engine, late, ACCS_OK);
    assert_int_equal(accs_engine_step(engine, 10, NULL), ACCS_OK);
    assert_true(queue_is_empty(engine));
    accs_engine_cancel(engine, never);
    expect_timer(engine, never, ACCS_ERROR_CANCELLED);
    accs_engine_free(engine);
}

/* Many, some cancelled before or after their moment: each comes out once, as what it was. */
static void of_many_timers_each_comes_out_once(void **state)
{
    enum { TIMERS = 300 };
    accs_engine *engine = new_engine();
    uint64_t ids[TIMERS];
    int seen[TIMERS] = {0};

    (void)state;
    for (int i = 0; i < TIMERS; i++)
        ids[i] = start_timer(engine, i % 3 == 0 ? 60000 : i % 7);
    for (int i = 0; i < TIMERS; i += 3) {
        accs_engine_cancel(engine, ids[i]);
        accs_engine_cancel(engine, ids[i]); /* finished already: ignored */
    }
    assert_int_equal(accs_engine_pending(engine), TIMERS);
    for (int left = TIMERS; left > 0; left--) {
        accs_item item = next_item(engine);
        int which = 0;

        while (which < TIMERS - 1 && ids[which] != item.id)
            which++;
        assert_true(ids[which] == item.id);
        assert_int_equal(item.failure.code, which % 3 == 0 ? ACCS_ERROR_CANCELLED : ACCS_OK);
        seen[which]++;
        assert_int_equal(accs_engine_pending(engine), left - 1);
    }
    for (int i = 0; i < TIMERS; i++)
        assert_int_equal(seen[i], 1);
    assert_true(queue_is_empty(engine));
    accs_engine_free(engine);
}

static void ids_that_mean_nothing_are_ignored(void **state)
{
    accs_engine *engine = new_engine();
    uint64_t old = start_timer(engine, 0);
    uint64_t id;
    const uint64_t odd[] = {0, 1, 2, 33, UINT32_MAX, UINT64_C(1) << 32, UINT64_MAX, old};

    (void)state;
    expect_timer(engine, old, ACCS_OK);
    id = start_timer(engine, 60000); /* in the place of the old one */
    for (size_t i = 0; i < COUNT(odd); i++)
        accs_engine_cancel(engine, odd[i]);
    assert_true(queue_is_empty(engine));
    assert_int_equal(accs_engine_pending(engine), 1);
    accs_engine_cancel(engine, id);
    expect_timer(engine, id, ACCS_ERROR_CANCELLED);
    accs_engine_cancel(engine, id);
    assert_true(queue_is_empty(engine));
    assert_int_equal(accs_engine_pending(engine), 0);
    accs_engine_free(engine);
}

static void ids_are_not_given_again(void **state)
{
    enum { TIMERS = 2000 };
    accs_engine *engine = new_engine();
    static uint64_t ids[TIMERS];

    (void)state;
    for (int i = 0; i < TIMERS; i++) {
        ids[i] = start_timer(engine, 60000);
        assert_true(ids[i] <= INT64_MAX); /* a positive integer in Lua */
        accs_engine_cancel(engine, ids[i]);
        expect_timer(engine, ids[i], ACCS_ERROR_CANCELLED);
        for (int j = 0; j < i; j++)
            assert_true(ids[j] != ids[i]);
    }
    accs_engine_free(engine);
}

static void the_descriptor_is_readable_when_there_is_work(void **state)
{
    accs_engine *engine = new_engine();
    int fd = accs_engine_fd(engine);
    uint64_t id;
    uint64_t other;

    (void)state;
    assert_false(readable(fd, 0));
    id = start_timer(engine, 40);
    assert_false(readable(fd, 0));
    assert_true(readable(fd, PATIENCE_MS));
    expect_timer(engine, id, ACCS_OK);
    assert_false(readable(fd, 0));

    id = start_timer(engine, 60000);
    other = start_timer(engine, 0);
    assert_true(readable(fd, PATIENCE_MS));
    expect_timer(engine, other, ACCS_OK);
    assert_false(readable(fd, 0));
    accs_engine_cancel(engine, id); /* something waits in the queue */
    assert_true(readable(fd, PATIENCE_MS));
    assert_true(readable(fd, PATIENCE_MS));
    expect_timer(engine, id, ACCS_ERROR_CANCELLED);
    assert_false(readable(fd, 0));
    assert_int_equal(accs_engine_step(engine, 0, NULL), ACCS_OK);
    assert_false(readable(fd, 0));
    accs_engine_free(engine);
}

/* A host may ask for the descriptor late: what is under way already counts. */
static void the_descriptor_knows_what_came_before_it(void **state)
{
    accs_engine *engine = new_engine();
    uint64_t id = start_timer(engine, 60000);
    int fd;

    (void)state;
    start_timer(engine, 20);
    fd = accs_engine_fd(engine);
    assert_false(readable(fd, 0));
    assert_true(readable(fd, PATIENCE_MS));
    assert_int_equal(next_item(engine).failure.code, ACCS_OK);
    assert_int_equal(accs_engine_fd(engine), fd);
    accs_engine_cancel(engine, id);
    assert_true(readable(fd, PATIENCE_MS));
    accs_engine_free(engine);
}

static void the_timeout_tells_how_long_a_host_may_wait(void **state)
{
    accs_engine *engine = new_engine();
    uint64_t id;

    (void)state;
    assert_int_equal(accs_engine_timeout_ms(engine), -1);
    id = start_timer(engine, 5000);
    assert_in_range(accs_engine_timeout_ms(engine), 1, 5001);
    accs_engine_cancel(engine, id);
    assert_int_equal(accs_engine_timeout_ms(engine), 0);
    expect_timer(engine, id, ACCS_ERROR_CANCELLED);
    assert_int_equal(accs_engine_timeout_ms(engine), -1);
    id = start_timer(engine, 0); /* from the next whole millisecond on */
    assert_in_range(accs_engine_timeout_ms(engine), 0, 1);
    expect_timer(engine, id, ACCS_OK);
    accs_engine_free(engine);
}

static void a_step_waits_as_long_as_it_may(void **state)
{
    accs_engine *engine = new_engine();
    int64_t start = now_ms();
    uint64_t id;

    (void)state;
    assert_int_equal(accs_engine_step(engine, 40, NULL), ACCS_OK);
    assert_in_range(now_ms() - start, 39, PATIENCE_MS);
    id = start_timer(engine, 60000);
    start = now_ms();
    assert_int_equal(accs_engine_step(engine, 0, NULL), ACCS_OK);
    assert_int_equal(accs_engine_step(engine, 40, NULL), ACCS_OK); /* the timer is later */
    assert_in_range(now_ms() - start, 39, PATIENCE_MS);
    accs_engine_cancel(engine, id);
    start = now_ms();
    assert_int_equal(accs_engine_step(engine, -1, NULL), ACCS_OK); /* the queue holds something */
    assert_true(now_ms() - start < PATIENCE_MS);
    accs_engine_free(engine);
}

static void on_alarm(int number)
{
    (void)number;
}

static void a_signal_ends_a_step_without_an_error(void **state)
{
    const struct sigaction action = {.sa_handler = on_alarm};
    const struct itimerval soon = {{0, 20000}, {0, 20000}};
    const struct itimerval off = {{0, 0}, {0, 0}};
    struct sigaction before;
    accs_engine *engine = new_engine();
    int64_t start = now_ms();

    (void)state;
    assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
    assert_int_equal(accs_engine_step(engine, PATIENCE_MS, NULL), ACCS_OK);
    assert_int_equal(setitimer(ITIMER_REAL, &off, NULL), 0);
    assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
    assert_true(now_ms() - start < PATIENCE_MS / 2);
    assert_true(queue_is_empty(engine));
    accs_engine_free(engine);
}

static void an_engine_may_go_with_anything_under_way(void **state)
{
    (void)state;
    accs_engine_free(NULL);
    for (int with_fd = 0; with_fd < 2; with_fd++) {
        uint16_t port;
        int listener = open_port(&port);
        accs_engine *engine = new_engine();
        accs_client *before = new_client(engine, port, 1);
        accs_client *after = new_client(engine, port, 1);

        if (with_fd)
            accs_engine_fd(engine);
        for (int i = 0; i < 5; i++) { /* timers and the calls' own mixed in one heap */
            start_timer(engine, INT64_C(1000) * (i + 1));
            start_get(before); /* one gets a place, the others wait */
            start_timer(engine, 200000 + i);
        }
        start_timer(engine, 0);
        accs_engine_cancel(engine, start_timer(engine, 60000));
        accs_engine_cancel(engine, start_get(before)); /* these stay in the queue */
        for (int i = 0; i < 3; i++)
            assert_int_equal(accs_engine_step(engine, 10, NULL), ACCS_OK);
        start_get(after);
        accs_client_free(before);
        accs_engine_free(engine);
        accs_client_free(after);
        close(listener);
    }
}

/* Without descriptors no engine, and a reason. */
static void an_engine_needs_descriptors(void **state)
{
    struct rlimit before;
    struct rlimit tight;
    accs_engine *engine = NULL;
    accs_failure failure = {.code = ACCS_OK};
    int lowest = open("/dev/null", O_RDONLY | O_CLOEXEC);
    accs_error error;

    (void)state;
    accs_engine_free(new_engine()); /* libcurl is initialised */
    assert_true(lowest >= 0);
    close(lowest);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    tight = before;
    tight.rlim_cur = (rlim_t)lowest;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    error = accs_engine_new(NULL, &engine, &failure);
    assert_int_equal(accs_engine_new(NULL, &engine, NULL), ACCS_ERROR_IO);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(error, ACCS_ERROR_IO);
    assert_int_equal(failure.code, ACCS_ERROR_IO);
    assert_int_equal(failure.system_errno, EMFILE);
    assert_non_null(strstr(failure.text, strerror(EMFILE)));
    assert_null(engine);
}

static int refused_in_the_child(void *context)
{
    accs_engine *engine = context;
    accs_failure failure = {.code = ACCS_OK};
    accs_item item;
    uint64_t id = 77;
    size_t pending = accs_engine_pending(engine);
    const accs_client_options options = {.base_url = "https://example.com", .access_token = "t"};
    accs_client *client = NULL;

    if (accs_engine_step(engine, -1, &failure) != ACCS_ERROR_CLOSED ||
        failure.code != ACCS_ERROR_CLOSED || strstr(failure.text, "forked") == NULL)
        return 1;
    if (accs_engine_timer(engine, 0, &id, NULL) != ACCS_ERROR_CLOSED || id != 77)
        return 2;
    if (accs_client_new(engine, &options, &client, NULL) != ACCS_ERROR_CLOSED || client != NULL)
        return 3;
    accs_engine_cancel(engine, (UINT64_C(1) << 32) | 1); /* the parent's timer */
    if (accs_engine_next(engine, &item))
        return 4;
    if (accs_engine_pending(engine) != pending)
        return 5;
    accs_engine_fd(engine);
    accs_engine_free(engine);
    return 42;
}

static void a_forked_child_can_only_let_go(void **state)
{
    accs_engine *engine = new_engine();
    int64_t start = now_ms();
    uint64_t id = start_timer(engine, 300);
    int fd = accs_engine_fd(engine);

    (void)state;
    assert_int_equal(in_a_child(refused_in_the_child, engine), 42);
    if (now_ms() - start < 200)
        assert_false(readable(fd, 0));
    assert_true(readable(fd, PATIENCE_MS));
    assert_true(now_ms() - start >= 300);
    expect_timer(engine, id, ACCS_OK);
    assert_true(queue_is_empty(engine));
    accs_engine_free(engine);
}

static int waits_in_the_child(void *context)
{
    accs_engine *const *both = context;

    return accs_engines_wait(both, 2, PATIENCE_MS, NULL) == ACCS_OK ? 42 : 1;
}

static void several_engines_are_waited_for_together(void **state)
{
    accs_engine *both[2] = {new_engine(), new_engine()};
    int64_t start = now_ms();
    uint64_t late = start_timer(both[0], 60000);
    uint64_t id = start_timer(both[1], 80);

    (void)state;
    assert_int_equal(accs_engines_wait(both, 2, 20, NULL), ACCS_OK);
    assert_true(now_ms() - start >= 20 && now_ms() - start < 80);
    assert_int_equal(accs_engines_wait(both, 2, 0, NULL), ACCS_OK);
    assert_int_equal(accs_engines_wait(both, 2, -1, NULL), ACCS_OK);
    assert_true(now_ms() - start >= 80 && now_ms() - start < PATIENCE_MS);
    assert_true(queue_is_empty(both[1])); /* nothing is moved */
    expect_timer(both[1], id, ACCS_OK);
    accs_engine_cancel(both[0], late); /* is in the queue now */
    start = now_ms();
    assert_int_equal(accs_engines_wait(both, 2, -1, NULL), ACCS_OK);
    expect_timer(both[0], late, ACCS_ERROR_CANCELLED);
    /* In a child they count as ready: their steps say what is wrong. */
    assert_int_equal(in_a_child(waits_in_the_child, both), 42);
    assert_true(now_ms() - start < PATIENCE_MS);
    assert_int_equal(accs_engines_wait(NULL, 0, 10, NULL), ACCS_OK);
    accs_engine_free(both[0]);
    accs_engine_free(both[1]);
}

typedef struct family {
    accs_engine *engine;
    accs_client *client;
    bool client_first;
} family;

static int freed_in_the_child(void *context)
{
    const family *all = context;

    if (all->client_first)
        accs_client_free(all->client);
    accs_engine_free(all->engine);
    if (!all->client_first)
        accs_client_free(all->client);
    return 42;
}

/* The parent's alarm and its calls do not notice that a child throws its copies away. */
static void a_forked_child_leaves_the_parents_calls_alone(void **state)
{
    (void)state;
    for (int client_first = 0; client_first < 2; client_first++) {
        uint16_t port;
        int listener = open_port(&port);
        accs_engine *engine = new_engine();
        family all = {engine, new_client(engine, port, 1), client_first};
        uint64_t call = start_get(all.client);
        uint64_t timer;
        int fd = accs_engine_fd(engine);
        int64_t start;
        accs_item item;

        start_get(all.client); /* waits for its turn */
        for (int i = 0; i < 3; i++)
            assert_int_equal(accs_engine_step(engine, 20, NULL), ACCS_OK);
        start = now_ms();
        timer = start_timer(engine, 400);
        assert_int_equal(in_a_child(freed_in_the_child, &all), 42);
        while (now_ms() - start < 300 && readable(fd, 0)) { /* libcurl has timers of its own */
            assert_int_equal(accs_engine_timeout_ms(engine), 0);
            assert_int_equal(accs_engine_step(engine, 0, NULL), ACCS_OK);
        }
        assert_int_equal(accs_engine_pending(engine), 3);
        assert_true(readable(fd, PATIENCE_MS));
        expect_timer(engine, timer, ACCS_OK);
        assert_true(now_ms() - start >= 400);
        accs_engine_cancel(engine, call);
        item = next_item(engine);
        assert_int_equal(item.id, call);
        assert_int_equal(item.failure.code, ACCS_ERROR_CANCELLED);
        accs_reply_free(item.reply);
        accs_client_free(all.client);
        accs_engine_free(engine);
        close(listener);
    }
}

static void two_engines_do_not_know_each_other(void **state)
{
    const accs_engine_options options = {.max_connections = 1};
    accs_engine *left = new_engine();
    accs_engine *right = NULL;
    uint64_t id;

    (void)state;
    assert_int_equal(accs_engine_new(&options, &right, NULL), ACCS_OK);
    id = start_timer(left, 60000);
    accs_engine_cancel(right, id);
    assert_int_equal(accs_engine_pending(left), 1);
    assert_int_equal(accs_engine_pending(right), 0);
    assert_true(queue_is_empty(left));
    assert_true(accs_engine_fd(left) != accs_engine_fd(right));
    accs_engine_free(left);
    id = start_timer(right, 0);
    expect_timer(right, id, ACCS_OK);
    accs_engine_free(right);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_timer_comes_out_once_and_not_early),
        cmocka_unit_test(timers_come_out_in_order),
        cmocka_unit_test(of_many_timers_each_comes_out_once),
        cmocka_unit_test(ids_that_mean_nothing_are_ignored),
        cmocka_unit_test(ids_are_not_given_again),
        cmocka_unit_test(the_descriptor_is_readable_when_there_is_work),
        cmocka_unit_test(the_descriptor_knows_what_came_before_it),
        cmocka_unit_test(the_timeout_tells_how_long_a_host_may_wait),
        cmocka_unit_test(a_step_waits_as_long_as_it_may),
        cmocka_unit_test(a_signal_ends_a_step_without_an_error),
        cmocka_unit_test(an_engine_may_go_with_anything_under_way),
        cmocka_unit_test(an_engine_needs_descriptors),
        cmocka_unit_test(a_forked_child_can_only_let_go),
        cmocka_unit_test(a_forked_child_leaves_the_parents_calls_alone),
        cmocka_unit_test(several_engines_are_waited_for_together),
        cmocka_unit_test(two_engines_do_not_know_each_other),
    };

    return cmocka_run_group_tests_name("engine", tests, without_proxies, NULL);
}

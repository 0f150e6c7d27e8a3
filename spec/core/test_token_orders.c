/* Random orders of whatever can be done with tokens: jobs, calls, cancels, answers of the host
 * late, twice or never, owners and engine freed at any moment, a forked child now and then. Each
 * started job and call comes out exactly once, and each lock that was had is given back.
 *
 * ORDERS_SEED    the first sequence; 1 by default
 * ORDERS_COUNT   how many, one for each seed; 40 by default
 *
 * Seeds are written as they begin, so that the last one is the one to repeat, however it ended:
 * ORDERS_SEED=17 ORDERS_COUNT=1. The acts are the same then; what the network does meanwhile is
 * not.
 */
#include "ims_support.h"

#include <fcntl.h>
#include <glob.h>
#include <sys/file.h>

enum {
    SEEDS = 40,
    LIVES = 2, /* of one seed: the second finds what the first has kept */
    SLOTS = 4, /* auths, and clients, at a time */
    OWNERS = 2 * SLOTS,
    THINGS_MAX = 256,
    HOOKS_MAX = 32,
    LOCKS_MAX = 256,
    ENTRIES = 8,
    SCRIPT = 20, /* answers of IMS and of the service */
    CHILD_S = 20
};

#define COUNT(list) (sizeof(list) / sizeof(list)[0])

/* A job or a call. */
typedef struct thing {
    uint64_t id;
    bool cancelled;
    bool ended;
} thing;

/* A question of the core that the host has not forgotten. */
typedef struct question {
    uint64_t id;
    accs_hook *hook;
    bool answered;
} question;

/* Of the host's store. */
typedef struct entry {
    char key[ACCS_STORE_KEY_MAX + 1];
    char bytes[4096];
    size_t bytes_len; /* 0: free */
} entry;

/* Of the host's store: asked for, and not given back yet. */
typedef struct store_lock {
    char owner[33];
    bool free; /* it was not had: nothing is to be given back */
} store_lock;

typedef struct world {
    uint64_t seed;
    uint64_t moment; /* of the seed */
    uint64_t random;
    ims_server *server;
    accs_engine *engine; /* NULL: freed */
    accs_auth *auths[SLOTS];
    accs_client *clients[SLOTS];
    thing things[THINGS_MAX];
    size_t thing_count;
    size_t under_way;
    question questions[HOOKS_MAX];
    size_t question_count;
    entry entries[ENTRIES];
    store_lock locks[LOCKS_MAX];
    size_t lock_count;
} world;

/* ----------------------------------------------------------------- chance */

/* Random bits that are the same for a seed (xorshift64). */
static uint64_t next_random(uint64_t *random)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return *random;
}

/* A moment draws the same whatever came before, which depends on the network. */
static void next_moment(world *all)
{
    all->moment++;
    all->random =
        (all->seed * UINT64_C(0x9e3779b97f4a7c15)) ^ (all->moment * UINT64_C(0xbf58476d1ce4e5b9));
    all->random |= 1; /* from 0 xorshift never leaves */
    for (int i = 0; i < 8; i++)
        next_random(&all->random);
}

static size_t below(world *all, size_t limit)
{
    return (size_t)(next_random(&all->random) >> 16) % limit;
}

static bool one_in(world *all, size_t count)
{
    return below(all, count) == 0;
}

/* The other way round: most of them. */
static bool but_one_in(world *all, size_t count)
{
    return !one_in(all, count);
}

/* 0 to count - 1 in any order. */
static void shuffle(world *all, size_t *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        numbers[i] = i;
    for (size_t i = count; i > 1; i--) {
        size_t other = below(all, i);
        size_t last = numbers[i - 1];

        numbers[i - 1] = numbers[other];
        numbers[other] = last;
    }
}

/* --------------------------------------------------------- what was started */

static thing *find_thing(world *all, uint64_t id)
{
    for (size_t i = 0; i < all->thing_count; i++)
        if (all->things[i].id == id)
            return &all->things[i];
    return NULL;
}

static void note_start(world *all, uint64_t id)
{
    assert_null(find_thing(all, id));
    all->things[all->thing_count++] = (thing){.id = id};
    all->under_way++;
}

static void note_end(world *all, uint64_t id)
{
    thing *found = find_thing(all, id);

    assert_non_null(found);
    assert_false(found->ended);
    found->ended = true;
    all->under_way--;
}

/* ---------------------------------------------------------------- the host */

static const accs_text secrets[] = {
    {"not-a-secret-1", 14}, {"not-a-secret-2", 14}, {"not-a-secret-3", 14}};

/* The entry of the key, or one that is free, or another, which is lost then. */
static entry *find_entry(world *all, const char *key)
{
    for (size_t i = 0; i < ENTRIES; i++)
        if (all->entries[i].bytes_len == 0 || strcmp(all->entries[i].key, key) == 0)
            return &all->entries[i];
    return &all->entries[below(all, ENTRIES)];
}

static void keep(world *all, const accs_hook *hook)
{
    entry *kept = find_entry(all, hook->key);

    assert_in_range(hook->bytes_len, 1, sizeof kept->bytes);
    memcpy(kept->key, hook->key, sizeof kept->key);
    memcpy(kept->bytes, hook->bytes, hook->bytes_len);
    kept->bytes_len = hook->bytes_len;
}

/* What is kept, or nothing, or what nobody has sealed. */
static size_t load(world *all, const accs_hook *hook, accs_text *value)
{
    const entry *kept = find_entry(all, hook->key);

    *value = (accs_text){kept->bytes, kept->bytes_len};
    if (one_in(all, 8))
        *value = (accs_text){"not-sealed", 10};
    return value->len > 0 && but_one_in(all, 8);
}

/* Of those in the folder see locks_held(). */
static void note_lock(world *all, const accs_hook *hook)
{
    store_lock *lock = &all->locks[all->lock_count];

    assert_in_range(all->lock_count, 0, LOCKS_MAX - 1);
    memcpy(lock->owner, hook->owner, sizeof lock->owner);
    lock->free = false;
    all->lock_count++;
}

/* NULL: it was given back. */
static store_lock *find_lock(world *all, const accs_hook *hook)
{
    for (size_t i = 0; i < all->lock_count; i++)
        if (strcmp(all->locks[i].owner, hook->owner) == 0)
            return &all->locks[i];
    return NULL;
}

/* Whoever gave up before the answer does not know whether there is anything to give back. */
static void note_unlock(world *all, const accs_hook *hook)
{
    store_lock *lock = find_lock(all, hook);

    assert_non_null(lock); /* each once */
    *lock = all->locks[--all->lock_count];
}

static void note_not_had(world *all, const accs_hook *hook)
{
    store_lock *lock = find_lock(all, hook);

    if (lock != NULL)
        lock->free = true;
}

static bool all_given_back(const world *all)
{
    for (size_t i = 0; i < all->lock_count; i++)
        if (!all->locks[i].free)
            return false;
    return true;
}

static void settle(world *all, question *asked)
{
    accs_text values[] = {secrets[below(all, COUNT(secrets))], secrets[below(all, COUNT(secrets))]};
    const char *problem = one_in(all, 40) ? "out of order" : NULL;
    const accs_hook *hook = asked->hook;
    size_t count = 0;

    switch (hook->kind) {
    case ACCS_HOOK_SECRET:
        count = 1 + below(all, 2);
        break;
    case ACCS_HOOK_LOAD:
        count = load(all, hook, &values[0]);
        break;
    case ACCS_HOOK_LOCK:
        count = but_one_in(all, 4);
        break;
    case ACCS_HOOK_SAVE:
        keep(all, hook);
        break;
    case ACCS_HOOK_REMOVE:
        find_entry(all, hook->key)->bytes_len = 0;
        break;
    default:
        break;
    }
    if (one_in(all, 60))
        count = COUNT(values); /* too many for most */
    if (hook->kind == ACCS_HOOK_LOCK && count == 0 && problem == NULL && !asked->answered)
        note_not_had(all, hook);
    asked->answered = true;
    assert_int_equal(accs_engine_settle(all->engine, asked->id, values, count, problem, NULL),
                     ACCS_OK);
}

static void forget_question(world *all, size_t number)
{
    accs_hook_free(all->questions[number].hook);
    all->questions[number] = all->questions[--all->question_count];
}

typedef enum manner { AT_ONCE, TWICE, LATER, NEVER } manner;

static void take_question(world *all, const accs_item *item)
{
    static const manner manners[] = {AT_ONCE, AT_ONCE, AT_ONCE, AT_ONCE, TWICE,
                                     LATER,   LATER,   LATER,   NEVER};
    question asked = {.id = item->id, .hook = item->hook};
    manner how = manners[below(all, COUNT(manners))];

    if (item->hook->kind == ACCS_HOOK_LOCK)
        note_lock(all, item->hook);
    if (item->hook->kind == ACCS_HOOK_UNLOCK)
        note_unlock(all, item->hook);
    if (how == LATER && all->question_count < HOOKS_MAX) {
        all->questions[all->question_count++] = asked;
        return;
    }
    if (how == AT_ONCE || how == TWICE)
        settle(all, &asked);
    if (how == TWICE)
        settle(all, &asked);
    accs_hook_free(item->hook);
}

/* -------------------------------------------------------------- the queue */

/* Takes what is there, or only some of it. */
static void take_items(world *all, bool some)
{
    accs_item item;

    while (accs_engine_next(all->engine, &item)) {
        if (item.kind == ACCS_ITEM_DONE)
            note_end(all, item.id);
        else if (item.kind == ACCS_ITEM_HOOK)
            take_question(all, &item);
        accs_reply_free(item.reply);
        if (some && one_in(all, 10))
            return;
    }
    for (size_t i = 0; i < all->thing_count; i++) /* a cancel ends it at once */
        assert_true(all->things[i].ended || !all->things[i].cancelled);
}

static void step(world *all, int64_t timeout_ms)
{
    assert_int_equal(accs_engine_step(all->engine, timeout_ms, NULL), ACCS_OK);
}

/* ------------------------------------------------------------------- locks */

static bool is_held(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    bool held;

    assert_true(fd >= 0);
    held = flock(fd, LOCK_EX | LOCK_NB) != 0;
    close(fd);
    return held;
}

/* How many locks of the folder somebody has: nobody but this process takes any. */
static size_t locks_held(void)
{
    char pattern[sizeof folder + 8];
    size_t held = 0;
    glob_t found;

    snprintf(pattern, sizeof pattern, "%s/*.lock", folder);
    if (glob(pattern, 0, NULL, &found) == 0)
        for (size_t i = 0; i < found.gl_pathc; i++)
            held += is_held(found.gl_pathv[i]);
    globfree(&found);
    return held;
}

/* ------------------------------------------------------------------ owners */

/* Whose credentials, and where their tokens are kept. */
typedef struct identity {
    const char *client_secret;
    size_t client_secret_count; /* of secrets */
    uint64_t secret_hook;
    const char *access_token;
    const char *cache_folder;
    uint64_t cache_hook;
    const char *cache_key;
    bool cache_locks;
    bool user;
} identity;

static const identity identities[] = {
    {.client_secret = "not-a-secret"},
    {.client_secret_count = 2, .cache_folder = folder},
    {.secret_hook = 7, .cache_hook = 9},
    {.secret_hook = 7, .cache_hook = 9, .cache_locks = true},
    {.user = true, .cache_hook = 9, .cache_locks = true, .cache_key = "not-a-key"},
    {.user = true, .cache_folder = folder},
    {.access_token = "not-a-token"},
};

static accs_client_options choose_options(world *all)
{
    const identity *who = &identities[below(all, COUNT(identities))];
    accs_client_options options = {
        .ims_url = all->server->origin,
        .client_id = "example",
        .client_secret = who->client_secret,
        .client_secrets = who->client_secret_count > 0 ? secrets : NULL,
        .client_secret_count = who->client_secret_count,
        .secret_hook = who->secret_hook,
        .access_token = who->access_token,
        .cache_folder = who->cache_folder,
        .cache_hook = who->cache_hook,
        .cache_key = who->cache_key,
        .cache_locks = who->cache_locks,
        .user = who->user,
        .code = who->user && one_in(all, 2) ? "not-a-code" : NULL,
        .connect_timeout_ms = 200,
        .lock_timeout_ms = 30,
        .backoff_ms = 5,
    };

    options.timeout_ms = 5 + (int64_t)below(all, 80);
    options.attempts = 1 + (unsigned)below(all, 2);
    options.events = one_in(all, 2);
    return options;
}

static void make_auth(world *all)
{
    accs_auth **slot = &all->auths[below(all, SLOTS)];
    accs_client_options options = choose_options(all);

    if (*slot == NULL)
        *slot = new_auth(all->engine, &options);
}

/* With credentials of its own, or of an auth. */
static void make_client(world *all)
{
    accs_client **slot = &all->clients[below(all, SLOTS)];
    accs_client_options options = choose_options(all);

    options.base_url = all->server->origin;
    options.auth = one_in(all, 2) ? all->auths[below(all, SLOTS)] : NULL;
    if (*slot == NULL)
        assert_int_equal(accs_client_new(all->engine, &options, slot, NULL), ACCS_OK);
}

/* Auths, clients, and behind them the engine; what is gone already is left alone. */
static void free_owner(world *all, size_t number)
{
    if (number < SLOTS) {
        accs_auth_free(all->auths[number]);
        all->auths[number] = NULL;
    } else if (number < OWNERS) {
        accs_client_free(all->clients[number - SLOTS]);
        all->clients[number - SLOTS] = NULL;
    } else {
        accs_engine_free(all->engine);
        all->engine = NULL;
    }
}

static accs_error start_call(accs_client *client, uint64_t *id)
{
    const accs_request request = {
        .method = "GET", .path = "/V1/x", .path_len = 5, .idempotent = -1};

    return accs_client_start(client, &request, id, NULL);
}

/* Without their engine, or in a forked child, those that are left do nothing. */
static bool owners_refuse(const world *all)
{
    uint64_t id;

    for (size_t i = 0; i < SLOTS; i++) {
        if (all->auths[i] != NULL &&
            accs_auth_start(all->auths[i], ACCS_AUTH_TOKEN, 0, &id, NULL) != ACCS_ERROR_CLOSED)
            return false;
        if (all->clients[i] != NULL && start_call(all->clients[i], &id) != ACCS_ERROR_CLOSED)
            return false;
    }
    return true;
}

/* In any order; false: one of them has done something without its engine. */
static bool free_all(world *all)
{
    size_t order[OWNERS + 1];
    bool refused = true;

    shuffle(all, order, COUNT(order));
    for (size_t i = 0; i < COUNT(order); i++) {
        free_owner(all, order[i]);
        if (all->engine == NULL)
            refused = refused && owners_refuse(all);
    }
    return refused;
}

/* -------------------------------------------------------------------- acts */

static void start_job(world *all)
{
    accs_auth *auth = all->auths[below(all, SLOTS)];
    accs_auth_job job = (accs_auth_job)below(all, ACCS_AUTH_USER_INFO + 1);
    int64_t timeout_ms = one_in(all, 3) ? 1 + (int64_t)below(all, 50) : 0;
    uint64_t id = 0;

    if (auth == NULL || all->thing_count == THINGS_MAX)
        return;
    assert_int_equal(accs_auth_start(auth, job, timeout_ms, &id, NULL), ACCS_OK);
    note_start(all, id);
}

static void start_one_call(world *all)
{
    accs_client *client = all->clients[below(all, SLOTS)];
    uint64_t id = 0;

    if (client == NULL || all->thing_count == THINGS_MAX)
        return;
    assert_int_equal(start_call(client, &id), ACCS_OK);
    note_start(all, id);
}

/* Also what has ended already. */
static void cancel(world *all)
{
    thing *found;

    if (all->thing_count == 0)
        return;
    found = &all->things[below(all, all->thing_count)];
    found->cancelled = true;
    accs_engine_cancel(all->engine, found->id);
}

static void free_one(world *all)
{
    free_owner(all, below(all, OWNERS));
}

/* Who asked may have given up, or be gone. */
static void answer_late(world *all)
{
    size_t number;

    if (all->question_count == 0)
        return;
    number = below(all, all->question_count);
    settle(all, &all->questions[number]);
    if (but_one_in(all, 3))
        forget_question(all, number);
}

static void look(world *all)
{
    const accs_auth *auth = all->auths[below(all, SLOTS)];
    char line[64] = "not-a-secret-1, not-a-token";
    accs_auth_state state;
    accs_text text;

    if (auth == NULL)
        return;
    accs_auth_redact(auth, line);
    accs_auth_read(auth, (accs_auth_text)below(all, ACCS_AUTH_ID_TOKEN + 1), &text);
    accs_auth_look(auth, &state);
}

/* The exit code tells what went wrong; no asserts, which would go on with the parent's tests. */
static int be_a_child(void *context)
{
    world *all = context;
    accs_item item;

    alarm(CHILD_S);
    if (!owners_refuse(all))
        return 2;
    if (accs_engine_next(all->engine, &item))
        return 3;
    if (accs_engine_step(all->engine, 0, NULL) != ACCS_ERROR_CLOSED)
        return 4;
    for (size_t i = 0; i < all->question_count; i++)
        if (accs_engine_settle(all->engine, all->questions[i].id, NULL, 0, NULL, NULL) !=
            ACCS_ERROR_CLOSED)
            return 5;
    for (size_t i = 0; i < all->thing_count; i++)
        accs_engine_cancel(all->engine, all->things[i].id);
    return free_all(all) ? 0 : 6;
}

/* What a child frees stays the parent's. Rarely, since it takes long, but where it matters most. */
static void fork_a_child(world *all)
{
    size_t held = locks_held();

    if (held == 0 && but_one_in(all, 6))
        return;
    assert_int_equal(in_a_child(be_a_child, all), 0);
    assert_int_equal(locks_held(), held);
}

static const struct {
    unsigned weight;
    void (*act)(world *all);
} acts[] = {
    {10, make_auth}, {5, make_client}, {20, start_job}, {10, start_one_call}, {4, cancel},
    {2, free_one},   {8, answer_late}, {4, look},       {3, fork_a_child},
};

static void act(world *all)
{
    size_t total = 0;
    size_t drawn;
    size_t i = 0;

    next_moment(all);
    for (size_t k = 0; k < COUNT(acts); k++)
        total += acts[k].weight;
    for (drawn = below(all, total); drawn >= acts[i].weight; i++)
        drawn -= acts[i].weight;
    acts[i].act(all);
    if (one_in(all, 2))
        step(all, (int64_t)below(all, 2));
    if (one_in(all, 2))
        take_items(all, true);
    assert_int_equal(accs_engine_pending(all->engine), all->under_way);
}

/* ------------------------------------------------------------------- lives */

static const struct {
    int status; /* 0: none, the connection ends */
    const char *extra;
    const char *body;
} replies[] = {
    {200, "", TOKEN("t-1")},
    {200, "", SESSION("a-1", "r-1")},
    {200, "", SESSION("a-2", "r-2")},
    {200, "Date: Sat, 21 Nov 2020 19:08:03 GMT\r\n", SESSION("a-3", "r-3")},
    {200, "", "{\"access_token\":\"short\",\"expires_in\":1,\"refresh_token\":\"r-4\"}"},
    {200, "", "{}"},
    {401, "", "{}"},
    {401, "", "{\"error\":\"invalid_client\"}"},
    {400, "", OVER},
    {429, "Retry-After: 1\r\n", "{}"},
    {503, "", "{}"},
    {0, "", ""},
};

static void write_script(world *all)
{
    ims_scene *scene = all->server->scene;

    ims_restart(all->server);
    for (int i = 0; i < SCRIPT; i++) {
        size_t number = below(all, COUNT(replies));

        if (replies[number].status == 0)
            scene->answers[scene->answer_count++][0] = '\0';
        else
            ims_answer(all->server, replies[number].status, replies[number].extra,
                       replies[number].body);
    }
    scene->delay_ms = one_in(all, 2) ? (int)below(all, 30) : 0;
}

static void await_all(world *all)
{
    int64_t until = now_ms() + PATIENCE_MS;

    for (;;) {
        take_items(all, false);
        if (all->under_way == 0)
            return;
        if (now_ms() >= until)
            fail_msg("%zu of %zu are still under way", all->under_way, all->thing_count);
        answer_late(all);
        step(all, 10);
    }
}

/* All that is under way ends with its owner, without another step. */
static void free_owners(world *all)
{
    size_t order[OWNERS];

    shuffle(all, order, COUNT(order));
    for (size_t i = 0; i < COUNT(order); i++)
        free_owner(all, order[i]);
    take_items(all, false);
    assert_int_equal(all->under_way, 0);
    assert_int_equal(accs_engine_pending(all->engine), 0);
    assert_int_equal(locks_held(), 0);
    assert_true(all_given_back(all));
}

static void end_life(world *all)
{
    bool waits;
    bool frees;

    next_moment(all);
    waits = one_in(all, 2);
    frees = one_in(all, 2);
    if (waits)
        await_all(all);
    next_moment(all);
    if (frees)
        free_owners(all);
    assert_true(free_all(all));
    assert_int_equal(locks_held(), 0);
}

static void live(world *all)
{
    size_t count;

    next_moment(all);
    write_script(all);
    count = 40 + below(all, 100);
    all->engine = new_engine();
    if (one_in(all, 3))
        accs_engine_fd(all->engine); /* from now on it has an alarm */
    for (size_t i = 0; i < count; i++)
        act(all);
    end_life(all);
    while (all->question_count > 0)
        forget_question(all, 0);
    all->thing_count = 0;
    all->under_way = 0;
    all->lock_count = 0;
}

/* ------------------------------------------------------------------- seeds */

static uint64_t number_of(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

static void each_job_and_call_comes_out_once_whatever_the_order(void **state)
{
    uint64_t first = number_of("ORDERS_SEED", 1);
    uint64_t count = number_of("ORDERS_COUNT", SEEDS);

    for (uint64_t seed = first; seed < first + count; seed++) {
        world all = {.seed = seed, .server = *state};

        fprintf(stderr, "%llu ", (unsigned long long)seed);
        make_folder();
        for (int i = 0; i < LIVES; i++)
            live(&all);
        remove_folder();
    }
}

static int begin(void **state)
{
    fprintf(stderr, "# ORDERS_SEED ");
    return ims_set_up(state);
}

/* After a failure too: what cmocka says then begins a line. */
static int finish(void **state)
{
    fprintf(stderr, "\n");
    return ims_tear_down(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_job_and_call_comes_out_once_whatever_the_order, begin,
                                        finish),
    };

    return cmocka_run_group_tests_name("token orders", tests, NULL, NULL);
}

/* The token cache in a folder: what is kept is found again, by one process or many; whatever is
 * wrong with files and folder costs one event and never more. */
#include "cache_support.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { SHORT_LOCK_MS = 300, SPREAD_MS = 500, RELIEF_MS = 1000, SLACK_MS = 1500 };

static const char *const ONE[] = {"example-not-a-secret", NULL};
static const char *const NONE[] = {NULL};

/* ----------------------------------------------------------------- folder */

typedef struct place {
    char base[64];
    char folder[80]; /* in it; not made yet */
    unsigned open;   /* descriptors when the test began; as many when it ends */
} place;

static unsigned open_descriptors(void)
{
    DIR *list = opendir("/proc/self/fd");
    unsigned count = 0;

    while (list != NULL && readdir(list) != NULL)
        count++;
    if (list != NULL)
        closedir(list);
    return count;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

static void remove_tree(const char *path)
{
    nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static int make_place(void **state)
{
    place *made = calloc(1, sizeof *made);

    if (made == NULL)
        return -1;
    snprintf(made->base, sizeof made->base, "/tmp/accs-test-cache-XXXXXX");
    if (mkdtemp(made->base) == NULL) {
        free(made);
        return -1;
    }
    snprintf(made->folder, sizeof made->folder, "%s/tokens", made->base);
    made->open = open_descriptors();
    *state = made;
    return 0;
}

static int remove_place(void **state)
{
    place *made = *state;
    bool closed = made->open == open_descriptors();

    remove_tree(made->base);
    free(made);
    return closed ? 0 : -1;
}

static void open_cache(witness *seen, const place *where, const char *const *secrets)
{
    const accs_cache_options options = {
        .folder = where->folder, .lock_timeout_ms = SHORT_LOCK_MS, .entry = ENTRY};

    new_cache(seen, &options, secrets);
}

/* The path of the only file whose name ends so; false when there is none. */
static bool find(const place *where, const char *ending, char path[512])
{
    DIR *folder = opendir(where->folder);
    unsigned count = 0;
    const struct dirent *entry;

    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        size_t len = strlen(entry->d_name);

        if (len < strlen(ending) || strcmp(entry->d_name + len - strlen(ending), ending) != 0)
            continue;
        count++;
        snprintf(path, 512, "%s/%s", where->folder, entry->d_name);
    }
    if (folder != NULL)
        closedir(folder);
    assert_true(count <= 1);
    return count == 1;
}

static size_t read_bytes(const char *path, char *bytes, size_t room)
{
    FILE *file = fopen(path, "rb");
    size_t len;

    assert_non_null(file);
    len = fread(bytes, 1, room, file);
    fclose(file);
    return len;
}

static void write_bytes(const char *path, const char *bytes, size_t len)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    fclose(file);
    assert_int_equal(chmod(path, 0600), 0);
}

static mode_t mode_of(const char *path)
{
    struct stat info;

    assert_int_equal(lstat(path, &info), 0);
    return info.st_mode & 07777;
}

/* ---------------------------------------------------------------- entries */

static void what_was_saved_is_found_by_another(void **state)
{
    const place *where = *state;
    char bytes[4096];
    char path[512];
    witness first;
    witness second;
    size_t len;

    open_cache(&first, where, ONE);
    assert_int_equal(run(&first, accs_cache_load), ACCS_CACHE_MISSED);
    assert_false(first.found);
    assert_int_equal(save(&first, 100), ACCS_CACHE_SAVED);
    assert_int_equal(run(&first, accs_cache_load), ACCS_CACHE_FOUND);
    expect_record(&first, 100);
    assert_int_equal(save(&first, 200), ACCS_CACHE_SAVED);
    open_cache(&second, where, ONE);
    assert_int_equal(run(&second, accs_cache_load), ACCS_CACHE_FOUND);
    expect_record(&second, 200);
    assert_int_equal(first.troubles + second.troubles, 0);

    assert_true(find(where, ".sealed", path));
    assert_int_equal(mode_of(path), 0600);
    assert_int_equal(mode_of(where->folder), 0700);
    assert_memory_equal(path + strlen(where->folder) + 1, ENTRY "-", sizeof ENTRY);
    assert_int_equal(strlen(path), strlen(where->folder) + 1 + sizeof ENTRY + 16 + 7);
    len = read_bytes(path, bytes, sizeof bytes);
    assert_memory_equal(bytes, "ACCS", 4);
    assert_null(memmem(bytes, len, ACCESS_TOKEN, 8));
    assert_null(memmem(bytes, len, REFRESH_TOKEN, 8));
    assert_false(find(where, "key", path)); /* not made where there are secrets */
    free_cache(&first);
    free_cache(&second);
}

static void without_secrets_the_folder_has_a_key(void **state)
{
    const place *where = *state;
    char before[64];
    char after[64];
    char path[512];
    witness first;
    witness second;

    open_cache(&first, where, NONE);
    assert_int_equal(run(&first, accs_cache_load), ACCS_CACHE_MISSED);
    assert_false(find(where, "key", path)); /* not for looking alone */
    assert_int_equal(run(&first, accs_cache_remove), ACCS_CACHE_REMOVED);
    assert_int_equal(save(&first, 100), ACCS_CACHE_SAVED);
    assert_true(find(where, "key", path));
    assert_int_equal(mode_of(path), 0600);
    assert_int_equal(read_bytes(path, before, sizeof before), 32);
    open_cache(&second, where, NONE);
    assert_int_equal(run(&second, accs_cache_load), ACCS_CACHE_FOUND);
    expect_record(&second, 100);
    assert_int_equal(save(&second, 200), ACCS_CACHE_SAVED);
    assert_int_equal(read_bytes(path, after, sizeof after), 32);
    assert_memory_equal(before, after, 32);
    assert_int_equal(run(&first, accs_cache_load), ACCS_CACHE_FOUND);
    expect_record(&first, 200);
    assert_int_equal(first.troubles + second.troubles, 0);
    free_cache(&first);
    free_cache(&second);
}

static void a_damaged_key_file_is_replaced(void **state)
{
    const place *where = *state;
    static const size_t lengths[] = {0, 31, 33};
    char bytes[64] = {0};
    char path[512];
    witness seen;

    open_cache(&seen, where, NONE);
    assert_int_equal(save(&seen, 100), ACCS_CACHE_SAVED);
    assert_true(find(where, "key", path));
    for (size_t i = 0; i < 3; i++) {
        write_bytes(path, bytes, lengths[i]);
        seen.troubles = 0;
        assert_int_equal(run(&seen, accs_cache_load), ACCS_CACHE_MISSED);
        assert_int_equal(seen.troubles, 1);
        assert_string_equal(seen.text, "not read");
        assert_string_equal(seen.reason, "the key file is damaged");
        assert_int_equal(run(&seen, accs_cache_lock), ACCS_CACHE_LOCKED);
        assert_int_equal(read_bytes(path, bytes, sizeof bytes), 32);
        assert_int_equal(save(&seen, 200), ACCS_CACHE_SAVED);
        accs_cache_unlock(seen.cache);
        assert_int_equal(run(&seen, accs_cache_load), ACCS_CACHE_FOUND);
        assert_int_equal(seen.troubles, 1);
        assert_true(find(where, "key", path));
    }
    free_cache(&seen);
}

/* Each byte cut off, each byte changed: nothing is found, it is told, and the next save heals it.
 */
static void a_damaged_entry_is_replaced(void **state)
{
    const place *where = *state;
    char whole[4096];
    char path[512];
    witness seen;
    size_t len;

    open_cache(&seen, where, ONE);
    assert_int_equal(save(&seen, 100), ACCS_CACHE_SAVED);
    assert_true(find(where, ".sealed", path));
    len = read_bytes(path, whole, sizeof whole);
    assert_in_range(len, 100, 1000);
    for (size_t i = 0; i < 2 * len; i++) {
        seen.troubles = 0;
        if (i < len) {
            write_bytes(path, whole, i);
        } else {
            whole[i - len] ^= (char)(1 << (i % 8));
            write_bytes(path, whole, len);
            whole[i - len] ^= (char)(1 << (i % 8));
        }
        assert_int_equal(run(&seen, accs_cache_load), ACCS_CACHE_MISSED);
        assert_false(seen.found);
        assert_int_equal(seen.troubles, 1);
        assert_string_equal(seen.text, "not read");
        if (i % 16 == 0) { /* each takes a while: it is on the disk then */
            assert_int_equal(save(&seen, 200), ACCS_CACHE_SAVED);
            assert_int_equal(run(&seen, accs_cache_load), ACCS_CACHE_FOUND);
        } else {
            write_bytes(path, whole, len);
            assert_int_equal(run(&seen, accs_cache_load), ACCS_CACHE_FOUND);
        }
        assert_int_equal(seen.troubles, 1);
    }
    free_cache(&seen);
}

static void an_entry_is_of_no_use_under_another_name(void **state)
{
    const place *where = *state;
    const accs_cache_options options = {.folder = where->folder,
                                        .entry = "server-ffffffffffffffffffffffffffffffff"};
    char other_path[512];
    char path[512];
    witness seen;
    witness other;

    open_cache(&seen, where, ONE);
    new_cache(&other, &options, ONE);
    assert_int_equal(save(&other, 100), ACCS_CACHE_SAVED);
    assert_true(find(where, ".sealed", other_path));
    snprintf(path, sizeof path, "%s/" ENTRY "%s", where->folder,
             strrchr(other_path, '-')); /* the same key, another entry */
    assert_int_equal(rename(other_path, path), 0);
    assert_int_equal(run(&seen, accs_cache_load), ACCS_CACHE_MISSED);
    assert_int_equal(seen.troubles, 1);
    free_cache(&seen);
    free_cache(&other);
}

/* Whatever has the entry's name and is no private file of one's own. */
static void what_is_foreign_is_neither_followed_nor_overwritten(void **state)
{
    const place *where = *state;
    char bytes[4096];
    char victim[128];
    char path[512];
    witness seen;
    size_t len;

    open_cache(&seen, where, ONE);
    assert_int_equal(save(&seen, 100), ACCS_CACHE_SAVED);
    assert_true(find(where, ".sealed", path));
    len = read_bytes(path, bytes, sizeof bytes);
    snprintf(victim, sizeof victim, "%s/victim", where->base);
    write_bytes(victim, bytes, len); /* could be opened, if it was followed */
    for (int kind = 0; kind < 3; kind++) {
        assert_int_equal(remove(path), 0);
        if (kind == 0)
            assert_int_equal(symlink(victim, path), 0);
        else if (kind == 1)
            assert_int_equal(mkdir(path, 0700), 0);
        else
            assert_int_equal(mkfifo(path, 0600), 0);
        seen.troubles = 0;
        assert_int_equal(run(&seen, accs_cache_load), ACCS_CACHE_MISSED);
        assert_int_equal(seen.troubles, 1);
        assert_string_equal(seen.text, "not read");
        assert_int_equal(save(&seen, 200), ACCS_CACHE_NOT_SAVED);
        assert_int_equal(run(&seen, accs_cache_remove), ACCS_CACHE_REMOVED);
        assert_int_equal(seen.troubles, 1);
        assert_int_equal(read_bytes(victim, bytes, sizeof bytes), len);
        assert_int_equal(remove(path), 0);
        assert_int_equal(save(&seen, 300), ACCS_CACHE_SAVED);
    }
    seen.troubles = 0;
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(run(&seen, accs_cache_load), ACCS_CACHE_MISSED);
    assert_int_equal(seen.troubles, 1);
    assert_int_equal(save(&seen, 400), ACCS_CACHE_SAVED);
    assert_int_equal(mode_of(path), 0600);
    assert_int_equal(run(&seen, accs_cache_load), ACCS_CACHE_FOUND);
    expect_record(&seen, 400);
    free_cache(&seen);
}

static void more_than_an_entry_may_be_is_told(void **state)
{
    const place *where = *state;
    char *huge = calloc(1, ACCS_LIMIT_STORE_ENTRY_MAX + 1);
    accs_token_record record = {.life_ms = 1};
    char path[512];
    witness seen;

    assert_non_null(huge);
    open_cache(&seen, where, ONE);
    assert_int_equal(save(&seen, 100), ACCS_CACHE_SAVED);
    assert_true(find(where, ".sealed", path));
    write_bytes(path, huge, ACCS_LIMIT_STORE_ENTRY_MAX + 1);
    assert_int_equal(run(&seen, accs_cache_load), ACCS_CACHE_MISSED);
    assert_int_equal(seen.troubles, 1);
    assert_int_equal(save(&seen, 200), ACCS_CACHE_SAVED);
    assert_int_equal(accs_secret_set(&record.access_token, huge, ACCS_LIMIT_STORE_ENTRY_MAX),
                     ACCS_OK);
    seen.done = 0;
    accs_cache_save(seen.cache, &record, 0);
    assert_int_equal(wait_end(&seen), ACCS_CACHE_NOT_SAVED);
    assert_int_equal(seen.troubles, 2);
    assert_string_equal(seen.text, "not written");
    assert_int_equal(run(&seen, accs_cache_load), ACCS_CACHE_FOUND);
    expect_record(&seen, 200);
    accs_token_record_cleanup(&record);
    free_cache(&seen);
    free(huge);
}

/* ---------------------------------------------------------------- secrets */

static void each_secret_opens_and_the_first_seals(void **state)
{
    static const char *const OLD[] = {"example-old-secret", NULL};
    static const char *const NEW[] = {"example-new-secret", NULL};
    static const char *const BOTH[] = {"example-new-secret", "example-new-secret",
                                       "example-old-secret", NULL};
    const place *where = *state;
    char before[512];
    char after[512];
    witness both;
    witness old;
    witness new;

    open_cache(&old, where, OLD);
    open_cache(&new, where, NEW);
    open_cache(&both, where, BOTH);
    assert_int_equal(save(&old, 100), ACCS_CACHE_SAVED);
    assert_true(find(where, ".sealed", before));
    assert_int_equal(run(&new, accs_cache_load), ACCS_CACHE_MISSED);
    assert_int_equal(run(&both, accs_cache_load), ACCS_CACHE_FOUND);
    expect_record(&both, 100);
    assert_true(find(where, ".sealed", after)); /* still the only one */
    assert_string_equal(before, after);
    assert_int_equal(save(&both, 200), ACCS_CACHE_SAVED);
    assert_true(find(where, ".sealed", after)); /* and again */
    assert_string_not_equal(before, after);
    assert_int_equal(run(&new, accs_cache_load), ACCS_CACHE_FOUND);
    expect_record(&new, 200);
    assert_int_equal(run(&old, accs_cache_load), ACCS_CACHE_MISSED);
    assert_int_equal(run(&both, accs_cache_load), ACCS_CACHE_FOUND);
    assert_int_equal(save(&both, 300), ACCS_CACHE_SAVED); /* now in its place, it stays */
    assert_int_equal(run(&both, accs_cache_load), ACCS_CACHE_FOUND);
    expect_record(&both, 300);
    assert_int_equal(old.troubles + new.troubles + both.troubles, 0);
    free_cache(&old);
    free_cache(&new);
    free_cache(&both);
}

static void of_two_entries_the_one_that_serves_else_the_newer_is_kept(void **state)
{
    static const char *const OLD[] = {"example-old-secret", NULL};
    static const char *const NEW[] = {"example-new-secret", NULL};
    static const char *const BOTH[] = {"example-new-secret", "example-old-secret", NULL};
    const place *where = *state;
    witness both;
    witness old;
    witness new;

    open_cache(&old, where, OLD);
    open_cache(&new, where, NEW);
    open_cache(&both, where, BOTH);
    assert_int_equal(save(&new, 100), ACCS_CACHE_SAVED);
    assert_int_equal(save(&old, 200), ACCS_CACHE_SAVED);
    assert_int_equal(run(&both, accs_cache_load), ACCS_CACHE_FOUND);
    expect_record(&both, 200);
    both.serves_from = 150;
    assert_int_equal(run(&both, accs_cache_lock), ACCS_CACHE_FOUND);
    expect_record(&both, 200);
    both.serves_from = 50; /* the first serves, so that the second is not looked at */
    assert_int_equal(run(&both, accs_cache_load), ACCS_CACHE_FOUND);
    expect_record(&both, 100);
    both.serves_from = INT64_MAX;
    assert_int_equal(save(&new, 300), ACCS_CACHE_SAVED);
    assert_int_equal(run(&both, accs_cache_load), ACCS_CACHE_FOUND);
    expect_record(&both, 300);
    assert_int_equal(run(&both, accs_cache_remove), ACCS_CACHE_REMOVED);
    assert_int_equal(run(&old, accs_cache_load), ACCS_CACHE_MISSED);
    assert_int_equal(run(&new, accs_cache_load), ACCS_CACHE_MISSED);
    free_cache(&old);
    free_cache(&new);
    free_cache(&both);
}

/* ------------------------------------------------------------------- lock */

static void the_lock_is_had_by_one(void **state)
{
    const place *where = *state;
    int64_t start;
    witness first;
    witness second;

    open_cache(&first, where, ONE);
    open_cache(&second, where, ONE);
    accs_cache_unlock(first.cache); /* not had: nothing happens */
    assert_int_equal(run(&first, accs_cache_lock), ACCS_CACHE_LOCKED);
    assert_false(first.found);
    start = now_ms();
    assert_int_equal(run(&second, accs_cache_lock), ACCS_CACHE_BUSY);
    assert_in_range(now_ms() - start, SHORT_LOCK_MS, SHORT_LOCK_MS + SPREAD_MS + SLACK_MS);
    assert_int_equal(second.troubles, 1);
    assert_string_equal(second.text, "not locked");
    assert_in_range(second.elapsed_us, SHORT_LOCK_MS * 1000,
                    (SHORT_LOCK_MS + SPREAD_MS + SLACK_MS) * 1000);
    begin(&second, accs_cache_lock);
    expect_silence(&second, 150);
    accs_cache_unlock(first.cache);
    assert_int_equal(wait_end(&second), ACCS_CACHE_LOCKED);
    assert_int_equal(run(&first, accs_cache_lock), ACCS_CACHE_BUSY);
    assert_int_equal(second.troubles, 1);
    free_cache(&second); /* gives it back */
    assert_int_equal(run(&first, accs_cache_lock), ACCS_CACHE_LOCKED);
    free_cache(&first);
}

static void who_waits_for_the_lock_finds_what_is_saved(void **state)
{
    const place *where = *state;
    witness first;
    witness second;

    open_cache(&first, where, ONE);
    open_cache(&second, where, ONE);
    second.serves_from = 100;
    assert_int_equal(save(&first, 50), ACCS_CACHE_SAVED); /* too old to serve */
    assert_int_equal(run(&first, accs_cache_lock), ACCS_CACHE_LOCKED);
    expect_record(&first, 50);
    begin(&second, accs_cache_lock);
    expect_silence(&second, 120);
    assert_int_equal(save(&first, 100), ACCS_CACHE_SAVED); /* and the lock is kept */
    assert_int_equal(wait_end(&second), ACCS_CACHE_FOUND);
    expect_record(&second, 100);
    assert_int_equal(second.troubles, 0);
    accs_cache_unlock(first.cache);
    /* FOUND left no lock behind. */
    assert_int_equal(run(&second, accs_cache_lock), ACCS_CACHE_FOUND);
    assert_int_equal(run(&first, accs_cache_lock), ACCS_CACHE_LOCKED);
    free_cache(&first);
    free_cache(&second);
}

/* Of those that waited in vain one goes on alone, and the others find what it saves. */
static void one_relieves_whoever_has_the_lock_for_too_long(void **state)
{
    const place *where = *state;
    const accs_cache_options options = {
        .folder = where->folder, .lock_timeout_ms = SHORT_LOCK_MS, .relief = true, .entry = ENTRY};
    int64_t start;
    witness stopped;
    witness first;
    witness second;
    witness third;

    open_cache(&stopped, where, ONE);
    assert_int_equal(run(&stopped, accs_cache_lock), ACCS_CACHE_LOCKED);
    new_cache(&first, &options, ONE);
    new_cache(&second, &options, ONE);
    new_cache(&third, &options, ONE);
    second.serves_from = 100;
    start = now_ms();
    assert_int_equal(run(&first, accs_cache_lock), ACCS_CACHE_LOCKED);
    assert_in_range(now_ms() - start, SHORT_LOCK_MS, SHORT_LOCK_MS + SPREAD_MS + SLACK_MS);
    assert_int_equal(first.troubles, 1);
    assert_string_equal(first.text, "not locked");
    begin(&second, accs_cache_lock);
    expect_silence(&second, SHORT_LOCK_MS + SPREAD_MS + 50);
    assert_int_equal(save(&first, 100), ACCS_CACHE_SAVED);
    assert_int_equal(wait_end(&second), ACCS_CACHE_FOUND);
    start = now_ms();
    assert_int_equal(run(&third, accs_cache_lock), ACCS_CACHE_BUSY); /* nor does that end */
    assert_in_range(now_ms() - start, SHORT_LOCK_MS + RELIEF_MS,
                    SHORT_LOCK_MS + SPREAD_MS + RELIEF_MS + SLACK_MS);
    accs_cache_unlock(stopped.cache);
    assert_int_equal(run(&third, accs_cache_lock), ACCS_CACHE_LOCKED); /* the first lock again */
    assert_int_equal(run(&stopped, accs_cache_lock), ACCS_CACHE_BUSY);
    free_cache(&third);
    accs_cache_unlock(first.cache);
    free_cache(&stopped);
    free_cache(&first);
    free_cache(&second);
}

static void a_stopped_operation_tells_nothing_and_keeps_no_lock(void **state)
{
    const place *where = *state;
    witness first;
    witness second;

    open_cache(&first, where, ONE);
    open_cache(&second, where, ONE);
    accs_cache_stop(first.cache);
    begin(&first, accs_cache_load);
    accs_cache_stop(first.cache);
    expect_silence(&first, 50);
    assert_int_equal(run(&second, accs_cache_lock), ACCS_CACHE_LOCKED);
    begin(&first, accs_cache_lock);
    expect_silence(&first, 50);
    accs_cache_stop(first.cache);
    accs_cache_unlock(second.cache);
    expect_silence(&first, 250);
    assert_int_equal(run(&second, accs_cache_lock), ACCS_CACHE_LOCKED);
    begin(&first, accs_cache_lock); /* freed in the midst of it */
    free_cache(&first);
    free_cache(&second);
}

static void free_it(witness *seen)
{
    accs_cache_free(seen->cache);
    seen->cache = NULL;
}

static unsigned repeats;

static void again(witness *seen)
{
    if (++repeats < 3)
        accs_cache_load(seen->cache);
}

static void done_may_begin_the_next_or_free(void **state)
{
    const place *where = *state;
    int64_t until = now_ms() + PATIENCE_MS;
    witness seen;

    open_cache(&seen, where, ONE);
    repeats = 0;
    seen.then = again;
    begin(&seen, accs_cache_load);
    while (repeats < 3 && now_ms() < until)
        accs_engine_step(seen.engine, 1, NULL);
    assert_int_equal(repeats, 3);
    seen.then = free_it;
    assert_int_equal(save(&seen, 1), ACCS_CACHE_SAVED);
    assert_null(seen.cache);
    free_cache(&seen);
}

static void the_engine_may_end_first(void **state)
{
    const place *where = *state;
    witness first;
    witness second;

    open_cache(&first, where, ONE);
    open_cache(&second, where, ONE);
    assert_int_equal(run(&first, accs_cache_lock), ACCS_CACHE_LOCKED);
    begin(&first, accs_cache_load);
    accs_engine_free(first.engine);
    first.engine = NULL;
    accs_cache_load(first.cache);
    accs_cache_lock(first.cache);
    accs_cache_unlock(first.cache);
    accs_cache_stop(first.cache);
    assert_int_equal(run(&second, accs_cache_lock), ACCS_CACHE_LOCKED);
    assert_int_equal(first.done, 0);
    free_cache(&first);
    free_cache(&second);
}

/* -------------------------------------------------------------- processes */

static int leave_in_a_child(void *context)
{
    const witness *seen = context;

    accs_cache_free(seen->cache);
    accs_engine_free(seen->engine);
    return 0;
}

static int end_the_engine_in_a_child(void *context)
{
    const witness *seen = context;

    accs_engine_free(seen->engine);
    accs_cache_free(seen->cache);
    return 0;
}

static void a_forked_child_leaves_the_lock_to_its_parent(void **state)
{
    const place *where = *state;
    witness first;
    witness second;

    open_cache(&first, where, ONE);
    open_cache(&second, where, ONE);
    assert_int_equal(run(&first, accs_cache_lock), ACCS_CACHE_LOCKED);
    assert_int_equal(in_a_child(leave_in_a_child, &first), 0);
    assert_int_equal(in_a_child(end_the_engine_in_a_child, &first), 0);
    assert_int_equal(run(&second, accs_cache_lock), ACCS_CACHE_BUSY);
    accs_cache_unlock(first.cache);
    assert_int_equal(run(&second, accs_cache_lock), ACCS_CACHE_LOCKED);
    free_cache(&first);
    free_cache(&second);
}

/* A process that has the lock, says so, and does nothing more. */
static pid_t hold_lock(const place *where)
{
    int said[2];
    char byte;
    pid_t pid;

    assert_int_equal(pipe(said), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        witness seen;

        open_cache(&seen, where, ONE);
        if (run(&seen, accs_cache_lock) == ACCS_CACHE_LOCKED && write(said[1], "x", 1) == 1)
            pause();
        _exit(1);
    }
    close(said[1]);
    assert_int_equal(read(said[0], &byte, 1), 1);
    close(said[0]);
    return pid;
}

static void the_lock_of_the_dead_is_free_and_that_of_the_stopped_is_not(void **state)
{
    const place *where = *state;
    pid_t holder = hold_lock(where);
    witness seen;

    open_cache(&seen, where, ONE);
    assert_int_equal(kill(holder, SIGSTOP), 0);
    assert_int_equal(run(&seen, accs_cache_lock), ACCS_CACHE_BUSY);
    begin(&seen, accs_cache_lock);
    expect_silence(&seen, 100);
    assert_int_equal(kill(holder, SIGKILL), 0);
    assert_int_equal(wait_end(&seen), ACCS_CACHE_LOCKED);
    assert_int_equal(waitpid(holder, NULL, 0), holder);
    free_cache(&seen);
}

/* One of the herd: 0 when it found what another saved, 1 when it saved. */
static int be_one_of_many(const place *where, int gate)
{
    witness seen;
    char byte;

    if (read(gate, &byte, 1) != 0) /* its end is the start */
        return 2;
    open_cache(&seen, where, NONE);
    seen.serves_from = 1;
    switch (run(&seen, accs_cache_lock)) {
    case ACCS_CACHE_FOUND:
        return 0;
    case ACCS_CACHE_LOCKED:
        poll(NULL, 0, 60); /* as long as IMS takes */
        if (save(&seen, 100) != ACCS_CACHE_SAVED)
            return 3;
        accs_cache_unlock(seen.cache);
        return 1;
    default:
        return 4;
    }
}

static void of_many_processes_one_asks(void **state)
{
    enum { PROCESSES = 20 };
    place *where = *state;

    for (int round = 0; round < 3; round++) {
        pid_t pids[PROCESSES];
        unsigned saved = 0;
        int gate[2];

        snprintf(where->folder, sizeof where->folder, "%s/herd%d", where->base, round);
        assert_int_equal(pipe(gate), 0);
        for (int i = 0; i < PROCESSES; i++) {
            pids[i] = fork();
            assert_true(pids[i] >= 0);
            if (pids[i] == 0) {
                close(gate[1]);
                _exit(be_one_of_many(where, gate[0]));
            }
        }
        close(gate[0]);
        close(gate[1]);
        for (int i = 0; i < PROCESSES; i++) {
            int status = -1;

            assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
            assert_true(WIFEXITED(status));
            assert_in_range(WEXITSTATUS(status), 0, 1);
            saved += WEXITSTATUS(status) == 1;
        }
        assert_int_equal(saved, 1);
    }
}

/* ---------------------------------------------------------------- trouble */

static void a_folder_made_again_is_the_new_one(void **state)
{
    const place *where = *state;
    char other[128];
    witness first;
    witness second;

    open_cache(&first, where, NONE);
    open_cache(&second, where, NONE);
    assert_int_equal(save(&first, 100), ACCS_CACHE_SAVED);
    assert_int_equal(run(&second, accs_cache_load), ACCS_CACHE_FOUND);
    remove_tree(where->folder);
    assert_int_equal(run(&first, accs_cache_load), ACCS_CACHE_MISSED);
    assert_int_equal(save(&first, 200), ACCS_CACHE_SAVED);
    assert_int_equal(run(&second, accs_cache_load), ACCS_CACHE_FOUND);
    expect_record(&second, 200);
    snprintf(other, sizeof other, "%s/away", where->base);
    assert_int_equal(rename(where->folder, other), 0);
    assert_int_equal(run(&first, accs_cache_load), ACCS_CACHE_MISSED);
    assert_int_equal(first.troubles + second.troubles, 0);
    free_cache(&first);
    free_cache(&second);
}

static void a_file_where_the_folder_should_be_is_told_once(void **state)
{
    const place *where = *state;
    witness seen;

    write_bytes(where->folder, "x", 1);
    open_cache(&seen, where, ONE);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(run(&seen, accs_cache_load), ACCS_CACHE_MISSED);
        assert_int_equal(run(&seen, accs_cache_lock), ACCS_CACHE_NO_LOCK);
        assert_int_equal(save(&seen, 1), ACCS_CACHE_NOT_SAVED);
        assert_int_equal(run(&seen, accs_cache_remove), ACCS_CACHE_REMOVED);
    }
    assert_int_equal(seen.troubles, 1);
    assert_string_equal(seen.text, "not read");
    assert_int_equal(remove(where->folder), 0);
    assert_int_equal(save(&seen, 1), ACCS_CACHE_SAVED);
    assert_int_equal(seen.troubles, 1);
    remove_tree(where->folder);
    write_bytes(where->folder, "x", 1);
    assert_int_equal(run(&seen, accs_cache_load), ACCS_CACHE_MISSED); /* another spell */
    assert_int_equal(seen.troubles, 2);
    free_cache(&seen);
}

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition))                                                                          \
            return __LINE__ % 251 + 1;                                                             \
    } while (0)

/* In a child, since root may write anywhere. The exit code names the line that failed. */
static int use_a_read_only_folder(void *context)
{
    const place *where = context;
    witness seen;

    REQUIRE(geteuid() != 0 || setresuid(65534, 65534, 65534) == 0);
    open_cache(&seen, where, ONE);
    REQUIRE(save(&seen, 100) == ACCS_CACHE_SAVED);
    REQUIRE(chmod(where->folder, 0500) == 0);
    for (int i = 0; i < 3; i++) {
        REQUIRE(run(&seen, accs_cache_load) == ACCS_CACHE_FOUND);
        REQUIRE(run(&seen, accs_cache_lock) == ACCS_CACHE_NO_LOCK);
        REQUIRE(save(&seen, 200) == ACCS_CACHE_NOT_SAVED);
    }
    REQUIRE(seen.troubles == 1 && strcmp(seen.text, "not locked") == 0);
    REQUIRE(chmod(where->folder, 0700) == 0);
    REQUIRE(run(&seen, accs_cache_lock) == ACCS_CACHE_LOCKED && seen.found);
    REQUIRE(seen.record.saved_wall_ms == 100);
    REQUIRE(save(&seen, 300) == ACCS_CACHE_SAVED);
    REQUIRE(chmod(where->folder, 0777) == 0); /* anybody could have put things there */
    REQUIRE(run(&seen, accs_cache_load) == ACCS_CACHE_MISSED);
    REQUIRE(seen.troubles == 2 && strcmp(seen.text, "not read") == 0);
    free_cache(&seen);
    return 0;
}

static void a_read_only_folder_costs_one_event(void **state)
{
    place *where = *state;

    assert_int_equal(chmod(where->base, 0777), 0);
    assert_int_equal(in_a_child(use_a_read_only_folder, where), 0);
}

/* A limit on the size of files stands in for a disk that is full. */
static int use_a_full_disk(void *context)
{
    const struct rlimit none = {0, RLIM_INFINITY};
    const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
    const place *where = context;
    witness seen;

    signal(SIGXFSZ, SIG_IGN);
    open_cache(&seen, where, ONE);
    REQUIRE(save(&seen, 100) == ACCS_CACHE_SAVED);
    REQUIRE(setrlimit(RLIMIT_FSIZE, &none) == 0);
    for (int i = 0; i < 3; i++) {
        REQUIRE(run(&seen, accs_cache_lock) == ACCS_CACHE_LOCKED);
        REQUIRE(save(&seen, 200) == ACCS_CACHE_NOT_SAVED);
        accs_cache_unlock(seen.cache);
    }
    REQUIRE(seen.troubles == 1 && strcmp(seen.text, "not written") == 0);
    REQUIRE(run(&seen, accs_cache_load) == ACCS_CACHE_FOUND && seen.record.saved_wall_ms == 100);
    REQUIRE(setrlimit(RLIMIT_FSIZE, &all) == 0);
    REQUIRE(save(&seen, 300) == ACCS_CACHE_SAVED);
    REQUIRE(setrlimit(RLIMIT_FSIZE, &none) == 0);
    REQUIRE(save(&seen, 400) == ACCS_CACHE_NOT_SAVED);
    REQUIRE(seen.troubles == 2); /* another spell */
    free_cache(&seen);
    return 0;
}

static void a_full_disk_costs_one_event_and_no_entry(void **state)
{
    assert_int_equal(in_a_child(use_a_full_disk, *state), 0);
}

#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(what_was_saved_is_found_by_another),
        IN_A_FOLDER(without_secrets_the_folder_has_a_key),
        IN_A_FOLDER(a_damaged_key_file_is_replaced),
        IN_A_FOLDER(a_damaged_entry_is_replaced),
        IN_A_FOLDER(an_entry_is_of_no_use_under_another_name),
        IN_A_FOLDER(what_is_foreign_is_neither_followed_nor_overwritten),
        IN_A_FOLDER(more_than_an_entry_may_be_is_told),
        IN_A_FOLDER(each_secret_opens_and_the_first_seals),
        IN_A_FOLDER(of_two_entries_the_one_that_serves_else_the_newer_is_kept),
        IN_A_FOLDER(the_lock_is_had_by_one),
        IN_A_FOLDER(who_waits_for_the_lock_finds_what_is_saved),
        IN_A_FOLDER(one_relieves_whoever_has_the_lock_for_too_long),
        IN_A_FOLDER(a_stopped_operation_tells_nothing_and_keeps_no_lock),
        IN_A_FOLDER(done_may_begin_the_next_or_free),
        IN_A_FOLDER(the_engine_may_end_first),
        IN_A_FOLDER(a_forked_child_leaves_the_lock_to_its_parent),
        IN_A_FOLDER(the_lock_of_the_dead_is_free_and_that_of_the_stopped_is_not),
        IN_A_FOLDER(of_many_processes_one_asks),
        IN_A_FOLDER(a_folder_made_again_is_the_new_one),
        IN_A_FOLDER(a_file_where_the_folder_should_be_is_told_once),
        IN_A_FOLDER(a_read_only_folder_costs_one_event),
        IN_A_FOLDER(a_full_disk_costs_one_event_and_no_entry),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

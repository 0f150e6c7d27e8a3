#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "file.h"
#include "file_support.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static accs_folder folder = {.fd = -1};
static const char *why;
static int descriptors; /* open before the test */

/* A folder "home", open, and nothing else. */
static int set_up(void **state)
{
    (void)state;
    must(system("chmod -R u+rwx home more 2>&-; rm -rf home more other") == 0, "rm -rf");
    descriptors = count_entries("/proc/self/fd", "");
    why = "untouched";
    must(accs_folder_open("home", &folder, &why) == ACCS_OK, "home");
    return 0;
}

/* No descriptor is left. */
static int tear_down(void **state)
{
    (void)state;
    rough = dies = false;
    fails_sync = 0;
    accs_folder_close(&folder);
    accs_folder_close(&folder);
    return count_entries("/proc/self/fd", "") == descriptors ? 0 : 1;
}

static void assert_holds(const char *name, const char *text)
{
    accs_buffer bytes;

    accs_buffer_init(&bytes, 100000);
    assert_int_equal(accs_file_read(&folder, name, &bytes, &why), ACCS_OK);
    assert_int_equal(bytes.len, strlen(text));
    if (bytes.len > 0)
        assert_string_equal(bytes.bytes, text);
    accs_buffer_wipe(&bytes);
}

/* What the file at that path holds, whatever its mode. */
static void assert_untouched(const char *path, const char *text)
{
    char found[64] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_true(syscall(SYS_read, fd, found, sizeof found - 1) >= 0);
    assert_string_equal(found, text);
    close(fd);
}

static accs_error replace(const char *name, const char *text)
{
    why = "untouched";
    return accs_file_replace(&folder, name, text, strlen(text), &why);
}

static accs_error create(const char *name, const char *text)
{
    why = "untouched";
    return accs_file_create(&folder, name, text, strlen(text), &why);
}

static accs_error read_file(const char *name)
{
    accs_buffer bytes;
    accs_error error;

    why = "untouched";
    accs_buffer_init(&bytes, 100);
    error = accs_file_read(&folder, name, &bytes, &why);
    if (error != ACCS_OK)
        assert_int_equal(bytes.len, 0);
    accs_buffer_wipe(&bytes);
    return error;
}

static accs_error lock_file(const char *name, int *lock)
{
    why = "untouched";
    return accs_file_lock(&folder, name, lock, &why);
}

static void assert_says(const char *text)
{
    assert_non_null(why);
    if (strcmp(why, text) != 0)
        fail_msg("says \"%s\", not \"%s\"", why, text);
}

/* All five functions leave alone what has the name. */
static void assert_left_alone(const char *name, const char *text)
{
    int lock = -77;

    assert_int_equal(read_file(name), ACCS_ERROR_IO);
    assert_says(text);
    assert_int_equal(replace(name, "new"), ACCS_ERROR_IO);
    assert_says(text);
    assert_int_equal(create(name, "new"), ACCS_ERROR_IO);
    assert_says(text);
    assert_int_equal(accs_file_remove(&folder, name, &why), ACCS_ERROR_IO);
    assert_says(text);
    assert_int_equal(lock_file(name, &lock), ACCS_ERROR_IO);
    assert_says(text);
    assert_int_equal(lock, -77);
    assert_int_equal(count_entries("home", ".tmp-"), 0);
}

/* ---------------------------------------------------------------- folder */

static void makes_a_folder_of_its_own_whatever_the_umask(void **state)
{
    static const mode_t MASKS[] = {0, 0777, 022, 0277};

    (void)state;
    for (size_t i = 0; i < COUNT(MASKS); i++) {
        accs_folder made = {.fd = -1};

        assert_int_equal(system("rm -rf more"), 0);
        umask(MASKS[i]);
        assert_int_equal(accs_folder_open("more/a//b/c/", &made, &why), ACCS_OK);
        umask(022);
        assert_int_equal(mode_of("more"), 0700);
        assert_int_equal(mode_of("more/a"), 0700);
        assert_int_equal(mode_of("more/a/b"), 0700);
        assert_int_equal(mode_of("more/a/b/c"), 0700);
        accs_folder_close(&made);
        assert_int_equal(made.fd, -1);
    }
}

static void takes_a_folder_that_others_read_and_leaves_its_mode(void **state)
{
    accs_folder opened = {.fd = -1};

    (void)state;
    assert_int_equal(chmod("home", 0755), 0);
    assert_int_equal(accs_folder_open("./home/../home", &opened, &why), ACCS_OK);
    assert_int_equal(mode_of("home"), 0755);
    assert_int_equal(fcntl(opened.fd, F_GETFD), FD_CLOEXEC);
    accs_folder_close(&opened);
}

static void assert_no_folder(const char *path, const char *text)
{
    accs_folder opened = {.fd = -77};

    why = "untouched";
    assert_int_equal(accs_folder_open(path, &opened, &why), ACCS_ERROR_IO);
    assert_says(text);
    assert_int_equal(opened.fd, -77);
}

static void refuses_a_folder_that_is_not_its_own(void **state)
{
    static const mode_t MODES[] = {0777, 0775, 0757, 01777, 0722, 0720, 0702};
    static const char link[] = "it is no folder, or a symbolic link";

    (void)state;
    assert_no_folder("/", "the folder belongs to another user");
    assert_no_folder("/tmp", "the folder belongs to another user");
    for (size_t i = 0; i < COUNT(MODES); i++) {
        assert_int_equal(chmod("home", MODES[i]), 0);
        assert_no_folder("home", "others can write to the folder");
        assert_int_equal(mode_of("home"), MODES[i]);
    }
    assert_int_equal(chmod("home", 0700), 0);
    assert_int_equal(mkdir("more", 0700), 0);
    assert_int_equal(symlink("../home", "more/link"), 0);
    assert_no_folder("more/link", link);
    assert_no_folder("more/link/", link);
    assert_no_folder("more/link//", link);
    assert_no_folder("more/link/.", link);
    assert_no_folder("more/link/.//./", link);
    assert_int_equal(symlink("nowhere", "more/dangling"), 0);
    assert_no_folder("more/dangling", link);
    assert_int_equal(access("more/nowhere", F_OK), -1);
    write_text("more/file", "text", 0600);
    assert_no_folder("more/file", link);
    assert_no_folder("more/file/below", link);
    assert_no_folder("", "there is no such folder, nor can it be made");
    assert_no_folder("/proc/accs", "there is no such folder, nor can it be made");
    assert_int_equal(chmod("more", 0500), 0);
    assert_no_folder("more/below/it", "there is no such folder, nor can it be made");
    assert_int_equal(chmod("more", 0), 0);
    assert_no_folder("more/below", "permission denied");
    assert_no_folder("more", "permission denied");
}

/* Parents may be links: a home folder often is. */
static void follows_links_on_the_way(void **state)
{
    accs_folder opened = {.fd = -1};

    (void)state;
    assert_int_equal(mkdir("more", 0700), 0);
    assert_int_equal(symlink("../home", "more/link"), 0);
    assert_int_equal(accs_folder_open("more/link/below", &opened, &why), ACCS_OK);
    assert_int_equal(mode_of("home/below"), 0700);
    accs_folder_close(&opened);
}

/* ------------------------------------------------------------------ read */

static void reads_what_it_wrote(void **state)
{
    (void)state;
    assert_int_equal(read_file("file"), ACCS_ERROR_CONFIG);
    assert_null(why);
    assert_int_equal(replace("file", "first"), ACCS_OK);
    assert_holds("file", "first");
    assert_int_equal(replace("file", ""), ACCS_OK);
    assert_holds("file", "");
    assert_int_equal(replace("file", "third, and longer"), ACCS_OK);
    assert_holds("file", "third, and longer");
    assert_int_equal(count_entries("home", ""), 1);
    assert_int_equal(mode_of("home/file"), 0600);
    assert_int_equal(accs_file_remove(&folder, "file", &why), ACCS_OK);
    assert_int_equal(accs_file_remove(&folder, "file", &why), ACCS_OK);
    assert_int_equal(count_entries("home", ""), 0);
}

static void appends_up_to_the_ceiling(void **state)
{
    accs_buffer bytes;

    (void)state;
    assert_int_equal(replace("file", "1234567890"), ACCS_OK);
    accs_buffer_init(&bytes, 13);
    assert_int_equal(accs_buffer_append_text(&bytes, "abc"), ACCS_OK);
    assert_int_equal(accs_file_read(&folder, "file", &bytes, &why), ACCS_OK);
    assert_string_equal(bytes.bytes, "abc1234567890");
    bytes.len = 4;
    assert_int_equal(accs_file_read(&folder, "file", &bytes, &why), ACCS_ERROR_TOO_LARGE);
    assert_says("it is too large");
    assert_int_equal(bytes.len, 4);
    assert_string_equal(bytes.bytes, "abc1");
    accs_buffer_wipe(&bytes);
}

static void refuses_a_file_that_others_reach(void **state)
{
    static const mode_t OPEN[] = {0640, 0604, 0644, 0666, 0620, 0602, 0610, 0601, 0777};
    static const mode_t PRIVATE[] = {0600, 0400, 0700, 0500};

    (void)state;
    for (size_t i = 0; i < COUNT(OPEN); i++) {
        write_text("home/file", "old", OPEN[i]);
        assert_int_equal(read_file("file"), ACCS_ERROR_IO);
        assert_says("it is open to other users");
        assert_int_equal(mode_of("home/file"), OPEN[i]);
        assert_int_equal(replace("file", "new"), ACCS_OK); /* by one that is not */
        assert_int_equal(mode_of("home/file"), 0600);
        assert_holds("file", "new");
        assert_int_equal(unlink("home/file"), 0);
    }
    for (size_t i = 0; i < COUNT(PRIVATE); i++) {
        write_text("home/file", "old", PRIVATE[i]);
        assert_holds("file", "old");
        assert_int_equal(unlink("home/file"), 0);
    }
    write_text("home/file", "old", 0600);
    assert_int_equal(chmod("home/file", 0), 0);
    assert_int_equal(read_file("file"), ACCS_ERROR_IO);
    assert_says("permission denied");
    assert_int_equal(replace("file", "new"), ACCS_OK);
    assert_holds("file", "new");
}

static void leaves_alone_what_is_no_plain_file(void **state)
{
    static const char link[] = "it is a symbolic link";

    (void)state;
    write_text("other", "other's", 0600);
    assert_int_equal(symlink("../other", "home/file"), 0);
    assert_left_alone("file", link);
    assert_untouched("other", "other's");
    assert_int_equal(symlink("../nowhere", "home/dangling"), 0);
    assert_left_alone("dangling", link);
    assert_int_equal(access("nowhere", F_OK), -1);
    assert_int_equal(symlink("/tmp", "home/to-folder"), 0);
    assert_left_alone("to-folder", link);
    assert_int_equal(symlink("self", "home/self"), 0);
    assert_left_alone("self", link);
    assert_int_equal(count_entries("home", ""), 4);
}

/* A folder, a FIFO, a device: what read and lock say depends on what open(2) says. */
static void leaves_alone_folder_and_fifo(void **state)
{
    static const char *const NAMES[] = {"folder", "fifo"};
    int lock = -77;

    (void)state;
    assert_int_equal(mkdir("home/folder", 0700), 0);
    assert_int_equal(mkfifo("home/fifo", 0600), 0);
    for (size_t i = 0; i < COUNT(NAMES); i++) {
        assert_int_equal(read_file(NAMES[i]), ACCS_ERROR_IO); /* and does not wait for a writer */
        assert_says("it is no plain file");
        assert_int_equal(replace(NAMES[i], "new"), ACCS_ERROR_IO);
        assert_says("it is no plain file");
        assert_int_equal(create(NAMES[i], "new"), ACCS_ERROR_IO);
        assert_says("it is no plain file");
        assert_int_equal(accs_file_remove(&folder, NAMES[i], &why), ACCS_ERROR_IO);
        assert_says("it is no plain file");
        assert_int_equal(lock_file(NAMES[i], &lock), ACCS_ERROR_IO);
        assert_says(i == 0 ? "it is a folder" : "it is no plain file");
    }
    assert_int_equal(count_entries("home", ""), 2);
}

static void leaves_alone_what_is_another_users(void **state)
{
    (void)state;
    accs_folder_close(&folder);
    folder.fd = open("/etc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(read_file("passwd"), ACCS_ERROR_IO);
    assert_says("it belongs to another user");
    assert_int_equal(replace("passwd", "new"), ACCS_ERROR_IO);
    assert_says("it belongs to another user");
    if (!was_root)
        return; /* who is not root cannot put another's file into a folder of his own */
    accs_folder_close(&folder);
    assert_int_equal(accs_folder_open("foreign", &folder, &why), ACCS_OK);
    assert_left_alone("file", "it belongs to another user");
    /* An old half-written file of another's is no business of ours either. */
    assert_untouched("foreign/file", "root's");
    assert_int_equal(count_entries("foreign", ""), 1);
}

/* One's own file that has a second name elsewhere: the other name keeps the old bytes. */
static void does_not_write_through_a_hard_link(void **state)
{
    (void)state;
    write_text("other", "other's", 0600);
    assert_int_equal(link("other", "home/file"), 0);
    assert_holds("file", "other's");
    assert_int_equal(replace("file", "new"), ACCS_OK);
    assert_untouched("other", "other's");
    assert_holds("file", "new");
}

/* ----------------------------------------------------------------- write */

static void writes_with_its_mode_whatever_the_umask(void **state)
{
    static const mode_t MASKS[] = {0, 0777, 0177, 0277};

    (void)state;
    for (size_t i = 0; i < COUNT(MASKS); i++) {
        int lock = -1;

        umask(MASKS[i]);
        assert_int_equal(replace("file", "text"), ACCS_OK);
        assert_int_equal(create("key", "text"), ACCS_OK);
        assert_int_equal(lock_file("lock", &lock), ACCS_OK);
        umask(022);
        accs_file_unlock(lock);
        assert_int_equal(mode_of("home/file"), 0600);
        assert_int_equal(mode_of("home/key"), 0600);
        assert_int_equal(mode_of("home/lock"), 0600);
        assert_int_equal(system("rm home/*"), 0);
    }
}

static void is_on_the_disk_before_it_has_its_name(void **state)
{
    (void)state;
    forget_calls();
    assert_int_equal(replace("file", "text"), ACCS_OK);
    assert_string_equal(calls, "wfrd");
    forget_calls();
    assert_int_equal(create("key", "text"), ACCS_OK);
    assert_string_equal(calls, "wflud");
    forget_calls();
    assert_int_equal(accs_file_remove(&folder, "file", &why), ACCS_OK);
    assert_string_equal(calls, "ud");
    fails_sync = EIO;
    forget_calls();
    assert_int_equal(replace("key", "new"), ACCS_ERROR_IO);
    assert_says("an input or output error");
    assert_string_equal(calls, "wfu");
    assert_holds("key", "text");
    fails_sync = EINVAL; /* a file system that knows no fsync */
    assert_int_equal(replace("key", "new"), ACCS_OK);
    assert_holds("key", "new");
}

static void creates_once(void **state)
{
    (void)state;
    assert_int_equal(create("key", "first"), ACCS_OK);
    assert_int_equal(create("key", "second"), ACCS_ERROR_CONFIG);
    assert_holds("key", "first");
    assert_int_equal(count_entries("home", ""), 1);
}

/* Many at once: one makes it, all the others see what that one wrote. */
static void creates_once_of_many(void **state)
{
    enum { MANY = 8 };
    int made = 0;

    (void)state;
    for (int round = 0; round < 20; round++) {
        pid_t pids[MANY];

        for (int i = 0; i < MANY; i++) {
            pids[i] = fork();
            if (pids[i] == 0) {
                const char text[] = {(char)('a' + i), '\0'};
                accs_error error = create("key", text);

                _exit(error == ACCS_OK ? 1 : error == ACCS_ERROR_CONFIG ? 0 : 2);
            }
        }
        for (int i = 0; i < MANY; i++) {
            int status = -1;

            assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
            assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
            made += WEXITSTATUS(status);
        }
        assert_int_equal(made, round + 1);
        assert_int_equal(count_entries("home", ""), 1);
        assert_int_equal(unlink("home/key"), 0);
    }
}

static void goes_on_after_short_and_interrupted_calls(void **state)
{
    int lock = -1;

    (void)state;
    rough = true;
    assert_int_equal(replace("file", "text of some length"), ACCS_OK);
    assert_holds("file", "text of some length");
    assert_int_equal(lock_file("lock", &lock), ACCS_OK);
    accs_file_unlock(lock);
}

static void readers_see_the_old_or_the_new(void **state)
{
    enum { SIZE = 8192, ROUNDS = 300 };
    char text[SIZE + 1];
    pid_t child;
    int status = -1;
    int reads = 0;

    (void)state;
    memset(text, 'a', SIZE);
    text[SIZE] = '\0';
    assert_int_equal(replace("file", text), ACCS_OK);
    child = fork();
    if (child == 0) {
        for (int i = 0; i < ROUNDS; i++) {
            memset(text, 'a' + i % 26, SIZE);
            if (replace("file", text) != ACCS_OK)
                _exit(1);
        }
        _exit(0);
    }
    while (waitpid(child, &status, WNOHANG) == 0) {
        accs_buffer bytes;

        accs_buffer_init(&bytes, SIZE);
        assert_int_equal(accs_file_read(&folder, "file", &bytes, &why), ACCS_OK);
        assert_int_equal(bytes.len, SIZE);
        memset(text, bytes.bytes[0], SIZE);
        assert_string_equal(bytes.bytes, text);
        accs_buffer_wipe(&bytes);
        reads++;
    }
    assert_int_equal(status, 0);
    assert_true(reads > 0);
}

/* Runs it in a child that is killed on the way. */
static void killed(accs_error (*work)(const char *name, const char *text), const char *name)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        dies = true;
        _exit((int)work(name, "new"));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* As if it had been left an hour and a minute ago. */
static void age(const char *prefix)
{
    char command[200];

    (void)snprintf(command, sizeof command, "touch -h -d '61 minutes ago' home/%s*", prefix);
    assert_int_equal(system(command), 0);
}

static void outlives_writers_that_are_killed(void **state)
{
    (void)state;
    assert_int_equal(replace("file", "old"), ACCS_OK);
    killed(replace, "file");
    assert_holds("file", "old");
    killed(create, "key"); /* behind the link: it is there, under both names */
    assert_holds("key", "new");
    assert_int_equal(count_entries("home", ".tmp-"), 2);
    assert_int_equal(replace("file", "third"), ACCS_OK);
    assert_holds("file", "third");
    assert_int_equal(count_entries("home", ".tmp-"), 2); /* somebody may still be at them */
    age(".tmp-");
    write_text("home/.tmp-mine", "kept", 0600); /* not a name of ours */
    write_text("home/.tmp-0123456789abcdef0123456789abcdef0", "kept", 0600);
    assert_int_equal(symlink("file", "home/.tmp-0123456789abcdef0123456789abcdef"), 0);
    write_text("home/kept-0123456789abcdef0123456789abcdef", "kept", 0600);
    age(".tmp-m");
    age(".tmp-0");
    age("kept-");
    assert_int_equal(replace("file", "fourth"), ACCS_OK);
    assert_int_equal(count_entries("home", ".tmp-"), 3);
    assert_int_equal(count_entries("home", ".tmp-0"), 2);
    assert_int_equal(count_entries("home", "kept-"), 1);
    assert_holds("key", "new");
    assert_holds("file", "fourth");
}

static void keeps_the_old_bytes_where_there_is_no_room(void **state)
{
    static char large[20000];
    accs_error error;

    (void)state;
    accs_folder_close(&folder);
    assert_int_equal(accs_folder_open("full", &folder, &why), ACCS_OK);
    assert_int_equal(replace("file", "old"), ACCS_OK);
    error = accs_file_replace(&folder, "file", large, sizeof large, &why);
    assert_int_equal(error, ACCS_ERROR_IO);
    assert_says("no space left on the device");
    assert_holds("file", "old");
    assert_int_equal(count_entries("full", ""), 1);
    assert_int_equal(replace("file", "new"), ACCS_OK);
    assert_holds("file", "new");
}

static void reads_from_a_file_system_that_is_read_only(void **state)
{
    static const char fixed[] = "the file system is read-only";
    int lock;

    (void)state;
    accs_folder_close(&folder);
    assert_int_equal(accs_folder_open("fixed", &folder, &why), ACCS_OK);
    assert_holds("old", "old");
    assert_int_equal(replace("old", "new"), ACCS_ERROR_IO);
    assert_says(fixed);
    assert_int_equal(create("new", "new"), ACCS_ERROR_IO);
    assert_says(fixed);
    assert_int_equal(accs_file_remove(&folder, "old", &why), ACCS_ERROR_IO);
    assert_says(fixed);
    assert_int_equal(lock_file("lock", &lock), ACCS_ERROR_IO);
    assert_says(fixed);
    assert_holds("old", "old");
    assert_no_folder("fixed/more", "there is no such folder, nor can it be made");
}

static void reads_from_a_folder_that_is_read_only(void **state)
{
    int lock = -1;

    (void)state;
    assert_int_equal(replace("old", "old"), ACCS_OK);
    assert_int_equal(replace("lock", ""), ACCS_OK);
    assert_int_equal(chmod("home", 0500), 0);
    assert_holds("old", "old");
    assert_int_equal(replace("old", "new"), ACCS_ERROR_IO);
    assert_says("permission denied");
    assert_int_equal(create("new", "new"), ACCS_ERROR_IO);
    assert_says("permission denied");
    assert_int_equal(accs_file_remove(&folder, "old", &why), ACCS_ERROR_IO);
    assert_says("permission denied");
    assert_int_equal(lock_file("new", &lock), ACCS_ERROR_IO);
    assert_says("permission denied");
    assert_int_equal(lock_file("lock", &lock), ACCS_OK); /* that is there already */
    accs_file_unlock(lock);
    assert_int_equal(chmod("home", 0700), 0);
}

static void writes_no_more_than_the_process_may(void **state)
{
    const struct rlimit limit = {.rlim_cur = 100, .rlim_max = RLIM_INFINITY};
    static const char bytes[101];
    int status = 0;
    pid_t child;

    (void)state;
    assert_int_equal(replace("file", "old"), ACCS_OK);
    child = fork();
    if (child == 0) { /* SIGXFSZ would end it */
        bool right = signal(SIGXFSZ, SIG_DFL) != SIG_ERR && setrlimit(RLIMIT_FSIZE, &limit) == 0 &&
                     accs_file_replace(&folder, "file", bytes, 101, &why) == ACCS_ERROR_IO &&
                     strcmp(why, "larger than the limit of this process for files") == 0 &&
                     accs_file_replace(&folder, "file", bytes, 100, &why) == ACCS_OK;

        _exit(right ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(count_entries("home", ""), 1);
}

static void says_when_the_folder_is_gone(void **state)
{
    (void)state;
    assert_int_equal(rmdir("home"), 0);
    assert_int_equal(read_file("file"), ACCS_ERROR_CONFIG);
    assert_int_equal(replace("file", "new"), ACCS_ERROR_IO);
    assert_says("the folder is gone");
}

/* ------------------------------------------------------------------ lock */

static void locks_one_at_a_time(void **state)
{
    int lock = -1;
    int other = -77;

    (void)state;
    assert_int_equal(lock_file("lock", &lock), ACCS_OK);
    assert_int_equal(fcntl(lock, F_GETFD), FD_CLOEXEC);
    assert_int_equal(lock_file("lock", &other), ACCS_ERROR_TIMEOUT);
    assert_int_equal(other, -77);
    assert_int_equal(lock_file("lock2", &other), ACCS_OK);
    accs_file_unlock(other);
    accs_file_unlock(lock);
    assert_int_equal(lock_file("lock", &lock), ACCS_OK);
    accs_file_unlock(lock);
    assert_int_equal(count_entries("home", ""), 2); /* they stay */
}

static void tightens_a_lock_that_others_could_hold(void **state)
{
    int lock = -1;

    (void)state;
    write_text("home/lock", "kept", 0644);
    assert_int_equal(lock_file("lock", &lock), ACCS_OK);
    accs_file_unlock(lock);
    assert_int_equal(mode_of("home/lock"), 0600);
    assert_untouched("home/lock", "kept");
}

/* A child that does something with the lock and waits until its pipe ends. */
static pid_t start_child(int pipes[2], int *lock, bool takes, bool abandons)
{
    char ready = 0;
    int told[2];
    pid_t child;

    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(pipe(told), 0);
    child = fork();
    if (child == 0) {
        alarm(PATIENCE_S);
        close(pipes[1]);
        if (takes)
            ready = lock_file("lock", lock) == ACCS_OK ? 'y' : 'n';
        if (abandons)
            accs_file_abandon(*lock);
        (void)!syscall(SYS_write, told[1], &ready, 1);
        (void)!syscall(SYS_read, pipes[0], &ready, 1);
        _exit(0);
    }
    assert_int_equal(syscall(SYS_read, told[0], &ready, 1), 1);
    assert_int_equal(ready, takes ? 'y' : 0);
    close(told[0]);
    close(told[1]);
    close(pipes[0]);
    return child;
}

static void end_child(pid_t child, int pipes[2])
{
    close(pipes[1]);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static void gets_the_lock_of_one_that_was_killed(void **state)
{
    int pipes[2];
    int lock = -1;
    pid_t child = start_child(pipes, &lock, true, false);

    (void)state;
    assert_int_equal(lock_file("lock", &lock), ACCS_ERROR_TIMEOUT);
    kill(child, SIGSTOP); /* one that is stopped has it still */
    assert_int_equal(lock_file("lock", &lock), ACCS_ERROR_TIMEOUT);
    kill(child, SIGKILL);
    end_child(child, pipes);
    assert_int_equal(lock_file("lock", &lock), ACCS_OK);
    accs_file_unlock(lock);
}

static void unlocks_although_a_child_has_the_descriptor(void **state)
{
    int pipes[2];
    int lock = -1;
    pid_t child;

    (void)state;
    assert_int_equal(lock_file("lock", &lock), ACCS_OK);
    child = start_child(pipes, &lock, false, false);
    accs_file_unlock(lock);
    assert_int_equal(lock_file("lock", &lock), ACCS_OK);
    accs_file_unlock(lock);
    end_child(child, pipes);
}

static void keeps_the_lock_that_a_child_abandons(void **state)
{
    int pipes[2];
    int lock = -1;
    int other;
    pid_t child;

    (void)state;
    assert_int_equal(lock_file("lock", &lock), ACCS_OK);
    child = start_child(pipes, &lock, false, true);
    assert_int_equal(lock_file("lock", &other), ACCS_ERROR_TIMEOUT);
    end_child(child, pipes);
    assert_int_equal(lock_file("lock", &other), ACCS_ERROR_TIMEOUT);
    accs_file_unlock(lock);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(makes_a_folder_of_its_own_whatever_the_umask),
        TEST(takes_a_folder_that_others_read_and_leaves_its_mode),
        TEST(refuses_a_folder_that_is_not_its_own),
        TEST(follows_links_on_the_way),
        TEST(reads_what_it_wrote),
        TEST(appends_up_to_the_ceiling),
        TEST(refuses_a_file_that_others_reach),
        TEST(leaves_alone_what_is_no_plain_file),
        TEST(leaves_alone_folder_and_fifo),
        TEST(leaves_alone_what_is_another_users),
        TEST(does_not_write_through_a_hard_link),
        TEST(writes_with_its_mode_whatever_the_umask),
        TEST(is_on_the_disk_before_it_has_its_name),
        TEST(creates_once),
        TEST(creates_once_of_many),
        TEST(goes_on_after_short_and_interrupted_calls),
        TEST(readers_see_the_old_or_the_new),
        TEST(outlives_writers_that_are_killed),
        TEST(keeps_the_old_bytes_where_there_is_no_room),
        TEST(reads_from_a_file_system_that_is_read_only),
        TEST(reads_from_a_folder_that_is_read_only),
        TEST(writes_no_more_than_the_process_may),
        TEST(says_when_the_folder_is_gone),
        TEST(locks_one_at_a_time),
        TEST(tightens_a_lock_that_others_could_hold),
        TEST(gets_the_lock_of_one_that_was_killed),
        TEST(unlocks_although_a_child_has_the_descriptor),
        TEST(keeps_the_lock_that_a_child_abandons),
    };

    become_ordinary();
    return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}

/*
 * For the tests of private files: a folder for each test, in a process that is an ordinary user
 * (root passes every check of owners and modes), and the system calls on the way, which are noted,
 * made short, interrupted, or the end of the process.
 */
#ifndef FILE_SUPPORT_H
#define FILE_SUPPORT_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOBODY = 65534, PATIENCE_S = 60 };

/* ---------------------------------------------------------- system calls */

/* The calls that matter since it was emptied: (w)rite, (f)sync of a file, the same of a
 * (d)irectory, (r)ename, (l)ink, (u)nlink. */
static char calls[64];
static bool rough;     /* reads and writes are short, and interrupted; flock is interrupted */
static bool dies;      /* SIGKILL before the rename, or behind the link */
static int fails_sync; /* errno of fsync; 0: it works */

static void note(char call)
{
    size_t len = strlen(calls);

    if (len + 1 < sizeof calls && (call != 'w' || len == 0 || calls[len - 1] != 'w'))
        calls[len] = call;
}

/* Every other time. */
static bool interrupted(void)
{
    static bool last;

    last = !last;
    if (rough && last)
        errno = EINTR;
    return rough && last;
}

ssize_t write(int fd, const void *buf, size_t n)
{
    note('w');
    return interrupted() ? -1 : syscall(SYS_write, fd, buf, rough && n > 3 ? 3 : n);
}

ssize_t read(int fd, void *buf, size_t nbytes)
{
    return interrupted() ? -1 : syscall(SYS_read, fd, buf, rough && nbytes > 3 ? 3 : nbytes);
}

int fsync(int fd)
{
    struct stat found;

    note(fstat(fd, &found) == 0 && S_ISDIR(found.st_mode) ? 'd' : 'f');
    errno = fails_sync;
    return fails_sync != 0 ? -1 : (int)syscall(SYS_fsync, fd);
}

int flock(int fd, int operation)
{
    return interrupted() ? -1 : (int)syscall(SYS_flock, fd, operation);
}

int renameat(int oldfd, const char *old, int newfd, const char *new)
{
    note('r');
    if (dies)
        raise(SIGKILL);
    return (int)syscall(SYS_renameat2, oldfd, old, newfd, new, 0);
}

int linkat(int fromfd, const char *from, int tofd, const char *to, int flags)
{
    int result = (int)syscall(SYS_linkat, fromfd, from, tofd, to, flags);

    note('l');
    if (dies)
        raise(SIGKILL);
    return result;
}

int unlinkat(int fd, const char *name, int flag)
{
    note('u');
    return (int)syscall(SYS_unlinkat, fd, name, flag);
}

/* --------------------------------------------------------------- folders */

static char base[] = "/tmp/accs-file-XXXXXX";
static bool was_root; /* so there is a file of root's in base/foreign */

static void must(bool done, const char *what)
{
    if (done)
        return;
    perror(what);
    exit(1);
}

static void write_text(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

    must(fd >= 0 && (mode == 0 || fchmod(fd, mode) == 0), path);
    must(syscall(SYS_write, fd, text, strlen(text)) == (long)strlen(text), path);
    close(fd);
}

/* Where mounts are this process's own matter, as root or as root of a namespace of its own. */
static void own_mounts(void)
{
    char map[32];
    uid_t uid = geteuid();
    gid_t gid = getegid();

    must(unshare(CLONE_NEWNS | (was_root ? 0 : CLONE_NEWUSER)) == 0, "unshare");
    if (!was_root) {
        (void)snprintf(map, sizeof map, "%u %u 1", uid, uid);
        write_text("/proc/self/uid_map", map, 0);
        write_text("/proc/self/setgroups", "deny", 0);
        (void)snprintf(map, sizeof map, "%u %u 1", gid, gid);
        write_text("/proc/self/gid_map", map, 0);
    }
    must(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "mount /");
}

/* Folders of the ordinary user's, on a full and on a read-only file system. */
static void make_file_systems(uid_t user, gid_t group)
{
    char options[64];

    must(mkdir("full", 0700) == 0 && mkdir("fixed", 0700) == 0, "mkdir");
    (void)snprintf(options, sizeof options, "size=16k,mode=700,uid=%u", user);
    must(mount("none", "full", "tmpfs", 0, options) == 0, "mount full");
    must(mount("none", "fixed", "tmpfs", 0, options) == 0, "mount fixed");
    write_text("fixed/old", "old", 0600);
    write_text("fixed/lock", "", 0600);
    must(chown("fixed/old", user, group) == 0 && chown("fixed/lock", user, group) == 0, "chown");
    must(mount("none", "fixed", NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0, "remount");
}

/* Gives up what root may, here or in the namespace. */
static void drop_rights(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct none[2] = {{0}};

    if (was_root) {
        must(mkdir("foreign", 0700) == 0 && chown("foreign", NOBODY, NOBODY) == 0, "foreign");
        write_text("foreign/file", "root's", 0666);
        must(chown(base, NOBODY, NOBODY) == 0, "chown");
        must(setgroups(0, NULL) == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0 &&
                 setresuid(NOBODY, NOBODY, NOBODY) == 0,
             "setresuid");
    }
    must(syscall(SYS_capset, &header, none) == 0, "capset");
    must(access("/proc/1/environ", R_OK) != 0, "no ordinary user");
    prctl(PR_SET_DUMPABLE, 1); /* a leak checker looks at this process */
}

static void remove_base(void)
{
    char command[2 * sizeof base + 64];

    (void)snprintf(command, sizeof command, "chmod -R u+rwx %s 2>&-; rm -rf %s", base, base);
    must(chdir("/") == 0 && system(command) == 0, command);
}

/*
 * A folder to work in, as an ordinary user, in a process of its own: the first one waits for its
 * end and does not return.
 */
static void become_ordinary(void)
{
    int status = 1;
    pid_t child;

    umask(022);
    must(mkdtemp(base) != NULL && chdir(base) == 0, base);
    was_root = geteuid() == 0;
    child = fork();
    must(child >= 0, "fork");
    if (child > 0) {
        must(waitpid(child, &status, 0) == child, "waitpid");
        remove_base(); /* the mounts ended with the child */
        exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
    }
    alarm(PATIENCE_S); /* what hangs fails */
    own_mounts();
    make_file_systems(was_root ? NOBODY : geteuid(), was_root ? NOBODY : getegid());
    drop_rights();
}

static void forget_calls(void)
{
    memset(calls, 0, sizeof calls);
}

/* How many entries a folder has whose names begin so. */
static int count_entries(const char *path, const char *prefix)
{
    DIR *dir = opendir(path);
    const struct dirent *entry;
    int count = 0;

    must(dir != NULL, path);
    while ((entry = readdir(dir)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
            count++;
    closedir(dir);
    return count;
}

static mode_t mode_of(const char *path)
{
    struct stat found;

    must(lstat(path, &found) == 0, path);
    return found.st_mode & 07777;
}

#endif

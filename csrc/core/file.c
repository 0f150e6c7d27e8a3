#include "file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "secret.h"

/* What a file is called until it is whole: TEMP_PREFIX and a random id. One whose writer died is
 * removed by a later writer, once no living one can still be at it. */
#define TEMP_PREFIX ".tmp-"
enum { TEMP_LEN = sizeof TEMP_PREFIX - 1 + 32, TEMP_AGE_S = 3600, TEMP_SWEPT = 64 };

enum { MODE_FILE = 0600, MODE_FOLDER = 0700, MODE_OTHERS = 0077, MODE_OTHERS_WRITE = 0022 };

/* errno in words that fit behind "not read: ". */
static const char *reason(int number)
{
    static const struct {
        int number;
        const char *text;
    } reasons[] = {
        {EACCES, "permission denied"},
        {EPERM, "not permitted"},
        {EROFS, "the file system is read-only"},
        {ENOSPC, "no space left on the device"},
        {EDQUOT, "the disk quota is used up"},
        {EFBIG, "larger than the limit of this process for files"},
        {ELOOP, "it is a symbolic link"},
        {ENOTDIR, "it is no folder, or a symbolic link"},
        {EISDIR, "it is a folder"},
        {ENXIO, "it is no plain file"},
        {ENOENT, "the folder is gone"},
        {ENAMETOOLONG, "the name is too long"},
        {EMFILE, "too many open files"},
        {ENFILE, "too many open files"},
        {ENOLCK, "the file system has no locks"},
    };

    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reasons[i].number == number)
            return reasons[i].text;
    return "an input or output error";
}

static accs_error refuse(const char **why, const char *text)
{
    *why = text;
    return ACCS_ERROR_IO;
}

/* ---------------------------------------------------------------- folder */

/*
 * Makes one folder. What the umask took from its mode is given back; were it replaced by a link in
 * between, the link would not be followed. A failure shows when the folder is opened.
 */
static void make_folder(const char *path)
{
    if (mkdir(path, MODE_FOLDER) == 0)
        (void)fchmodat(AT_FDCWD, path, MODE_FOLDER, AT_SYMLINK_NOFOLLOW);
}

/* Makes the folder with its parents. path: changed, and as before in the end. */
static void make_folders(char *path)
{
    for (char *at = path; *at != '\0'; at++) {
        if (*at != '/' || at == path)
            continue;
        *at = '\0';
        make_folder(path);
        *at = '/';
    }
    make_folder(path);
}

/* Drops what would have open(2) follow a link at the end: "/" and "/." */
static void trim(char *path)
{
    size_t len = strlen(path);

    while (len > 1 &&
           (path[len - 1] == '/' || (len > 2 && path[len - 1] == '.' && path[len - 2] == '/')))
        len--;
    path[len] = '\0';
}

accs_error accs_folder_open(const char *path, accs_folder *folder, const char **why)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    accs_error error = ACCS_ERROR_IO;
    struct stat found;
    char *trimmed = strdup(path);
    int fd = -1;

    if (trimmed == NULL)
        return ACCS_ERROR_MEMORY;
    trim(trimmed);
    fd = open(trimmed, flags);
    if (fd < 0 && errno == ENOENT) {
        make_folders(trimmed);
        fd = open(trimmed, flags);
    }
    if (fd < 0 || fstat(fd, &found) != 0) {
        *why = errno == ENOENT ? "there is no such folder, nor can it be made" : reason(errno);
        goto done;
    }
    if (found.st_uid != geteuid()) {
        *why = "the folder belongs to another user";
        goto done;
    }
    if ((found.st_mode & MODE_OTHERS_WRITE) != 0) {
        *why = "others can write to the folder";
        goto done;
    }
    folder->fd = fd;
    fd = -1;
    error = ACCS_OK;

done:
    if (fd >= 0)
        close(fd);
    free(trimmed);
    return error;
}

void accs_folder_close(accs_folder *folder)
{
    if (folder->fd >= 0)
        close(folder->fd);
    folder->fd = -1;
}

/* ------------------------------------------------------------------ read */

/* Why this is not one of our files; NULL when it is. */
static const char *foreign(const struct stat *found)
{
    if (!S_ISREG(found->st_mode))
        return S_ISLNK(found->st_mode) ? "it is a symbolic link" : "it is no plain file";
    return found->st_uid != geteuid() ? "it belongs to another user" : NULL;
}

/* Reads len bytes, or up to the end of the file. */
static accs_error read_bytes(int fd, size_t len, accs_buffer *bytes, const char **why)
{
    size_t before = bytes->len;
    accs_error error = accs_buffer_reserve(bytes, len);

    if (error == ACCS_ERROR_TOO_LARGE)
        *why = "it is too large";
    while (error == ACCS_OK && len > 0) {
        ssize_t got = read(fd, bytes->bytes + bytes->len, len);

        if (got == 0)
            break;
        if (got > 0) {
            bytes->len += (size_t)got;
            len -= (size_t)got;
        } else if (errno != EINTR) {
            error = refuse(why, reason(errno));
        }
    }
    if (error == ACCS_ERROR_IO) {
        accs_wipe(bytes->bytes + before, bytes->len - before);
        bytes->len = before;
    }
    if (bytes->bytes != NULL)
        bytes->bytes[bytes->len] = '\0';
    return error;
}

accs_error accs_file_read(const accs_folder *folder, const char *name, accs_buffer *bytes,
                          const char **why)
{
    accs_error error = ACCS_ERROR_IO;
    struct stat found;
    /* O_NONBLOCK: a FIFO without a writer would hold us up for ever. */
    int fd = openat(folder->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT) {
        *why = NULL;
        return ACCS_ERROR_CONFIG;
    }
    if (fd < 0 || fstat(fd, &found) != 0) {
        *why = reason(errno);
        goto done;
    }
    *why = foreign(&found);
    if (*why == NULL && (found.st_mode & MODE_OTHERS) != 0)
        *why = "it is open to other users";
    if (*why == NULL)
        error = read_bytes(fd, (size_t)found.st_size, bytes, why);

done:
    if (fd >= 0)
        close(fd);
    return error;
}

/* ----------------------------------------------------------------- write */

/* Whether the name is free, or that of a file of ours. *exists: set then. */
static accs_error look(const accs_folder *folder, const char *name, bool *exists, const char **why)
{
    struct stat found;

    *exists = fstatat(folder->fd, name, &found, AT_SYMLINK_NOFOLLOW) == 0;
    if (*exists)
        *why = foreign(&found);
    else
        *why = errno == ENOENT ? NULL : reason(errno);
    return *why == NULL ? ACCS_OK : ACCS_ERROR_IO;
}

static bool write_all(int fd, const char *bytes, size_t bytes_len)
{
    while (bytes_len > 0) {
        ssize_t put = write(fd, bytes, bytes_len);

        if (put < 0 && errno != EINTR)
            return false;
        if (put > 0) {
            bytes += put;
            bytes_len -= (size_t)put;
        }
    }
    return true;
}

/* Whether a write of that size would raise SIGXFSZ, which ends a process that does not expect it.
 */
static bool over_limit(size_t bytes_len)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
           bytes_len > limit.rlim_cur;
}

/* fsync(2); a file system that knows no such thing keeps what it is given. */
static bool sync_fd(int fd)
{
    return fsync(fd) == 0 || errno == EINVAL;
}

/* Removes what writers left that died: what is as old has no living writer. */
static void sweep(const accs_folder *folder, time_t now_s)
{
    int fd = openat(folder->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    struct stat found;
    int swept = 0;

    if (dir == NULL) {
        if (fd >= 0)
            close(fd);
        return;
    }
    while (swept < TEMP_SWEPT && (entry = readdir(dir)) != NULL) {
        if (strlen(entry->d_name) != TEMP_LEN ||
            strncmp(entry->d_name, TEMP_PREFIX, sizeof TEMP_PREFIX - 1) != 0 ||
            fstatat(folder->fd, entry->d_name, &found, AT_SYMLINK_NOFOLLOW) != 0 ||
            foreign(&found) != NULL || now_s - found.st_mtime < TEMP_AGE_S)
            continue;
        (void)unlinkat(folder->fd, entry->d_name, 0);
        swept++;
    }
    closedir(dir);
}

/* Writes a whole file under a name of its own; it is gone again on failure. */
static accs_error write_temp(const accs_folder *folder, const void *bytes, size_t bytes_len,
                             char temp[TEMP_LEN + 1], const char **why)
{
    accs_error error = ACCS_ERROR_IO;
    char id[33];
    struct stat made;
    int fd;

    if (over_limit(bytes_len))
        return refuse(why, reason(EFBIG));
    if (accs_random_id(id) != ACCS_OK)
        return refuse(why, "no random numbers to be had");
    (void)snprintf(temp, TEMP_LEN + 1, "%s%s", TEMP_PREFIX, id);
    fd = openat(folder->fd, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, MODE_FILE);
    if (fd < 0)
        return refuse(why, reason(errno));
    /* fchmod: the umask may have taken too much. */
    if (fchmod(fd, MODE_FILE) != 0 || !write_all(fd, bytes, bytes_len) || !sync_fd(fd) ||
        fstat(fd, &made) != 0) {
        *why = reason(errno);
        goto done;
    }
    sweep(folder, made.st_mtime); /* the clock of the file system, which may not be ours */
    error = ACCS_OK;

done:
    if (close(fd) != 0 && errno != EINTR && error == ACCS_OK)
        error = refuse(why, reason(errno));
    if (error != ACCS_OK)
        (void)unlinkat(folder->fd, temp, 0);
    return error;
}

/* The change to the folder itself, on the disk. */
static accs_error sync_folder(const accs_folder *folder, const char **why)
{
    return sync_fd(folder->fd) ? ACCS_OK : refuse(why, reason(errno));
}

accs_error accs_file_replace(const accs_folder *folder, const char *name, const void *bytes,
                             size_t bytes_len, const char **why)
{
    char temp[TEMP_LEN + 1];
    bool exists;
    accs_error error = look(folder, name, &exists, why);

    if (error == ACCS_OK)
        error = write_temp(folder, bytes, bytes_len, temp, why);
    if (error != ACCS_OK)
        return error;
    if (renameat(folder->fd, temp, folder->fd, name) != 0) {
        error = refuse(why, reason(errno));
        (void)unlinkat(folder->fd, temp, 0);
        return error;
    }
    return sync_folder(folder, why);
}

accs_error accs_file_create(const accs_folder *folder, const char *name, const void *bytes,
                            size_t bytes_len, const char **why)
{
    char temp[TEMP_LEN + 1];
    bool exists;
    accs_error error = look(folder, name, &exists, why);

    if (error == ACCS_OK && exists)
        error = ACCS_ERROR_CONFIG;
    if (error == ACCS_OK)
        error = write_temp(folder, bytes, bytes_len, temp, why);
    if (error != ACCS_OK)
        return error;
    /* link(2), unlike rename(2), replaces nothing. */
    if (linkat(folder->fd, temp, folder->fd, name, 0) != 0)
        error = errno == EEXIST ? ACCS_ERROR_CONFIG : refuse(why, reason(errno));
    (void)unlinkat(folder->fd, temp, 0);
    return error == ACCS_OK ? sync_folder(folder, why) : error;
}

accs_error accs_file_remove(const accs_folder *folder, const char *name, const char **why)
{
    bool exists;
    accs_error error = look(folder, name, &exists, why);

    if (error != ACCS_OK || !exists)
        return error;
    if (unlinkat(folder->fd, name, 0) != 0)
        return errno == ENOENT ? ACCS_OK : refuse(why, reason(errno));
    return sync_folder(folder, why);
}

/* ------------------------------------------------------------------ lock */

/* Opens the file, and makes it when it is absent, with its mode from the first moment on. */
static int open_lock(const accs_folder *folder, const char *name, const char **why)
{
    const int flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    int fd = openat(folder->fd, name, flags);

    if (fd < 0 && errno == ENOENT) {
        if (accs_file_create(folder, name, NULL, 0, why) == ACCS_ERROR_IO)
            return -1;
        fd = openat(folder->fd, name, flags);
    }
    if (fd < 0)
        *why = reason(errno);
    return fd;
}

accs_error accs_file_lock(const accs_folder *folder, const char *name, int *lock, const char **why)
{
    accs_error error = ACCS_ERROR_IO;
    struct stat found;
    int fd = open_lock(folder, name, why);
    int locked;

    if (fd < 0)
        return ACCS_ERROR_IO;
    if (fstat(fd, &found) != 0) {
        *why = reason(errno);
        goto done;
    }
    *why = foreign(&found);
    /* Whoever can open it can hold the lock. */
    if (*why == NULL && (found.st_mode & MODE_OTHERS) != 0 && fchmod(fd, MODE_FILE) != 0)
        *why = reason(errno);
    if (*why != NULL)
        goto done;
    do
        locked = flock(fd, LOCK_EX | LOCK_NB);
    while (locked != 0 && errno == EINTR);
    if (locked != 0) {
        error = errno == EWOULDBLOCK ? ACCS_ERROR_TIMEOUT : ACCS_ERROR_IO;
        *why = errno == EWOULDBLOCK ? "another process has it" : reason(errno);
        goto done;
    }
    *lock = fd;
    fd = -1;
    error = ACCS_OK;

done:
    if (fd >= 0)
        close(fd);
    return error;
}

void accs_file_unlock(int lock)
{
    /* Closing alone would leave the lock to a forked child that has the descriptor still. */
    (void)flock(lock, LOCK_UN);
    close(lock);
}

void accs_file_abandon(int lock)
{
    close(lock);
}

/*
 * Private files in a folder of one's own: nobody else's file is read, followed or overwritten.
 * A folder and a file must belong to this user and be open to nobody else; a file that is open to
 * others is refused when it is read, and replaced by one that is not when it is written.
 */
#ifndef ACCS_FILE_H
#define ACCS_FILE_H

#include "buffer.h"

/* An open folder; fd -1: none. */
typedef struct accs_folder {
    int fd;
} accs_folder;

/*
 * Opens the folder, and makes it (mode 0700, its parents too) when it is absent. The last part of
 * the path must not be a symbolic link; a folder that others can write to, or that is another
 * user's, is refused.
 *
 * why  set on failure: static text for people
 *
 * Errors: ACCS_ERROR_IO, ACCS_ERROR_MEMORY.
 */
accs_error accs_folder_open(const char *path, accs_folder *folder, const char **why);
/* A second call is fine. */
void accs_folder_close(accs_folder *folder);

/*
 * Reads a file of the folder whole. name: no "/" in it.
 * bytes  appended to, up to its ceiling
 *
 * Errors: ACCS_ERROR_CONFIG (there is none; why is NULL), ACCS_ERROR_IO (another user's, open to
 * others, a symbolic link, no plain file, unreadable), ACCS_ERROR_TOO_LARGE, ACCS_ERROR_MEMORY.
 */
accs_error accs_file_read(const accs_folder *folder, const char *name, accs_buffer *bytes,
                          const char **why);

/*
 * Writes beside it and renames, so that readers see the old or the new bytes and nothing between,
 * also after a crash (fsync of file and folder). Mode 0600 whatever the umask. What has the name
 * and is no plain file of this user is left alone: ACCS_ERROR_IO. Where the disk is full or larger
 * files are not allowed (RLIMIT_FSIZE; no SIGXFSZ is raised), the old bytes stay.
 *
 * A process that is killed on the way leaves a file ".tmp-" and 32 hexadecimal digits behind. It
 * disturbs nobody, and whoever writes in that folder an hour later, or after, removes it.
 */
accs_error accs_file_replace(const accs_folder *folder, const char *name, const void *bytes,
                             size_t bytes_len, const char **why);

/* Creates it with these bytes unless there is one already: ACCS_ERROR_CONFIG. Else as above. */
accs_error accs_file_create(const accs_folder *folder, const char *name, const void *bytes,
                            size_t bytes_len, const char **why);

/* Removes a plain file of this user; ACCS_OK also when there is none. */
accs_error accs_file_remove(const accs_folder *folder, const char *name, const char **why);

/*
 * Takes the lock of that name without waiting (flock(2): it dies with its owner).
 *
 * lock  set on success: for accs_file_unlock()
 *
 * Errors: ACCS_ERROR_TIMEOUT (another has it), ACCS_ERROR_IO, ACCS_ERROR_MEMORY.
 */
accs_error accs_file_lock(const accs_folder *folder, const char *name, int *lock, const char **why);
/* Releases it also where a forked child still has the descriptor. The file stays. */
void accs_file_unlock(int lock);
/* In a forked child: closes this copy, the parent keeps the lock. */
void accs_file_abandon(int lock);

#endif

/*
 * Feeds files, or all files of folders, to a fuzz target: so the corpus is replayed by every
 * test run, with any compiler. Prints TAP, one line a file.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned count;

static int replay_file(const char *path)
{
    int result = 1;
    uint8_t *bytes = NULL;
    size_t len = 0;
    struct stat info;
    FILE *file = fopen(path, "rb");

    if (file == NULL || fstat(fileno(file), &info) != 0)
        goto done;
    /* Exactly as large as the input, so that a sanitizer sees a read beyond it. */
    bytes = malloc(info.st_size > 0 ? (size_t)info.st_size : 1);
    if (bytes == NULL)
        goto done;
    len = fread(bytes, 1, (size_t)info.st_size, file);
    if (len != (size_t)info.st_size)
        goto done;
    LLVMFuzzerTestOneInput(bytes, len);
    result = 0;

done:
    if (file != NULL)
        (void)fclose(file);
    free(bytes);
    printf("%s %u - %s\n", result == 0 ? "ok" : "not ok", ++count, path);
    (void)fflush(stdout);
    return result;
}

static int replay_folder(const char *path)
{
    int result = 0;
    struct dirent *entry;
    DIR *dir = opendir(path);

    if (dir == NULL)
        return replay_file(path);
    while ((entry = readdir(dir)) != NULL) {
        char name[4096];

        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        result |= replay_file(name);
    }
    closedir(dir);
    return result;
}

int main(int argc, char **argv)
{
    int result = 0;

    for (int i = 1; i < argc; i++)
        result |= replay_folder(argv[i]);
    printf("1..%u\n", count);
    return result;
}

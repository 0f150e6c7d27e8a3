/*
 * usage: measure COUNT COMMAND...
 * Runs a command COUNT times, one after the other, its output thrown away. Prints, summed up:
 * processor time of the command (user and system, microseconds), wall time (microseconds), and the
 * largest resident size (kB).
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t microseconds(struct timeval time)
{
    return (int64_t)time.tv_sec * 1000000 + time.tv_usec;
}

static int64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

static pid_t start(char **command)
{
    pid_t child = fork();

    if (child == 0) {
        int nowhere = open("/dev/null", O_WRONLY);

        dup2(nowhere, STDOUT_FILENO);
        execvp(command[0], command);
        perror(command[0]);
        _exit(127);
    }
    return child;
}

int main(int argc, char **argv)
{
    int64_t cpu = 0;
    int64_t wall = 0;
    long size = 0;
    long count = argc > 2 ? strtol(argv[1], NULL, 10) : 0;

    if (count < 1) {
        fprintf(stderr, "usage: measure COUNT COMMAND...\n");
        return 2;
    }
    for (long i = 0; i < count; i++) {
        struct rusage usage;
        int status = 0;
        int64_t begin = now();
        pid_t child = start(argv + 2);

        if (child < 0 || wait4(child, &status, 0, &usage) != child || status != 0) {
            fprintf(stderr, "measure: %s failed\n", argv[2]);
            return 1;
        }
        wall += now() - begin;
        cpu += microseconds(usage.ru_utime) + microseconds(usage.ru_stime);
        size = usage.ru_maxrss > size ? usage.ru_maxrss : size;
    }
    printf("%lld %lld %ld\n", (long long)cpu, (long long)wall, size);
    return 0;
}

/* Run a program within bounds: it ends when this program's standard input is closed or after a
 * number of seconds, and stays on one core.
 *   bound CORE SECONDS PROGRAM ...         a core's number, or "-" for any
 *   bound -c CORE SECONDS PROGRAM ...      and print the CPU time of it all */
#define _GNU_SOURCE /* sched_setaffinity */
#include "common.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void pin(const char *core) {
    cpu_set_t set;
    if (!strcmp(core, "-")) return;
    CPU_ZERO(&set);
    CPU_SET((size_t)number(core), &set);
    if (sched_setaffinity(0, sizeof set, &set)) die("core %s", core);
}

static void raise_descriptors(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static int64_t used(void) {
    struct rusage usage;
    getrusage(RUSAGE_CHILDREN, &usage);
    return 1000 * (1000000 * (int64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                   usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

int main(int argc, char **argv) {
    bool cost = argc > 1 && !strcmp(argv[1], "-c");
    argv += cost;
    if (argc - cost < 4) die("usage: bound [-c] CORE SECONDS PROGRAM ...");
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pin(argv[1]);
    raise_descriptors();
    pid_t child = cost ? fork() : 0;
    if (!child) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        alarm((unsigned)number(argv[2])); /* which outlives exec */
        execvp(argv[3], argv + 3);
        die("%s", argv[3]);
    }
    int status;
    if (waitpid(child, &status, 0) != child || status) die("%s failed", argv[3]);
    printf("{:units 1 :cpu %lld}\n", (long long)used());
    return 0;
}

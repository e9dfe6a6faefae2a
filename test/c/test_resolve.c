/* Why a name lookup failed, with a getaddrinfo that leaves any errno behind, as modules of the name
 * service do. */
#define getaddrinfo fake_getaddrinfo
#include "../../src/net/resolve.c" /* NOLINT(bugprone-suspicious-include) */
#undef getaddrinfo

#include "check.h"

#include <sys/resource.h>

static int fake_status, fake_errno;

int fake_getaddrinfo(const char *name, const char *service, const struct addrinfo *req,
                     struct addrinfo **pai) {
    (void)name, (void)service, (void)req, (void)pai;
    errno = fake_errno;
    return fake_status;
}

static bool fails_with(int status, int number, const char *words) {
    Addresses addresses;
    Failure failure;
    fake_status = status;
    fake_errno = number;
    return !resolve("a.example", "443", SOCK_STREAM, false, false, &addresses, &failure) &&
           strstr(failure.text, words);
}

/* With no descriptor left. */
static bool fails_in_shortage(int status, int number, const char *words) {
    struct rlimit limit, none;
    if (getrlimit(RLIMIT_NOFILE, &limit)) return false;
    none = limit;
    none.rlim_cur = 0;
    if (setrlimit(RLIMIT_NOFILE, &none)) return false;
    bool failed = fails_with(status, number, words);
    return !setrlimit(RLIMIT_NOFILE, &limit) && failed;
}

int main(void) {
    const char *unknown = gai_strerror(EAI_NONAME), *shortage = strerror(EMFILE);
    CHECK("an unknown name is called unknown, whatever errno is",
          fails_with(EAI_NONAME, 0, unknown) && fails_with(EAI_NONAME, EMFILE, unknown) &&
              fails_with(EAI_NONAME, ENOENT, unknown));
    CHECK("a lack of descriptors is named, whatever errno is",
          fails_in_shortage(EAI_NONAME, EMFILE, shortage) &&
              fails_in_shortage(EAI_NONAME, ENOENT, shortage) &&
              fails_in_shortage(EAI_AGAIN, 0, shortage));
    CHECK("a failure of the system is named by errno",
          fails_with(EAI_SYSTEM, EACCES, strerror(EACCES)));
    return check_end();
}

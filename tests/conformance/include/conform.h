/* What the conformance programs share: say what a call answered, with errno by name. */
#ifndef CONFORM_H
#define CONFORM_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#define PAGE 4096UL

static inline const char *errno_name(int number)
{
    static char other[32];
#define NAME(code) if (number == code) return #code
    NAME(EPERM); NAME(ENOENT); NAME(ESRCH); NAME(EINTR); NAME(EIO); NAME(ENXIO); NAME(E2BIG); NAME(ENOEXEC);
    NAME(EBADF); NAME(ECHILD); NAME(EAGAIN); NAME(ENOMEM); NAME(EACCES); NAME(EFAULT); NAME(EBUSY); NAME(EEXIST);
    NAME(EXDEV); NAME(ENODEV); NAME(ENOTDIR); NAME(EISDIR); NAME(EINVAL); NAME(ENFILE); NAME(EMFILE); NAME(ENOTTY);
    NAME(ETXTBSY); NAME(EFBIG); NAME(ENOSPC); NAME(ESPIPE); NAME(EROFS); NAME(EMLINK); NAME(EPIPE); NAME(ERANGE);
    NAME(EDEADLK); NAME(ENAMETOOLONG); NAME(ENOSYS); NAME(ENOTEMPTY); NAME(ELOOP); NAME(EOVERFLOW); NAME(EOPNOTSUPP);
    NAME(ENOTSOCK); NAME(EDESTADDRREQ); NAME(EMSGSIZE); NAME(EPROTOTYPE); NAME(ENOPROTOOPT); NAME(EPROTONOSUPPORT);
    NAME(ESOCKTNOSUPPORT); NAME(EAFNOSUPPORT); NAME(ECONNRESET); NAME(EISCONN); NAME(ENOTCONN); NAME(ETIMEDOUT);
    NAME(EADDRINUSE); NAME(EADDRNOTAVAIL); NAME(ECONNREFUSED); NAME(ECONNABORTED); NAME(EINPROGRESS); NAME(EALREADY);
    NAME(ENETUNREACH); NAME(ENOBUFS); NAME(ETOOMANYREFS); NAME(EDOM); NAME(EPROTO); NAME(ENODATA);
    NAME(ECANCELED); NAME(EHWPOISON); NAME(EOWNERDEAD);
#undef NAME
    snprintf(other, sizeof other, "errno %d", number);
    return other;
}

/* "what = 3", or "what = EBADF" when the call failed with -1. */
static inline long show_result(const char *what, long result)
{
    if (result == -1)
        printf("%s = %s\n", what, errno_name(errno));
    else
        printf("%s = %ld\n", what, result);
    return result;
}

/* For results that are addresses: "what = ok", or the error. */
static inline void *show_pointer(const char *what, void *result)
{
    printf("%s = %s\n", what, result == MAP_FAILED ? errno_name(errno) : "ok");
    return result;
}

#define SHOW(call) show_result(#call, (long)(call))
#define SHOW_POINTER(call) show_pointer(#call, (void *)(call))
#define MUST(call) must(#call, __FILE__, __LINE__, (long)(call))

/* Setting up failed: nothing to compare. */
static inline long must(const char *what, const char *file, int line, long result)
{
    if (result == -1) {
        printf("%s:%d: %s failed: %s\n", strrchr(file, '/') + 1, line, what, errno_name(errno));
        exit(99);
    }
    return result;
}

#endif

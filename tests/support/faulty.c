// SPDX-License-Identifier: Apache-2.0
// A library to preload (LD_PRELOAD): the machine under sigv4-proxy, failing on order. The variable
// FAULTY names a file that holds struct orders; faulty.py maps it, too, so a test gives orders to a
// running process and reads its counters. Allocations fail by number, system calls by rate, reads
// and writes may be cut short. Only the proxy itself is meant, neither its spawner nor commands.
//
// Allocations go on to the C library, or to a sanitizer's allocator where there is one, so leaks
// are still found. Preloaded before a sanitizer's runtime: verify_asan_link_order=0.
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <netdb.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum call {
    CALL_SOCKET = 0,
    CALL_CONNECT,
    CALL_ACCEPT,
    CALL_RECV,
    CALL_SEND,
    CALL_SENDTO,
    CALL_RECVFROM,
    CALL_WRITE,
    CALL_READ,
    CALL_OPEN,
    CALL_EPOLL_CTL,
    CALL_GETADDRINFO,
    CALL_SHORT_IN, // fails nothing: the call moves fewer octets
    CALL_SHORT_OUT,
    CALLS
};

// As faulty.py has it: words of 8 octets, in this order.
struct orders {
    _Atomic uint64_t fail_at;  // number of the allocation that fails, 0: none
    _Atomic uint64_t fails_on; // and all after it
    _Atomic uint64_t count;    // of allocations since somebody set it to 0
    _Atomic uint64_t failed;   // allocations that did
    _Atomic uint64_t live_bytes;
    _Atomic uint64_t live_blocks;
    _Atomic uint64_t dice;        // the seed, and how far it has been thrown
    _Atomic uint64_t rate[CALLS]; // in a million
    _Atomic uint64_t hits[CALLS];
};

static struct orders nobodys;
static struct orders *orders = &nobodys;

#define LIST(...)                                                                                  \
    {                                                                                              \
        __VA_ARGS__, 0                                                                             \
    }
static const int reasons[CALLS][8] = {
    [CALL_SOCKET] = LIST(EMFILE, ENFILE, ENOBUFS, ENOMEM),
    [CALL_CONNECT] = LIST(ENETUNREACH, ETIMEDOUT, ECONNREFUSED, EADDRNOTAVAIL, ENOBUFS),
    [CALL_ACCEPT] = LIST(EMFILE, ENFILE, ENOBUFS, ENOMEM, ECONNABORTED, EINTR, EPROTO),
    [CALL_RECV] = LIST(ECONNRESET, ETIMEDOUT, EINTR, ENOMEM, EINTR),
    [CALL_SEND] = LIST(EPIPE, ECONNRESET, EINTR, ENOBUFS, ENOMEM, EINTR),
    [CALL_SENDTO] = LIST(ENETUNREACH, EPERM, ENOBUFS, EINTR),
    [CALL_RECVFROM] = LIST(ECONNREFUSED, EINTR, ENOMEM),
    [CALL_WRITE] = LIST(ENOSPC, EDQUOT, EIO, EINTR),
    [CALL_READ] = LIST(EIO, EINTR),
    [CALL_OPEN] = LIST(EMFILE, ENFILE, ENOMEM, ENOSPC),
    [CALL_EPOLL_CTL] = LIST(ENOMEM, ENOSPC),
    [CALL_GETADDRINFO] = LIST(EAI_AGAIN, EAI_FAIL, EAI_MEMORY),
};

static void forget(void)
{
    orders = &nobodys;
}

static void __attribute__((constructor)) obey(void)
{
    const char *path = getenv("FAULTY");
    if (!path || strcmp(program_invocation_short_name, "sigv4-proxy") != 0)
        return;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd == -1)
        _exit(127);
    struct orders *all = mmap(NULL, sizeof(*all), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)close(fd);
    if (all == MAP_FAILED)
        _exit(127);
    orders = all;
    (void)pthread_atfork(NULL, NULL, forget);
}

// -- memory

void *__libc_malloc(size_t len);
void *__libc_calloc(size_t n, size_t len);
void *__libc_realloc(void *p, size_t len);
void *__libc_memalign(size_t align, size_t len);
void __libc_free(void *p);
void *__interceptor_malloc(size_t len) __attribute__((weak));
void *__interceptor_calloc(size_t n, size_t len) __attribute__((weak));
void *__interceptor_realloc(void *p, size_t len) __attribute__((weak));
void *__interceptor_memalign(size_t align, size_t len) __attribute__((weak));
void __interceptor_free(void *p) __attribute__((weak));

#define FORWARD(name, ...)                                                                         \
    (__interceptor_##name ? __interceptor_##name(__VA_ARGS__) : __libc_##name(__VA_ARGS__))

// Live octets are not counted under a sanitizer, which may not be asked for sizes this early.
static bool is_refused(void)
{
    struct orders *o = orders;
    uint64_t number = atomic_fetch_add_explicit(&o->count, 1, memory_order_relaxed) + 1;
    uint64_t at = atomic_load_explicit(&o->fail_at, memory_order_relaxed);
    if (!at || number < at || (number > at && !o->fails_on))
        return false;
    o->failed++;
    errno = ENOMEM;
    return true;
}

static void *counted(void *p)
{
    if (p && !__interceptor_malloc) {
        atomic_fetch_add_explicit(&orders->live_bytes, malloc_usable_size(p), memory_order_relaxed);
        atomic_fetch_add_explicit(&orders->live_blocks, 1, memory_order_relaxed);
    }
    return p;
}

static void *uncounted(void *p)
{
    if (p && !__interceptor_malloc) {
        atomic_fetch_sub_explicit(&orders->live_bytes, malloc_usable_size(p), memory_order_relaxed);
        atomic_fetch_sub_explicit(&orders->live_blocks, 1, memory_order_relaxed);
    }
    return p;
}

void *malloc(size_t len)
{
    return is_refused() ? NULL : counted(FORWARD(malloc, len));
}

void *calloc(size_t n, size_t len)
{
    return is_refused() ? NULL : counted(FORWARD(calloc, n, len));
}

void *realloc(void *p, size_t len)
{
    if (len && is_refused())
        return NULL;
    return counted(FORWARD(realloc, uncounted(p), len));
}

void *memalign(size_t align, size_t len)
{
    return is_refused() ? NULL : counted(FORWARD(memalign, align, len));
}

void *aligned_alloc(size_t align, size_t len)
{
    return memalign(align, len);
}

int posix_memalign(void **to, size_t align, size_t len)
{
    void *p = memalign(align, len);
    if (!p)
        return ENOMEM;
    *to = p;
    return 0;
}

void free(void *p)
{
    FORWARD(free, uncounted(p));
}

// -- system calls

#define NEXT(name)                                                                                 \
    static __typeof__(name) *next;                                                                 \
    if (!next)                                                                                     \
    next = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

static uint64_t throw_dice(void)
{
    uint64_t x =
        atomic_fetch_add_explicit(&orders->dice, 0x9e3779b97f4a7c15U, memory_order_relaxed);
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
}

static bool is_hit(enum call call)
{
    uint64_t rate = atomic_load_explicit(&orders->rate[call], memory_order_relaxed);
    if (!rate || throw_dice() % 1000000 >= rate)
        return false;
    atomic_fetch_add_explicit(&orders->hits[call], 1, memory_order_relaxed);
    return true;
}

static int reason(enum call call)
{
    unsigned n = 0;
    while (reasons[call][n])
        n++;
    return reasons[call][throw_dice() % n];
}

static bool is_failing(enum call call)
{
    if (!is_hit(call))
        return false;
    errno = reason(call);
    return true;
}

// One octet, mostly: what nobody thinks of. Sometimes a few, so that borders are met anywhere.
static size_t cut(enum call call, size_t len)
{
    if (len < 2 || !is_hit(call))
        return len;
    uint64_t dice = throw_dice();
    return dice % 4 ? 1 : 1 + dice / 4 % (len - 1);
}

static bool is_file(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

static bool is_stream(int fd)
{
    int type = 0;
    socklen_t len = sizeof(type);
    int saved = errno;
    bool is = getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM;
    errno = saved;
    return is;
}

int socket(int domain, int type, int protocol)
{
    NEXT(socket);
    return domain != AF_UNIX && is_failing(CALL_SOCKET) ? -1 : next(domain, type, protocol);
}

int connect(int fd, const struct sockaddr *to, socklen_t len)
{
    NEXT(connect);
    return is_failing(CALL_CONNECT) ? -1 : next(fd, to, len);
}

int accept4(int fd, struct sockaddr *from, socklen_t *len, int flags)
{
    NEXT(accept4);
    return is_failing(CALL_ACCEPT) ? -1 : next(fd, from, len, flags);
}

ssize_t recv(int fd, void *to, size_t len, int flags)
{
    NEXT(recv);
    return is_failing(CALL_RECV) ? -1 : next(fd, to, cut(CALL_SHORT_IN, len), flags);
}

ssize_t send(int fd, const void *from, size_t len, int flags)
{
    NEXT(send);
    if (!is_stream(fd))
        return is_failing(CALL_SENDTO) ? -1 : next(fd, from, len, flags);
    return is_failing(CALL_SEND) ? -1 : next(fd, from, cut(CALL_SHORT_OUT, len), flags);
}

static size_t length(const struct iovec *iov, size_t n)
{
    size_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += iov[i].iov_len;
    return sum;
}

// Copies the parts that make up len octets, the last one cut.
static size_t head_of(const struct iovec *from, size_t len, struct iovec *to, size_t room)
{
    size_t n = 0;
    for (; len && n < room; n++) {
        to[n] = from[n];
        if (to[n].iov_len > len)
            to[n].iov_len = len;
        len -= to[n].iov_len;
    }
    return n;
}

ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
    NEXT(sendmsg);
    size_t len = length(m->msg_iov, m->msg_iovlen);
    struct msghdr less = *m;
    struct iovec iov[64];
    if (m->msg_controllen || !is_stream(fd))
        return next(fd, m, flags); // descriptors for the spawner, datagrams for the journal
    if (is_failing(CALL_SEND))
        return -1;
    size_t part = cut(CALL_SHORT_OUT, len);
    if (part == len)
        return next(fd, m, flags);
    less.msg_iovlen = head_of(m->msg_iov, part, iov, 64);
    less.msg_iov = iov;
    return next(fd, &less, flags);
}

ssize_t sendto(int fd, const void *from, size_t len, int flags, const struct sockaddr *to,
               socklen_t to_len)
{
    NEXT(sendto);
    return is_failing(CALL_SENDTO) ? -1 : next(fd, from, len, flags, to, to_len);
}

ssize_t recvfrom(int fd, void *to, size_t len, int flags, struct sockaddr *from,
                 socklen_t *from_len)
{
    NEXT(recvfrom);
    return is_failing(CALL_RECVFROM) ? -1 : next(fd, to, len, flags, from, from_len);
}

ssize_t write(int fd, const void *from, size_t len)
{
    NEXT(write);
    if (!is_file(fd))
        return next(fd, from, len);
    return is_failing(CALL_WRITE) ? -1 : next(fd, from, cut(CALL_SHORT_OUT, len));
}

ssize_t writev(int fd, const struct iovec *iov, int n)
{
    NEXT(writev);
    struct iovec less[64];
    size_t len = length(iov, (size_t)n);
    if (!is_file(fd))
        return next(fd, iov, n);
    if (is_failing(CALL_WRITE))
        return -1;
    size_t part = cut(CALL_SHORT_OUT, len);
    if (part == len)
        return next(fd, iov, n);
    return next(fd, less, (int)head_of(iov, part, less, 64));
}

ssize_t pwrite(int fd, const void *from, size_t len, off_t at)
{
    NEXT(pwrite);
    return is_failing(CALL_WRITE) ? -1 : next(fd, from, cut(CALL_SHORT_OUT, len), at);
}

ssize_t pread(int fd, void *to, size_t len, off_t at)
{
    NEXT(pread);
    return is_failing(CALL_READ) ? -1 : next(fd, to, cut(CALL_SHORT_IN, len), at);
}

ssize_t read(int fd, void *to, size_t len)
{
    NEXT(read);
    if (!is_file(fd))
        return next(fd, to, len);
    return is_failing(CALL_READ) ? -1 : next(fd, to, cut(CALL_SHORT_IN, len));
}

int open(const char *path, int flags, ...)
{
    NEXT(open);
    mode_t mode = 0;
    va_list ap;
    va_start(ap, flags);
    if (flags & (O_CREAT | O_TMPFILE))
        mode = va_arg(ap, mode_t);
    va_end(ap);
    return is_failing(CALL_OPEN) ? -1 : next(path, flags, mode);
}

int epoll_ctl(int efd, int op, int fd, struct epoll_event *e)
{
    NEXT(epoll_ctl);
    return op == EPOLL_CTL_ADD && is_failing(CALL_EPOLL_CTL) ? -1 : next(efd, op, fd, e);
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **to)
{
    NEXT(getaddrinfo);
    return is_hit(CALL_GETADDRINFO) ? reason(CALL_GETADDRINFO) : next(name, service, hints, to);
}

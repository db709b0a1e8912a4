/* How fast, how late and how whole do answers come? A closed loop of connections, one thread, every byte compared.
 *
 * load PORT CONNECTIONS REQUESTS FIRST_MARKER RAMP_US DEADLINE_S FILE
 *
 * FILE: requests, each "BEGINS KIND STATUS LENGTH ADLER SIZE\n" and SIZE raw bytes. BEGINS 1: of a new script; a
 * connection sends a script's requests one after the other, then takes the next script. KIND: json, stream COUNT as
 * sCOUNT, paced as pCOUNT, canned (LENGTH and ADLER of its decoded body). "@@MARKER" in a request becomes eight digits,
 * other ones for every script begun. RAMP_US: between the first requests of two connections. Prints one JSON object.
 */
#include "answer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAD_MAX 16384
#define READ_SIZE 262144
#define MAX_DELAYS 100000
#define PLACE "@@MARKER"

struct answer { /* that is known beforehand, but for marker and stamps */
    long count;
    size_t len, marker_at, deltas_at;
    unsigned char *bytes, *mask;
};

struct request {
    char *data;
    size_t len;
    int begins, status, paced, canned;
    long canned_len;
    uint32_t adler;
    struct answer *answer;
};

struct conn {
    int fd, connected, busy;
    size_t script, at; /* requests of the script sent so far */
    char marker[MARKER_DIGITS + 1], seen[MARKER_DIGITS];
    struct request *request;
    char *out;
    size_t out_len, out_off, out_room;
    char head[HEAD_MAX];
    size_t head_len;
    int in_body, status;
    long left;            /* of a body with a length; -1: chunked */
    long chunk_left;      /* -1: in a size line, -2: behind a chunk, -3: in the trailer */
    long size, line_len;  /* of the size line or the trailer line */
    size_t got;
    uint32_t a, b; /* adler32 */
    int bad, close_after;
    uint64_t start, first;
};

static struct request *requests;
static size_t request_count, *scripts, script_count, next_script;
static struct answer answers[16];
static size_t answer_count;
static uint32_t *firsts, *lasts, *delays;
static size_t done, delay_count, delays_met, started, wanted, errors, body_bytes, sent_bytes;
static char error[200];
static int poller, port;
static unsigned long next_marker;
static uint64_t begun, finished;

static void fail(const char *why, long number) {
    if (!errors++) snprintf(error, sizeof error, why, number);
}

static void add(struct answer *to, const char *text, size_t len, size_t hole, size_t hole_len) {
    memcpy(to->bytes + to->len, text, len);
    memset(to->mask + to->len, 0xff, len);
    memset(to->mask + to->len + hole, 0, hole_len);
    to->len += len;
}

static struct answer *answer_of(long count) { /* -1: the JSON object */
    for (size_t n = 0; n < answer_count; n++)
        if (answers[n].count == count) return &answers[n];
    if (answer_count == 16) exit(3);
    struct answer *made = &answers[answer_count++];
    size_t size = 2048 + (count > 0 ? (size_t)count : 0) * LEN(FRAME_DELTA);
    *made = (struct answer){count, 0, 0, 0, room(NULL, size), room(NULL, size)};
    if (count < 0) {
        made->marker_at = marker_at(JSON_BODY);
        add(made, JSON_BODY, LEN(JSON_BODY), made->marker_at, MARKER_DIGITS);
        return made;
    }
    made->marker_at = marker_at(FRAME_START);
    add(made, FRAME_START, LEN(FRAME_START), made->marker_at, MARKER_DIGITS);
    add(made, FRAME_OPEN, LEN(FRAME_OPEN), 0, 0);
    made->deltas_at = made->len;
    for (long n = 0; n < count; n++) add(made, FRAME_DELTA, LEN(FRAME_DELTA), stamp_at(), STAMP_DIGITS);
    add(made, FRAME_CLOSE, LEN(FRAME_CLOSE), 0, 0);
    add(made, FRAME_USAGE, LEN(FRAME_USAGE), 0, 0);
    add(made, FRAME_STOP, LEN(FRAME_STOP), 0, 0);
    return made;
}

static void read_requests(const char *path) {
    size_t size;
    char *at = whole_file(path, &size), *stop = at + size;
    while (at < stop) {
        requests = room(requests, (request_count + 1) * sizeof *requests);
        struct request *one = &requests[request_count];
        memset(one, 0, sizeof *one);
        char kind[16];
        int used = 0;
        if (sscanf(at, "%d %15s %d %ld %u %zu%n", &one->begins, kind, &one->status, &one->canned_len, &one->adler,
                   &one->len, &used) != 6) exit(3);
        one->data = at + used + 1;
        at = one->data + one->len;
        one->paced = kind[0] == 'p';
        one->canned = kind[0] == 'c';
        if (!one->canned) one->answer = answer_of(kind[0] == 'j' ? -1 : atol(kind + 1));
        if (one->begins) {
            scripts = room(scripts, (script_count + 1) * sizeof *scripts);
            scripts[script_count++] = request_count;
        }
        request_count++;
    }
}

static void watch(struct conn *c, uint32_t events, int how) {
    struct epoll_event event = {.events = events, .data.ptr = c};
    epoll_ctl(poller, how, c->fd, &event);
}

static void open_connection(struct conn *c) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(c->fd, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS) die("connect");
    c->connected = 0;
    watch(c, EPOLLIN | EPOLLOUT, EPOLL_CTL_ADD);
}

static void push(struct conn *c) {
    while (c->out_off < c->out_len) {
        ssize_t n = send(c->fd, c->out + c->out_off, c->out_len - c->out_off, MSG_NOSIGNAL);
        if (n < 0) {
            if (errno == EAGAIN) watch(c, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
            return; /* another error is seen when reading */
        }
        c->out_off += (size_t)n;
    }
    watch(c, EPOLLIN, EPOLL_CTL_MOD);
}

/* Begin the next request, or be done. */
static void next(struct conn *c) {
    c->busy = 0;
    size_t at = scripts[c->script] + c->at;
    int script_ends = !c->at || at >= request_count || requests[at].begins;
    if (script_ends) {
        if (started >= wanted) return;
        c->script = next_script++ % script_count;
        c->at = 0;
        at = scripts[c->script];
        char marker[32];
        snprintf(marker, sizeof marker, "%08lu", next_marker++ % 100000000);
        memcpy(c->marker, marker, sizeof c->marker);
    }
    started++;
    c->at++;
    struct request *one = c->request = &requests[at];
    if (one->len > c->out_room) c->out = room(c->out, c->out_room = one->len);
    memcpy(c->out, one->data, one->len);
    char *hole = c->out;
    while ((hole = memmem(hole, one->len - (size_t)(hole - c->out), PLACE, LEN(PLACE))))
        memcpy(hole, c->marker, MARKER_DIGITS);
    c->out_len = one->len;
    c->out_off = c->head_len = c->got = 0;
    c->in_body = c->bad = c->close_after = 0;
    c->a = 1, c->b = 0;
    c->busy = 1;
    c->first = 0;
    c->start = now_us();
    sent_bytes += one->len;
    push(c);
}

static void forget(struct conn *c, int again) {
    close(c->fd);
    open_connection(c);
    if (again) c->busy = 0;
}

static void finish(struct conn *c) {
    struct request *one = c->request;
    finished = now_us();
    if (one->canned) {
        if ((long)c->got != one->canned_len || ((c->b << 16) | c->a) != one->adler) c->bad = 1;
    } else if (c->got != one->answer->len || memcmp(c->seen, c->marker, MARKER_DIGITS)) c->bad = 1;
    if (c->status != one->status) fail("status %ld", c->status);
    else if (c->bad) fail("a wrong answer; its body had %ld bytes", (long)c->got);
    firsts[done] = (uint32_t)(c->first - c->start);
    lasts[done++] = (uint32_t)(finished - c->start);
    body_bytes += c->got;
    if (c->close_after) forget(c, 0);
    if (c->connected && !c->close_after) next(c);
    else c->busy = 0;
}

static void take_delays(struct conn *c, const unsigned char *data, size_t len, uint64_t now) {
    struct answer *known = c->request->answer;
    size_t base = known->deltas_at + stamp_at();
    long first = c->got <= base ? 0 : (long)((c->got - base + LEN(FRAME_DELTA) - 1) / LEN(FRAME_DELTA));
    for (long n = first; n < known->count; n++) {
        size_t at = base + (size_t)n * LEN(FRAME_DELTA);
        if (at + STAMP_DIGITS > c->got + len) break;
        uint64_t stamp = 0;
        for (int digit = 0; digit < STAMP_DIGITS; digit++) stamp = stamp * 10 + data[at - c->got + digit] - '0';
        delays_met++;
        if (delay_count < MAX_DELAYS) delays[delay_count++] = (uint32_t)(now - stamp);
    }
}

/* Bytes of the decoded body. */
static void sink(struct conn *c, const unsigned char *data, size_t len) {
    struct answer *known = c->request->answer;
    if (!known) {
        for (size_t n = 0; n < len; n++) c->a = (c->a + data[n]) % 65521, c->b = (c->b + c->a) % 65521;
        c->got += len;
        return;
    }
    if (c->got + len > known->len) {
        c->bad = 1;
        c->got += len;
        return;
    }
    unsigned char wrong = 0;
    const unsigned char *bytes = known->bytes + c->got, *mask = known->mask + c->got;
    for (size_t n = 0; n < len; n++) wrong |= (unsigned char)((bytes[n] ^ data[n]) & mask[n]);
    if (wrong) c->bad = 1;
    for (size_t n = 0; n < MARKER_DIGITS; n++) {
        size_t at = known->marker_at + n;
        if (at >= c->got && at < c->got + len) c->seen[n] = (char)data[at - c->got];
    }
    if (c->request->paced) take_delays(c, data, len, now_us());
    c->got += len;
}

/* Read a chunked body; 1: it has ended. */
static int unchunk(struct conn *c, const char *data, size_t len) {
    while (len) {
        if (c->chunk_left > 0) {
            size_t n = len < (size_t)c->chunk_left ? len : (size_t)c->chunk_left;
            sink(c, (const unsigned char *)data, n);
            data += n, len -= n;
            if (!(c->chunk_left -= (long)n)) c->chunk_left = -2;
            continue;
        }
        char byte = *data++;
        len--;
        if (byte == '\n' && c->chunk_left == -3) {
            if (!c->line_len) return 1;
            c->line_len = 0;
        } else if (byte == '\n' && c->chunk_left == -1) {
            c->chunk_left = c->size ? c->size : -3;
            c->size = c->line_len = 0;
        } else if (byte == '\n') {
            c->chunk_left = -1;
        } else if (c->chunk_left == -1 && (c->line_len || byte == ';' || byte == '\r')) {
            c->line_len = 1; /* an extension says nothing that we want to know */
        } else if (c->chunk_left == -1) {
            int digit = byte <= '9' ? byte - '0' : (byte | 32) - 'a' + 10;
            c->size = c->size * 16 + digit;
        } else if (byte != '\r') {
            c->line_len++;
        }
    }
    return 0;
}

static int body(struct conn *c, const char *data, size_t len) {
    if (c->left < 0) return unchunk(c, data, len);
    size_t n = len < (size_t)c->left ? len : (size_t)c->left;
    sink(c, (const unsigned char *)data, n);
    return !(c->left -= (long)n);
}

static int read_head(struct conn *c) {
    c->status = atoi(c->head + 9);
    char *length = strcasestr(c->head, "\r\ncontent-length:");
    c->left = length ? atol(length + 17) : -1;
    c->close_after = strcasestr(c->head, "\r\nconnection: close") != NULL;
    c->chunk_left = -1;
    c->size = c->line_len = 0;
    c->in_body = 1;
    return length || strcasestr(c->head, "\r\ntransfer-encoding:");
}

/* 1: the answer has ended. */
static int take(struct conn *c, const char *data, size_t len) {
    if (c->in_body) return body(c, data, len);
    if (!c->first) c->first = now_us();
    size_t before = c->head_len, n = len < HEAD_MAX - 1 - before ? len : HEAD_MAX - 1 - before;
    memcpy(c->head + before, data, n);
    c->head[before + n] = 0;
    c->head_len += n;
    char *stop = strstr(c->head, "\r\n\r\n");
    if (!stop) return 0;
    stop[2] = 0;
    size_t used = (size_t)(stop + 4 - c->head) - before;
    if (!read_head(c)) {
        fail("an answer without a length, status %ld", c->status);
        exit(4);
    }
    if (!c->left) return 1;
    return len > used ? body(c, data + used, len - used) : 0;
}

static void on_readable(struct conn *c) {
    static char data[READ_SIZE];
    ssize_t n = recv(c->fd, data, sizeof data, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
        if (c->busy) {
            fail("the connection broke (%ld)", n ? errno : 0);
            firsts[done] = lasts[done] = (uint32_t)(now_us() - c->start);
            done++;
            finished = now_us();
        }
        forget(c, 1);
        return;
    }
    if (!c->busy) fail("%ld bytes that nobody asked for", (long)n);
    else if (take(c, data, (size_t)n)) finish(c);
}

static void print_samples(const char *name, const uint32_t *samples, size_t count) {
    printf(",\"%s\":[", name);
    for (size_t n = 0; n < count; n++) printf(n ? ",%u" : "%u", samples[n]);
    printf("]");
}

static void print_result(size_t connections) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                 (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    printf("{\"requests\":%zu,\"connections\":%zu,\"errors\":%zu,\"first_error\":\"%s\",\"begun_s\":%.6f,\"seconds\":%.6f,\"cpu_s\":%.3f,"
           "\"body_bytes\":%zu,\"sent_bytes\":%zu,\"chunks\":%zu",
           done, connections, errors, error, (double)begun / 1e6, (double)(finished - begun) / 1e6, cpu, body_bytes, sent_bytes, delays_met);
    print_samples("first_us", firsts, done);
    print_samples("last_us", lasts, done);
    print_samples("delay_us", delays, delay_count);
    printf("}\n");
}

static void on_event(struct conn *c, uint32_t events) {
    if ((events & EPOLLOUT) && !c->connected) {
        c->connected = 1;
        watch(c, EPOLLIN, EPOLL_CTL_MOD);
        if (!c->busy) next(c);
    } else if (events & EPOLLOUT) {
        push(c);
    }
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) on_readable(c);
}

int main(int words_count, char **words) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (words_count != 8) return 2;
    port = atoi(words[1]);
    size_t connections = strtoul(words[2], NULL, 10), opened = 0;
    wanted = strtoul(words[3], NULL, 10);
    next_marker = strtoul(words[4], NULL, 10);
    uint64_t ramp = strtoul(words[5], NULL, 10);
    read_requests(words[7]);
    size_t most = wanted + connections * (request_count / script_count + request_count) + 1;
    firsts = room(NULL, most * sizeof *firsts);
    lasts = room(NULL, most * sizeof *lasts);
    delays = room(NULL, MAX_DELAYS * sizeof *delays);
    struct conn *all = room(NULL, connections * sizeof *all);
    memset(all, 0, connections * sizeof *all);
    poller = epoll_create1(0);
    begun = now_us();
    uint64_t deadline = begun + strtoul(words[6], NULL, 10) * 1000000;
    while (done < started || started < wanted) {
        for (; opened < connections && now_us() >= begun + opened * ramp; opened++) open_connection(&all[opened]);
        struct epoll_event events[256];
        int n = epoll_wait(poller, events, 256, opened < connections ? 1 : 100);
        for (int i = 0; i < n; i++) on_event(events[i].data.ptr, events[i].events);
        if (now_us() > deadline) {
            fail("not done within the deadline; %ld answers are missing", (long)(started - done));
            break;
        }
    }
    if (done == 0) finished = now_us();
    print_result(connections);
    return 0;
}

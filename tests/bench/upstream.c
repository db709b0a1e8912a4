/* What does the bench ask in the place of the Anthropic API? One thread, epoll, one write per event of a stream.
 *
 * upstream [CANNED]    prints its port on 127.0.0.1; CANNED: a file of answers, each "LENGTH\n" and its raw bytes
 */
#include "answer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define HEAD_MAX 16384
#define READ_SIZE 262144
#define STREAM_HEAD                                                                                                   \
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n"                 \
    "request-id: req_011bench0000000000000000\r\nTransfer-Encoding: chunked\r\n\r\n"
#define JSON_HEAD                                                                                                     \
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nrequest-id: req_011bench0000000000000000\r\n"               \
    "Content-Length: %zu\r\n\r\n"

enum kind { JSON, STREAM, CANNED };

struct conn {
    int fd;
    char head[HEAD_MAX];
    size_t head_len;
    size_t body_left;
    int answering;
    enum kind kind;
    long count, sent; /* frames of a stream, without the first and the last three */
    uint64_t interval, due;
    size_t heap_place; /* from 1; 0: not in it */
    char marker[MARKER_DIGITS];
    char *out; /* not yet written */
    size_t out_len, out_off, out_room;
    int wants_out;
};

static struct { char *data; size_t len; } *canned;
static size_t canned_count;
static struct conn **heap; /* by due */
static size_t heap_len, heap_room;
static int poller, timer;
static char json_head[256];

static void heap_put(size_t place, struct conn *c) {
    heap[place] = c;
    c->heap_place = place;
}

static void heap_up(size_t at, struct conn *c) {
    while (at > 1 && heap[at / 2]->due > c->due) {
        heap_put(at, heap[at / 2]);
        at /= 2;
    }
    heap_put(at, c);
}

static void heap_down(size_t at, struct conn *c) {
    for (;;) {
        size_t child = at * 2;
        if (child > heap_len) break;
        if (child < heap_len && heap[child + 1]->due < heap[child]->due) child++;
        if (heap[child]->due >= c->due) break;
        heap_put(at, heap[child]);
        at = child;
    }
    heap_put(at, c);
}

static void heap_add(struct conn *c) {
    if (heap_len + 2 > heap_room) heap = room(heap, (heap_room = heap_room * 2 + 64) * sizeof *heap);
    heap_up(++heap_len, c);
}

static void heap_remove(struct conn *c) {
    size_t at = c->heap_place;
    if (!at) return;
    c->heap_place = 0;
    struct conn *last = heap[heap_len--];
    if (last == c) return;
    heap_up(at, last);
    heap_down(last->heap_place, last);
}

static void end(struct conn *c) {
    heap_remove(c);
    close(c->fd);
    free(c->out);
    free(c);
}

static void watch(struct conn *c, int wants_out) {
    if (c->wants_out == wants_out) return;
    c->wants_out = wants_out;
    struct epoll_event event = {.events = EPOLLIN | (wants_out ? EPOLLOUT : 0), .data.ptr = c};
    epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &event);
}

/* 0: the connection is gone. */
static int flush(struct conn *c) {
    while (c->out_off < c->out_len) {
        ssize_t n = send(c->fd, c->out + c->out_off, c->out_len - c->out_off, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) {
            watch(c, 1);
            return 1;
        }
        if (n < 0) {
            end(c);
            return 0;
        }
        c->out_off += (size_t)n;
    }
    c->out_off = c->out_len = 0;
    watch(c, 0);
    return 1;
}

static char *grow(struct conn *c, size_t more) {
    if (c->out_len + more > c->out_room) c->out = room(c->out, c->out_room = (c->out_len + more) * 2);
    char *at = c->out + c->out_len;
    c->out_len += more;
    return at;
}

static void put(struct conn *c, const char *data, size_t len) { memcpy(grow(c, len), data, len); }

/* One frame as one HTTP chunk; where it begins. */
static char *put_frame(struct conn *c, const char *frame, size_t len) {
    char size[24];
    int digits = snprintf(size, sizeof size, "%zx\r\n", len);
    put(c, size, (size_t)digits);
    put(c, frame, len);
    put(c, "\r\n", 2);
    return c->out + c->out_len - 2 - len;
}

static void put_delta(struct conn *c) {
    put_digits(put_frame(c, FRAME_DELTA, LEN(FRAME_DELTA)) + stamp_at(), now_us(), STAMP_DIGITS);
}

/* The next frame of a stream; 0: there is none. */
static int next_frame(struct conn *c) {
    long at = c->sent - c->count;
    if (at < 0) put_delta(c);
    if (at == 0) put_frame(c, FRAME_CLOSE, LEN(FRAME_CLOSE));
    if (at == 1) put_frame(c, FRAME_USAGE, LEN(FRAME_USAGE));
    if (at == 2) {
        put_frame(c, FRAME_STOP, LEN(FRAME_STOP));
        put(c, "0\r\n\r\n", 5);
    }
    c->sent++;
    return at < 3;
}

/* Write what may be written now. 0: the connection is gone. */
static int go_on(struct conn *c) {
    for (;;) {
        if (c->out_len) {
            if (!flush(c)) return 0;
            if (c->out_len) return 1; /* the reader is slow */
        }
        if (!c->answering || c->heap_place) return 1;
        if (c->kind != STREAM || !next_frame(c)) {
            c->answering = 0;
            return 1;
        }
        if (c->interval && c->sent < c->count + 1) {
            c->due += c->interval;
            heap_add(c);
        }
    }
}

/* 0: the connection is gone. */
static int begin_answer(struct conn *c) {
    c->answering = 1;
    if (c->kind == JSON) {
        put(c, json_head, strlen(json_head));
        char *body = grow(c, LEN(JSON_BODY));
        memcpy(body, JSON_BODY, LEN(JSON_BODY));
        memcpy(body + marker_at(JSON_BODY), c->marker, MARKER_DIGITS);
    } else if (c->kind == CANNED) {
        size_t number = (size_t)c->count;
        if (number >= canned_count) exit(3);
        put(c, canned[number].data, canned[number].len);
    } else {
        put(c, STREAM_HEAD, LEN(STREAM_HEAD));
        char *start = put_frame(c, FRAME_START, LEN(FRAME_START));
        memcpy(start + marker_at(FRAME_START), c->marker, MARKER_DIGITS);
        c->sent = 0;
        c->due = now_us() + c->interval;
        if (!flush(c)) return 0;
        put_frame(c, FRAME_OPEN, LEN(FRAME_OPEN));
        if (c->interval) heap_add(c);
    }
    return go_on(c);
}

/* What the path asks for. */
static int read_wish(struct conn *c) {
    char *line_end = strstr(c->head, "\r\n"), *wish = strstr(c->head, "bench=");
    c->kind = JSON;
    c->count = c->interval = 0;
    memset(c->marker, '0', MARKER_DIGITS);
    if (!wish || wish > line_end) return 1; /* anybody's request: something small */
    char word[16] = "";
    long numbers[3] = {0, 0, 0};
    sscanf(wish + 6, "%15[a-z]", word);
    char *at = wish + 6 + strlen(word), *last = at;
    for (int n = 0; n < 3 && *at == '-'; n++) {
        last = at + 1;
        numbers[n] = strtol(last, &at, 10);
    }
    if (strlen(last) < MARKER_DIGITS) return 0;
    memcpy(c->marker, last, MARKER_DIGITS);
    if (!strcmp(word, "stream")) c->kind = STREAM;
    if (!strcmp(word, "canned")) c->kind = CANNED;
    if (c->kind != JSON) c->count = numbers[0];
    if (c->kind == STREAM) c->interval = (uint64_t)numbers[1];
    return 1;
}

/* Take what came; 0: the connection is gone. */
static int take(struct conn *c, const char *data, size_t len) {
    while (len) {
        if (c->body_left) {
            size_t n = len < c->body_left ? len : c->body_left;
            c->body_left -= n, data += n, len -= n;
            if (!c->body_left && !begin_answer(c)) return 0;
            continue;
        }
        size_t before = c->head_len, n = len < HEAD_MAX - 1 - before ? len : HEAD_MAX - 1 - before;
        memcpy(c->head + before, data, n);
        c->head[before + n] = 0;
        char *stop = strstr(c->head + (before > 3 ? before - 3 : 0), "\r\n\r\n");
        if (!stop) {
            c->head_len += n;
            if (c->head_len >= HEAD_MAX - 1) return end(c), 0;
            return 1;
        }
        size_t used = (size_t)(stop + 4 - c->head) - before;
        data += used, len -= used;
        c->head_len = 0;
        stop[2] = 0;
        char *length = strcasestr(c->head, "\r\ncontent-length:");
        if (strcasestr(c->head, "\r\ntransfer-encoding:") || !read_wish(c)) return end(c), 0;
        c->body_left = length ? strtoul(length + 17, NULL, 10) : 0;
        if (!c->body_left && !begin_answer(c)) return 0;
    }
    return 1;
}

static void on_readable(struct conn *c) {
    static char data[READ_SIZE];
    ssize_t n = recv(c->fd, data, sizeof data, 0);
    if (n == 0 || (n < 0 && errno != EAGAIN)) {
        end(c);
        return;
    }
    if (n > 0) take(c, data, (size_t)n);
}

static void on_timer(void) {
    uint64_t now = now_us();
    while (heap_len && heap[1]->due <= now) {
        struct conn *c = heap[1];
        heap_remove(c);
        go_on(c);
    }
}

static void arm(void) {
    static uint64_t armed;
    uint64_t due = heap_len ? heap[1]->due : 0;
    if (due == armed && due > now_us()) return;
    armed = due;
    struct itimerspec when = {.it_value = {(time_t)(due / 1000000), (long)(due % 1000000) * 1000}};
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static void on_new(int listener) {
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), on = 1;
        if (fd < 0) return;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct conn *c = room(NULL, sizeof *c);
        memset(c, 0, sizeof *c);
        c->fd = fd;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
    }
}

static void read_canned(const char *path) {
    size_t size;
    char *at = whole_file(path, &size), *stop = at + size;
    while (at < stop) {
        canned = room(canned, (canned_count + 1) * sizeof *canned);
        canned[canned_count].len = strtoul(at, &at, 10);
        canned[canned_count++].data = ++at;
        at += canned[canned_count - 1].len;
    }
}

int main(int count, char **words) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (count > 1) read_canned(words[1]);
    snprintf(json_head, sizeof json_head, JSON_HEAD, LEN(JSON_BODY));
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 4096)) die("listen");
    getsockname(listener, (struct sockaddr *)&address, &size);
    poller = epoll_create1(0);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct epoll_event of_listener = {.events = EPOLLIN, .data.ptr = &poller};
    struct epoll_event of_timer = {.events = EPOLLIN | EPOLLET, .data.ptr = &timer};
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &of_listener);
    epoll_ctl(poller, EPOLL_CTL_ADD, timer, &of_timer);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;) {
        struct epoll_event events[256];
        int n = epoll_wait(poller, events, 256, -1);
        for (int i = 0; i < n; i++) {
            struct conn *c = events[i].data.ptr;
            if (events[i].data.ptr == &poller) on_new(listener);
            else if (events[i].data.ptr == &timer) continue; /* below, when no event of a connection is pending */
            else if (events[i].events & EPOLLOUT) go_on(c);
            else on_readable(c);
        }
        on_timer();
        arm();
    }
}

/* What do the bench's upstream and its load generator agree on? The bytes of an answer, and small helpers.
 *
 * A request's path says which answer it wants:
 *   …bench=json-MARKER                          one small JSON object
 *   …bench=stream-COUNT-INTERVAL_US-MARKER      server-sent events with COUNT deltas, one every INTERVAL_US (0: at once)
 *   …bench=canned-NUMBER-MARKER                 an answer from the file of canned answers
 * MARKER, eight digits, comes back in the answer. Each delta carries the moment at which it was written.
 */
#ifndef ANSWER_H
#define ANSWER_H
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MARKER_DIGITS 8
#define STAMP_DIGITS 16
#define ANSWER_TEXT "It fits into one packet, as small answers do, and says what it has to say in a sentence."
#define JSON_BODY                                                                                                     \
    "{\"id\":\"msg_00000000\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-bench\",\"content\":["   \
    "{\"type\":\"text\",\"text\":\"" ANSWER_TEXT "\"}],\"stop_reason\":\"end_turn\",\"stop_sequence\":null,"           \
    "\"usage\":{\"input_tokens\":612,\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,"                 \
    "\"output_tokens\":58}}"
#define FRAME_START                                                                                                   \
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_00000000\",\"type\":"          \
    "\"message\",\"role\":\"assistant\",\"model\":\"claude-bench\",\"content\":[],\"stop_reason\":null,"               \
    "\"stop_sequence\":null,\"usage\":{\"input_tokens\":612,\"cache_creation_input_tokens\":0,"                        \
    "\"cache_read_input_tokens\":0,\"output_tokens\":1}}}\n\n"
#define FRAME_OPEN                                                                                                    \
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":"    \
    "\"text\",\"text\":\"\"}}\n\n"
#define FRAME_DELTA                                                                                                   \
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"            \
    "\"text_delta\",\"text\":\"0000000000000000 word\"}}\n\n"
#define FRAME_CLOSE "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
#define FRAME_USAGE                                                                                                   \
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\","                 \
    "\"stop_sequence\":null},\"usage\":{\"output_tokens\":58}}\n\n"
#define FRAME_STOP "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
#define LEN(text) (sizeof(text) - 1)

/* Where the marker stands in a JSON body or in FRAME_START, and the stamp in FRAME_DELTA. */
static inline size_t marker_at(const char *text) { return (size_t)(strstr(text, "msg_") + 4 - text); }
static inline size_t stamp_at(void) { return (size_t)(strstr(FRAME_DELTA, "0000000000000000") - FRAME_DELTA); }

static inline uint64_t now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static inline void put_digits(char *to, uint64_t value, int digits) {
    while (digits-- > 0) {
        to[digits] = (char)('0' + value % 10);
        value /= 10;
    }
}

static inline void die(const char *what) {
    perror(what);
    exit(2);
}

static inline void *room(void *old, size_t size) {
    void *made = realloc(old, size);
    if (!made) die("memory");
    return made;
}

static inline char *whole_file(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    if (!file) die(path);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    char *data = room(NULL, *size + 1);
    if (fread(data, 1, *size, file) != *size) die(path);
    data[*size] = 0;
    fclose(file);
    return data;
}
#endif

/* SPDX-License-Identifier: MIT */
#include "relay/http/ws_decoder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))
#define NO_MASK "\0\0\0\0"

/* Bytes with NULs in them. */
#define BYTES(literal)                                                                             \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

/* Events as text: T and B are data, with a dot after the last piece of a message. */
static const struct {
    struct span in;
    const char *heard;
} rows[] = {
    {BYTES("\x81\x01x"), "!1002"},              /* not masked */
    {BYTES("\xc1\x81" NO_MASK "x"), "!1002"},   /* a reserved bit */
    {BYTES("\x83\x81" NO_MASK "x"), "!1002"},   /* a reserved opcode */
    {BYTES("\x80\x81" NO_MASK "x"), "!1002"},   /* continues nothing */
    {BYTES("\x09\x81" NO_MASK "x"), "!1002"},   /* half a ping */
    {BYTES("\x89\xfe"), "!1002"},               /* a long one */
    {BYTES("\x81\xfe\0\x7d" NO_MASK), "!1002"}, /* too many bytes of length */
    {BYTES("\x81\xff\0\0\0\0\0\0\xff\xff" NO_MASK), "!1002"},
    {BYTES("\x81\xff\x80\0\0\0\0\0\0\0" NO_MASK), "!1002"},
    {BYTES("\x01\x81" NO_MASK "a\x81\x81" NO_MASK "b"), "Ta!1002"},
    {BYTES("\x88\x81" NO_MASK "\x03"), "!1002"}, /* half a code */
    {BYTES("\x88\x82" NO_MASK "\x03\xed"), "!1002"},
    {BYTES("\x88\x83" NO_MASK "\x03\xe8\xff"), "!1007"},
    {BYTES("\x81\x81" NO_MASK "\xff"), "!1007"},
    {BYTES("\x81\x81" NO_MASK "\xe4"), "!1007"},
    {BYTES("\x01\x80" NO_MASK "\x80\x82" NO_MASK "\xc0\x80"), "!1007"},
    {BYTES("\x81"), ""},
    {BYTES("\x81\x82" NO_MASK "a"), "Ta"},
    {BYTES("\x81\x80" NO_MASK), "T."},
    {BYTES("\x81\x83\x01\x02\x03\x04"
           "`aa"),
     "Tacb."},
    {BYTES("\x82\x81" NO_MASK "\xff"), "B\xff."},
    {BYTES("\x01\x81" NO_MASK "a\x89\x81" NO_MASK "p\x80\x81" NO_MASK "b"), "Tapp;Tb."},
    {BYTES("\x89\x81" NO_MASK "a\x89\x80" NO_MASK "\x8a\x81" NO_MASK "b"), "pa;p;ob;"},
    {BYTES("\x88\x80" NO_MASK), "c0;"},
    {BYTES("\x88\x84" NO_MASK "\x0b\xb8\xc3\xbc"), "c3000;"},
    {BYTES("\x81\xfe\0\x7e" NO_MASK), ""},
};

static void tell(const struct ws_event *event, char *out)
{
    char *at = out + strlen(out);
    int len = (int)event->bytes.len;

    switch (event->type) {
    case WS_EVENT_DATA:
        sprintf(at, "%c%.*s%s", event->is_binary ? 'B' : 'T', len, event->bytes.p,
                event->is_last ? "." : "");
        return;
    case WS_EVENT_PING:
    case WS_EVENT_PONG:
        sprintf(at, "%c%.*s;", event->type == WS_EVENT_PING ? 'p' : 'o', len, event->bytes.p);
        return;
    case WS_EVENT_CLOSE:
        sprintf(at, "c%u;", event->code);
        return;
    case WS_EVENT_BROKEN:
        sprintf(at, "!%u", event->code);
        return;
    }
}

static void frames_become_events(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct ws_decoder d = {0};
        struct ws_event event = {.type = WS_EVENT_DATA};
        char bytes[64], heard[128] = "";
        struct span in = {bytes, rows[i].in.len};

        memcpy(bytes, rows[i].in.p, rows[i].in.len);
        while (event.type != WS_EVENT_BROKEN && event.type != WS_EVENT_CLOSE &&
               ws_decode(&d, &in, &event))
            tell(&event, heard);
        if (strcmp(heard, rows[i].heard) != 0)
            fail_msg("row %zu: %s instead of %s", i, heard, rows[i].heard);
        ws_decoder_deinit(&d);
    }
}

/* As transport/websocket.c does between two reads. */
static void hear_bytewise(struct span in, bool is_kept_always, char heard[256])
{
    struct ws_decoder d = {0};
    struct ws_event event = {.type = WS_EVENT_DATA};

    for (size_t i = 0; i < in.len; i++) {
        char byte = in.p[i];
        struct span one = {&byte, 1};

        while (event.type != WS_EVENT_BROKEN && event.type != WS_EVENT_CLOSE &&
               ws_decode(&d, &one, &event))
            tell(&event, heard);
        if (!is_kept_always && ws_decoder_is_between_messages(&d)) {
            ws_decoder_deinit(&d);
            d = (struct ws_decoder){0};
        }
    }
    ws_decoder_deinit(&d);
}

static void between_messages_there_is_nothing_to_keep(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        char kept[256] = "", dropped[256] = "";

        hear_bytewise(rows[i].in, true, kept);
        hear_bytewise(rows[i].in, false, dropped);
        assert_string_equal(kept, dropped);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_become_events),
        cmocka_unit_test(between_messages_there_is_nothing_to_keep),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

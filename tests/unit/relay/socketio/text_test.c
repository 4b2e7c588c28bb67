/* SPDX-License-Identifier: MIT */
#include "relay/socketio/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void content_is_escaped(void **state)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"", ""},
        {"<b onclick=\"x('y')\">&amp;</b>",
         "&lt;b onclick=&quot;x(&#039;y&#039;)&quot;&gt;&amp;amp;&lt;/b&gt;"},
        {"\xe4\xbd\xa0", "\xe4\xbd\xa0"},
        {"a\xff<", "a\xef\xbf\xbd&lt;"},
        {"\xe4\xbd", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    };
    struct buf out;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        buf_init(&out, 1000);
        assert_int_equal(text_escape(span_of(rows[i].in), &out), ERR_NONE);
        assert_true(span_equal(buf_span(&out), span_of(rows[i].out)));
        buf_deinit(&out);
    }
    buf_init(&out, 7);
    assert_int_equal(text_escape(SPAN("&&"), &out), ERR_TOO_BIG);
    buf_deinit(&out);
}

static void content_becomes_a_packet(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 100);
    assert_int_equal(text_encode(SPAN("<b>\xe4\xbd\xa0"), 100, &out), ERR_NONE);
    assert_true(span_equal(buf_span(&out), SPAN("42[\"new_msg\",\"&lt;b&gt;\\u4f60\"]")));
    buf_deinit(&out);
    buf_init(&out, 100);
    assert_int_equal(text_encode(SPAN("a"), 16, &out), ERR_TOO_BIG);
    buf_reset(&out);
    assert_int_equal(text_encode(SPAN("a"), 17, &out), ERR_NONE);
    buf_deinit(&out);
    buf_init(&out, 10);
    assert_int_equal(text_encode(SPAN(""), 100, &out), ERR_TOO_BIG);
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(content_is_escaped),
        cmocka_unit_test(content_becomes_a_packet),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

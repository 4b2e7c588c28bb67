/* SPDX-License-Identifier: MIT */
#include "common/os/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/stat.h>

#include "tests/unit/common/temp_file.h"

static void what_cannot_be_read_is_named(void **state)
{
    struct temp_folder t;
    struct owned file = {.len = 77};
    const char *why = NULL;

    (void)state;
    assert_int_equal(temp_folder_init(&t), 0);
    assert_int_equal(file_read(temp_path(&t, "none"), 9, &file, &why), ERR_NOT_FOUND);
    assert_string_equal(why, "no such file");
    assert_int_equal(file_read(t.path, 9, &file, &why), ERR_INVALID);
    assert_string_equal(why, "is a directory");
    assert_int_equal(file_read(temp_write(&t, "big", SPAN("123456789a")), 9, &file, &why),
                     ERR_TOO_BIG);
    assert_string_equal(why, "is too big");
    if (geteuid() != 0) { /* root may read all */
        char *path = temp_write(&t, "closed", SPAN("x"));

        assert_int_equal(chmod(path, 0), 0);
        assert_int_equal(file_read(path, 9, &file, &why), ERR_FORBIDDEN);
    }
    assert_null(file.bytes);
    assert_int_equal(file.len, 77);
    temp_folder_deinit(&t);
}

static void all_bytes_are_read_and_a_nul_follows(void **state)
{
    struct temp_folder t;
    const struct span rows[] = {SPAN(""), SPAN("a\0b\n"), SPAN("123456789")};

    (void)state;
    assert_int_equal(temp_folder_init(&t), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *why = NULL;
        struct owned file;

        assert_int_equal(file_read(temp_write(&t, "f", rows[i]), 9, &file, &why), ERR_NONE);
        assert_true(span_equal(owned_span(&file), rows[i]));
        assert_int_equal(file.bytes[file.len], '\0');
        owned_deinit(&file);
    }
    temp_folder_deinit(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_read_is_named),
        cmocka_unit_test(all_bytes_are_read_and_a_nul_follows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The stream cutter: every case is fed whole, byte by byte and cut at every place, and must give the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "lib/base/alloc.h"
#include "lib/base/json.h"
#include "lib/base/json_stream.h"

/* Documents end with '|' in what was seen, the rest with '!'. */
static bool see_document(void *seen, const char *bytes, size_t size, Error *err) {
        (void)err;
        text_append_bytes(seen, bytes, size);
        text_append(seen, "|");
        return true;
}

static bool see_rest(void *seen, const char *bytes, size_t size, Error *err) {
        (void)err;
        text_append_bytes(seen, bytes, size);
        text_append(seen, "!");
        return true;
}

typedef struct Case {
        JsonStreamMode mode;
        const char *input, *wanted;
        ErrorCode code; /* ERROR_NONE: the stream ends well */
} Case;

/* Feeds the first `cut` bytes and then the others in pieces of `step`. */
static void assert_case(const Case *one, size_t cut, size_t step) {
        CLEANUP(text_done) Text seen = { 0 };
        CLEANUP(json_stream_done)
        JsonStream stream = {
                .mode = one->mode, .maximum = 60, .on_document = see_document, .on_rest = see_rest, .context = &seen
        };
        size_t size = strlen(one->input);
        Error err = { 0 };
        bool good = json_stream_feed(&stream, one->input, cut, &err);

        for (size_t at = cut; good && at < size; at += step)
                good = json_stream_feed(&stream, one->input + at, at + step < size ? step : size - at, &err);
        good = good && json_stream_end(&stream, &err);
        if (strcmp(text_string(&seen), one->wanted) != 0)
                fail_msg("%s cut at %zu: got %s, not %s", one->input, cut, text_string(&seen), one->wanted);
        if (err.code != one->code || good != (one->code == ERROR_NONE))
                fail_msg("%s cut at %zu: error %d %s", one->input, cut, err.code, err.text);
        if (!good) {
                assert_false(json_stream_feed(&stream, "{}", 2, &err));
                assert_false(json_stream_end(&stream, &err));
                assert_false(json_stream_idle(&stream));
        } else {
                assert_true(json_stream_idle(&stream));
        }
}

static void assert_cases(const Case *cases, size_t count) {
        for (size_t i = 0; i < count; i++) {
                size_t size = strlen(cases[i].input);

                for (size_t step = 1; step < 4; step++)
                        assert_case(&cases[i], 0, step);
                for (size_t cut = 0; cut <= size; cut++)
                        assert_case(&cases[i], cut, size + 1);
        }
}

static void test_cuts_frames_apart(void **state) {
        static const Case cases[] = {
                { JSON_STREAM_DOCUMENTS, "", "", ERROR_NONE },
                { JSON_STREAM_DOCUMENTS, " \n", "", ERROR_NONE },
                { JSON_STREAM_DOCUMENTS, "{\"a\":1}\n{\"b\":[{}]}\n", "{\"a\":1}|{\"b\":[{}]}|", ERROR_NONE },
                { JSON_STREAM_DOCUMENTS, "{}{}[]", "{}|{}|[]|", ERROR_NONE },
                { JSON_STREAM_DOCUMENTS, "1 true\"x y\"null", "1|true|\"x y\"|null|", ERROR_NONE },
                { JSON_STREAM_DOCUMENTS, "12", "12|", ERROR_NONE },
                { JSON_STREAM_DOCUMENTS, "{\"a}\":\"]{[\"} ", "{\"a}\":\"]{[\"}|", ERROR_NONE },
                { JSON_STREAM_DOCUMENTS, "{\"a\":\"\\\"}\\\\\"}{\"\\\\\\\"\":\"\"}",
                        "{\"a\":\"\\\"}\\\\\"}|{\"\\\\\\\"\":\"\"}|", ERROR_NONE },
                { JSON_STREAM_DOCUMENTS, "\"\\\\\\n\\n\\n\\\"\"\"\"", "\"\\\\\\n\\n\\n\\\"\"|\"\"|", ERROR_NONE },
        };

        (void)state;
        assert_cases(cases, ARRAY_LEN(cases));
}

static void test_takes_a_list_apart(void **state) {
        static const Case cases[] = {
                { JSON_STREAM_LIST, "{\"kind\":\"L\",\"items\":[{\"a\":[1]}, {\"b\":2}],\"m\":3} \n",
                        "{\"a\":[1]}|{\"b\":2}|{\"kind\":\"L\",\"items\":[],\"m\":3}!", ERROR_NONE },
                { JSON_STREAM_LIST, "{\"items\":[]}", "{\"items\":[]}!", ERROR_NONE },
                { JSON_STREAM_LIST, " {\"items\" : [ 1 ,\"x\",[2],null ] }", "1|\"x\"|[2]|null|{\"items\" : [] }!",
                        ERROR_NONE },
                { JSON_STREAM_LIST, "{\"items\":null}", "{\"items\":null}!", ERROR_NONE },
                { JSON_STREAM_LIST, "{\"kind\":\"items\",\"x\":[1]}", "{\"kind\":\"items\",\"x\":[1]}!", ERROR_NONE },
                { JSON_STREAM_LIST, "{\"m\":{\"items\":[1]},\"itemsx\":[2]}", "{\"m\":{\"items\":[1]},\"itemsx\":[2]}!",
                        ERROR_NONE },
                { JSON_STREAM_LIST, "{\"items\":{\"items\":[1]}}", "{\"items\":{\"items\":[1]}}!", ERROR_NONE },
                { JSON_STREAM_LIST, "{\"kind\":\"Status\",\"code\":410}", "{\"kind\":\"Status\",\"code\":410}!",
                        ERROR_NONE },
        };

        (void)state;
        assert_cases(cases, ARRAY_LEN(cases));
}

static void test_refuses_what_is_no_stream(void **state) {
        static const Case cases[] = {
                { JSON_STREAM_DOCUMENTS, "{} }", "{}|", ERROR_PROTOCOL },
                { JSON_STREAM_DOCUMENTS, "{},{}", "{}|", ERROR_PROTOCOL },
                { JSON_STREAM_DOCUMENTS, "{]", "", ERROR_PROTOCOL },
                { JSON_STREAM_DOCUMENTS, "[{\"a\":1]", "", ERROR_PROTOCOL },
                { JSON_STREAM_DOCUMENTS, "{\"a\":", "", ERROR_PROTOCOL },
                { JSON_STREAM_DOCUMENTS, "\"abc", "", ERROR_PROTOCOL },
                { JSON_STREAM_DOCUMENTS, "\"abc\\\"", "", ERROR_PROTOCOL },
                { JSON_STREAM_DOCUMENTS, "{\"a\":\"0123456789012345678901234567890123456789012345678901234567890\"}",
                        "", ERROR_TOO_LARGE },
                { JSON_STREAM_LIST, "", "", ERROR_PROTOCOL },
                { JSON_STREAM_LIST, "[]", "", ERROR_PROTOCOL },
                { JSON_STREAM_LIST, "7", "", ERROR_PROTOCOL },
                { JSON_STREAM_LIST, "{\"items\":[1", "", ERROR_PROTOCOL },
                { JSON_STREAM_LIST, "{\"items\":[1]", "1|", ERROR_PROTOCOL },
                { JSON_STREAM_LIST, "{\"items\":[1}", "1|", ERROR_PROTOCOL },
                { JSON_STREAM_LIST, "{\"items\":[1:2]}", "1|", ERROR_PROTOCOL },
                { JSON_STREAM_LIST, "{\"items\":[]}{", "{\"items\":[]}!", ERROR_PROTOCOL },
                { JSON_STREAM_LIST, "{\"items\":[],\"a\":\"01234567890123456789012345678901234567890123456789\"}", "",
                        ERROR_TOO_LARGE },
        };

        (void)state;
        assert_cases(cases, ARRAY_LEN(cases));
}

static void test_keeps_to_the_depth(void **state) {
        char deep[2 * (JSON_MAXIMUM_DEPTH + 1)];
        CLEANUP(text_done) Text seen = { 0 };
        CLEANUP(json_stream_done) JsonStream stream = { .on_document = see_document, .context = &seen };
        Error err = { 0 };

        (void)state;
        memset(deep, '[', sizeof(deep) / 2);
        memset(deep + sizeof(deep) / 2, ']', sizeof(deep) / 2);
        assert_true(json_stream_feed(&stream, deep + 1, sizeof(deep) - 2, &err));
        assert_int_equal(seen.size, sizeof(deep) - 2 + 1);
        assert_false(json_stream_feed(&stream, deep, sizeof(deep), &err));
        assert_int_equal(err.code, ERROR_PROTOCOL);
}

static bool refuse(void *context, const char *bytes, size_t size, Error *err) {
        (void)context;
        (void)bytes;
        (void)size;
        return error_set(err, ERROR_STOPPED, "enough");
}

static void test_ends_with_the_error_of_the_callback_and_can_start_over(void **state) {
        CLEANUP(json_stream_done) JsonStream stream = { .on_document = refuse };
        CLEANUP(text_done) Text seen = { 0 };
        Error err = { 0 };

        (void)state;
        assert_false(json_stream_feed(&stream, "{}{}", 4, &err));
        assert_int_equal(err.code, ERROR_STOPPED);
        json_stream_done(&stream);
        assert_true(json_stream_idle(&stream));
        stream.on_document = see_document;
        stream.context = &seen;
        assert_true(json_stream_feed(&stream, "{}{", 3, &err));
        assert_false(json_stream_idle(&stream));
        json_stream_done(&stream);
        assert_true(json_stream_feed(&stream, "[]", 2, &err));
        assert_true(json_stream_end(&stream, &err));
        assert_string_equal(text_string(&seen), "{}|[]|");
}

static void test_gives_the_memory_of_a_big_document_back(void **state) {
        enum { SIZE = 1000 * 1000 };
        CLEANUP(cleanup_free) char *big = alloc_zero(SIZE);
        CLEANUP(text_done) Text seen = { 0 };
        CLEANUP(json_stream_done) JsonStream stream = { .on_document = see_document, .context = &seen };

        (void)state;
        memset(big, '\\', SIZE);
        big[0] = big[SIZE - 1] = '"';
        assert_true(json_stream_feed(&stream, big, SIZE / 2, NULL));
        assert_true(json_stream_feed(&stream, big + SIZE / 2, SIZE - SIZE / 2, NULL));
        assert_int_equal(seen.size, SIZE + 1);
        assert_null(stream.document.data);
        /* A whole document in one piece is not copied at all. */
        assert_true(json_stream_feed(&stream, big, SIZE, NULL));
        assert_int_equal(seen.size, 2 * (SIZE + 1));
        assert_null(stream.document.data);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_cuts_frames_apart),
                cmocka_unit_test(test_takes_a_list_apart),
                cmocka_unit_test(test_refuses_what_is_no_stream),
                cmocka_unit_test(test_keeps_to_the_depth),
                cmocka_unit_test(test_ends_with_the_error_of_the_callback_and_can_start_over),
                cmocka_unit_test(test_gives_the_memory_of_a_big_document_back),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

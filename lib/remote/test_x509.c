/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates as others read them: by OpenSSL's own verifier, with its strictest flag. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "lib/base/clock.h"
#include "lib/remote/x509.h"

static const char *const names[] = { "prod-pg-0.prod-pg", "*.prod-pg.db.svc", "localhost", "127.0.0.1", "::1", NULL };
static const int64_t DAY_SECONDS = 86400;

typedef struct Pair {
        char *cert, *key;
} Pair;

static void cleanup_pair(Pair *pair) {
        free(pair->cert);
        free(pair->key);
}

static Pair new_ca(int days) {
        Pair ca = { 0 };
        Error err = { 0 };

        if (!x509_new_ca("prod CA", days, &ca.cert, &ca.key, &err))
                fail_msg("%s", err.text);
        return ca;
}

static Pair new_leaf(const Pair *ca, int days) {
        Pair leaf = { 0 };
        Error err = { 0 };

        if (!x509_new_leaf(ca->cert, ca->key, "prod-pg", names, days, &leaf.cert, &leaf.key, &err))
                fail_msg("%s", err.text);
        return leaf;
}

static X509 *parsed(const char *pem) {
        BIO *bio = BIO_new_mem_buf(pem, -1);
        X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);

        BIO_free(bio);
        assert_non_null(cert);
        return cert;
}

/* X509_V_OK, or why not. */
static int verify(const char *leaf_pem, const char *ca_pem, const char *host, int purpose) {
        X509 *leaf = parsed(leaf_pem), *ca = parsed(ca_pem);
        X509_STORE *store = X509_STORE_new();
        X509_STORE_CTX *context = X509_STORE_CTX_new();
        X509_VERIFY_PARAM *param;
        int status;

        assert_int_equal(X509_STORE_add_cert(store, ca), 1);
        assert_int_equal(X509_STORE_CTX_init(context, store, leaf, NULL), 1);
        param = X509_STORE_CTX_get0_param(context);
        (void)X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE);
        (void)X509_VERIFY_PARAM_set_purpose(param, purpose);
        (void)X509_VERIFY_PARAM_set1_host(param, host, 0);
        status = X509_verify_cert(context) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(context);
        X509_STORE_CTX_free(context);
        X509_STORE_free(store);
        X509_free(leaf);
        X509_free(ca);
        return status;
}

static void test_a_leaf_is_good_for_servers_and_clients_under_its_names_only(void **state) {
        CLEANUP(cleanup_pair) Pair ca = new_ca(3650);
        CLEANUP(cleanup_pair) Pair leaf = new_leaf(&ca, 365);

        (void)state;
        assert_int_equal(verify(leaf.cert, ca.cert, "prod-pg-0.prod-pg", X509_PURPOSE_SSL_SERVER), X509_V_OK);
        assert_int_equal(verify(leaf.cert, ca.cert, "prod-pg-2.prod-pg.db.svc", X509_PURPOSE_SSL_CLIENT), X509_V_OK);
        assert_int_equal(verify(leaf.cert, ca.cert, "localhost", X509_PURPOSE_SSL_SERVER), X509_V_OK);
        assert_int_equal(verify(leaf.cert, ca.cert, "prod-pg", X509_PURPOSE_SSL_SERVER), X509_V_ERR_HOSTNAME_MISMATCH);
}

static void test_another_authority_does_not_verify_it(void **state) {
        CLEANUP(cleanup_pair) Pair ca = new_ca(3650);
        CLEANUP(cleanup_pair) Pair other = new_ca(3650);
        CLEANUP(cleanup_pair) Pair leaf = new_leaf(&ca, 365);
        bool covers = true;
        Error err = { 0 };

        (void)state;
        assert_int_not_equal(verify(leaf.cert, other.cert, "localhost", X509_PURPOSE_SSL_SERVER), X509_V_OK);
        assert_true(x509_covers(leaf.cert, other.cert, names, &covers, &err));
        assert_false(covers);
}

static void test_keys_are_p256_and_differ(void **state) {
        CLEANUP(cleanup_pair) Pair ca = new_ca(10);
        CLEANUP(cleanup_pair) Pair other = new_ca(10);
        X509 *cert = parsed(ca.cert);
        char group[32] = "";
        size_t size;

        (void)state;
        assert_int_equal(EVP_PKEY_get_group_name(X509_get0_pubkey(cert), group, sizeof(group), &size), 1);
        assert_string_equal(group, "prime256v1");
        assert_memory_equal(ca.key, "-----BEGIN PRIVATE KEY-----", 27);
        assert_string_not_equal(ca.key, other.key);
        X509_free(cert);
}

static void test_validity_begins_an_hour_ago_and_ends_after_the_days(void **state) {
        CLEANUP(cleanup_pair) Pair ca = new_ca(20);
        CLEANUP(cleanup_pair) Pair leaf = new_leaf(&ca, 10);
        int64_t now = clock_wall_us() / 1000000, end = 0;
        X509 *cert = parsed(leaf.cert);
        time_t two_hours_ago = now - 7200, half_an_hour_ago = now - 1800;
        Error err = { 0 };

        (void)state;
        assert_true(x509_expiry(leaf.cert, &end, &err));
        assert_in_range(end / 1000000, now + 10 * DAY_SECONDS - 60, now + 10 * DAY_SECONDS + 60);
        assert_int_equal(X509_cmp_time(X509_get0_notBefore(cert), &two_hours_ago), 1);
        assert_int_equal(X509_cmp_time(X509_get0_notBefore(cert), &half_an_hour_ago), -1);
        X509_free(cert);
}

static void test_a_leaf_does_not_outlive_its_authority(void **state) {
        CLEANUP(cleanup_pair) Pair ca = new_ca(5);
        CLEANUP(cleanup_pair) Pair leaf = new_leaf(&ca, 365);
        int64_t ca_end = 0, leaf_end = 1;
        Error err = { 0 };

        (void)state;
        assert_true(x509_expiry(ca.cert, &ca_end, &err));
        assert_true(x509_expiry(leaf.cert, &leaf_end, &err));
        assert_int_equal(leaf_end, ca_end);
}

static void test_covers_asks_for_every_name(void **state) {
        static const char *const more[] = { "prod-pg-0.prod-pg", "prod-pg-9.elsewhere", NULL };
        static const char *const wildcard[] = { "*.prod-pg.db.svc", "10.0.0.1", NULL };
        static const char *const by_wildcard[] = { "prod-pg-7.prod-pg.db.svc", "::1", NULL };
        static const char *const other_wildcard[] = { "*.prod-pg", NULL };
        CLEANUP(cleanup_pair) Pair ca = new_ca(3650);
        CLEANUP(cleanup_pair) Pair leaf = new_leaf(&ca, 365);
        bool covers = false;
        Error err = { 0 };

        (void)state;
        assert_true(x509_covers(leaf.cert, ca.cert, names, &covers, &err));
        assert_true(covers);
        assert_true(x509_covers(leaf.cert, ca.cert, by_wildcard, &covers, &err));
        assert_true(covers);
        assert_true(x509_covers(leaf.cert, ca.cert, more, &covers, &err));
        assert_false(covers);
        assert_true(x509_covers(leaf.cert, ca.cert, wildcard, &covers, &err));
        assert_false(covers);
        assert_true(x509_covers(leaf.cert, ca.cert, other_wildcard, &covers, &err));
        assert_false(covers);
}

static void test_what_cannot_work_is_invalid(void **state) {
        static const char *const injected[] = { "a,DNS:evil", NULL };
        static const char *const empty[] = { "", NULL };
        CLEANUP(cleanup_pair) Pair ca = new_ca(10);
        CLEANUP(cleanup_pair) Pair other = new_ca(10);
        Pair made = { 0 };
        int64_t end;
        bool covers;
        Error err = { 0 };

        (void)state;
        assert_false(x509_new_leaf(ca.cert, other.key, "x", names, 1, &made.cert, &made.key, &err));
        assert_int_equal(err.code, ERROR_INVALID);
        assert_false(x509_new_leaf("no PEM", ca.key, "x", names, 1, &made.cert, &made.key, &err));
        assert_false(x509_new_leaf(ca.cert, "no PEM", "x", names, 1, &made.cert, &made.key, &err));
        assert_false(x509_new_leaf(ca.cert, ca.key, "x", injected, 1, &made.cert, &made.key, &err));
        assert_false(x509_new_leaf(ca.cert, ca.key, "x", empty, 1, &made.cert, &made.key, &err));
        assert_false(x509_new_ca("x", 0, &made.cert, &made.key, &err));
        assert_false(x509_new_ca("x", 40000, &made.cert, &made.key, &err));
        assert_false(x509_expiry("no PEM", &end, &err));
        assert_false(x509_covers("no PEM", ca.cert, names, &covers, &err));
        assert_null(made.cert);
        assert_null(made.key);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_leaf_is_good_for_servers_and_clients_under_its_names_only),
                cmocka_unit_test(test_another_authority_does_not_verify_it),
                cmocka_unit_test(test_keys_are_p256_and_differ),
                cmocka_unit_test(test_validity_begins_an_hour_ago_and_ends_after_the_days),
                cmocka_unit_test(test_a_leaf_does_not_outlive_its_authority),
                cmocka_unit_test(test_covers_asks_for_every_name),
                cmocka_unit_test(test_what_cannot_work_is_invalid),
        };

        return cmocka_run_group_tests_name("x509", tests, NULL, NULL);
}

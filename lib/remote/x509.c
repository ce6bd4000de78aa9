/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates by OpenSSL 3.
 * Law: every certificate carries what strict verifiers ask for: basic constraints, key usage, key identifiers, names in
 * subjectAltName, a random serial number. */
#include "lib/remote/x509.h"

#include <arpa/inet.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "lib/base/alloc.h"
#include "lib/base/clock.h"
#include "lib/base/text.h"

enum { MAXIMUM_DAYS = 36500, SERIAL_BYTES = 16, HOUR_SECONDS = 3600, DAY_SECONDS = 86400 };

static void cleanup_x509(X509 **cert) {
        X509_free(*cert);
}

static void cleanup_key(EVP_PKEY **key) {
        EVP_PKEY_free(*key);
}

static void cleanup_bio(BIO **bio) {
        BIO_free_all(*bio);
}

/* OpenSSL's own words for the last failure. */
static bool refused(ErrorCode code, const char *what, Error *err) {
        char reason[160];

        ERR_error_string_n(ERR_peek_last_error(), reason, sizeof(reason));
        ERR_clear_error();
        return error_set(err, code, "%s: %s", what, reason);
}

static bool read_cert(const char *pem, X509 **ret_cert, Error *err) {
        CLEANUP(cleanup_bio) BIO *bio = BIO_new_mem_buf(pem, -1);
        X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

        if (!cert)
                return refused(ERROR_INVALID, "reading a certificate", err);
        *ret_cert = cert;
        return true;
}

/* An encrypted key is refused rather than asked for on the terminal. */
static int no_password(char *buffer, int size, int writing, void *context) {
        (void)buffer;
        (void)size;
        (void)writing;
        (void)context;
        return -1;
}

static bool read_key(const char *pem, EVP_PKEY **ret_key, Error *err) {
        CLEANUP(cleanup_bio) BIO *bio = BIO_new_mem_buf(pem, -1);
        EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;

        if (!key)
                return refused(ERROR_INVALID, "reading a private key", err);
        *ret_key = key;
        return true;
}

static char *bio_string(BIO *bio) {
        char *bytes = NULL;
        long size = BIO_get_mem_data(bio, &bytes);

        return alloc_bytes(bytes, (size_t)size);
}

static bool write_pems(X509 *cert, EVP_PKEY *key, char **ret_cert_pem, char **ret_key_pem, Error *err) {
        CLEANUP(cleanup_bio) BIO *cert_bio = BIO_new(BIO_s_mem());
        CLEANUP(cleanup_bio) BIO *key_bio = BIO_new(BIO_s_secmem());

        if (!cert_bio || !key_bio || !PEM_write_bio_X509(cert_bio, cert) ||
                !PEM_write_bio_PKCS8PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL))
                return refused(ERROR_BUG, "writing a certificate", err);
        *ret_cert_pem = bio_string(cert_bio);
        *ret_key_pem = bio_string(key_bio);
        return true;
}

static bool set_serial(X509 *cert) {
        unsigned char bytes[SERIAL_BYTES];
        BIGNUM *number;
        bool ok;

        if (RAND_bytes(bytes, sizeof(bytes)) != 1)
                return false;
        bytes[0] = (unsigned char)((bytes[0] & 0x7f) | 0x40); /* positive, and always of the same length */
        number = BN_bin2bn(bytes, sizeof(bytes), NULL);
        ok = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));
        BN_free(number);
        return ok;
}

static bool set_validity(X509 *cert, const X509 *issuer, int days) {
        if (!X509_gmtime_adj(X509_getm_notBefore(cert), -HOUR_SECONDS) ||
                !X509_gmtime_adj(X509_getm_notAfter(cert), (long)days * DAY_SECONDS))
                return false;
        if (!issuer || ASN1_TIME_compare(X509_get0_notAfter(cert), X509_get0_notAfter(issuer)) <= 0)
                return true;
        return X509_set1_notAfter(cert, X509_get0_notAfter(issuer)) == 1;
}

static bool add_extension(X509 *cert, X509 *issuer, int kind, const char *value) {
        X509V3_CTX context;
        X509_EXTENSION *extension;
        bool ok;

        X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
        extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
        ok = extension && X509_add_ext(cert, extension, -1) == 1;
        X509_EXTENSION_free(extension);
        return ok;
}

static bool is_address(const char *name) {
        unsigned char bytes[16];

        return inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1;
}

/* A name goes into OpenSSL's comma-separated value language, so it may hold nothing that the language knows. */
static bool is_plain_name(const char *name) {
        return *name &&
               strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_*:") == strlen(name);
}

static bool add_names(X509 *cert, X509 *issuer, const char *const *names) {
        Text value = { 0 };
        bool ok;

        for (; *names; names++)
                text_printf(&value, "%s%s:%s", value.size ? "," : "", is_address(*names) ? "IP" : "DNS", *names);
        ok = value.size == 0 || add_extension(cert, issuer, NID_subject_alt_name, text_string(&value));
        text_done(&value);
        return ok;
}

typedef struct Request {
        const char *common_name;
        const char *const *names; /* NULL: a CA */
        int days;
        X509 *issuer; /* NULL: self-signed */
        EVP_PKEY *issuer_key;
} Request;

static bool fill(X509 *cert, EVP_PKEY *key, const Request *request) {
        X509 *issuer = request->issuer ? request->issuer : cert;
        X509_NAME *subject = X509_get_subject_name(cert);
        bool ca = !request->names;

        return X509_set_version(cert, X509_VERSION_3) && set_serial(cert) && X509_set_pubkey(cert, key) &&
               X509_NAME_add_entry_by_txt(
                       subject, "CN", MBSTRING_UTF8, (const unsigned char *)request->common_name, -1, -1, 0) &&
               X509_set_issuer_name(cert, X509_get_subject_name(issuer)) &&
               add_extension(
                       cert, issuer, NID_basic_constraints, ca ? "critical,CA:TRUE,pathlen:0" : "critical,CA:FALSE") &&
               add_extension(cert, issuer, NID_key_usage,
                       ca ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature") &&
               add_extension(cert, issuer, NID_subject_key_identifier, "hash") &&
               (ca || (add_extension(cert, issuer, NID_authority_key_identifier, "keyid:always") &&
                              add_extension(cert, issuer, NID_ext_key_usage, "serverAuth,clientAuth") &&
                              add_names(cert, issuer, request->names)));
}

static bool make(const Request *request, char **ret_cert_pem, char **ret_key_pem, Error *err) {
        CLEANUP(cleanup_x509) X509 *cert = X509_new();
        CLEANUP(cleanup_key) EVP_PKEY *key = EVP_EC_gen("P-256");
        bool ok;

        if (request->days < 1 || request->days > MAXIMUM_DAYS)
                return error_set(err, ERROR_INVALID, "a certificate for %d days", request->days);
        ok = cert && key && set_validity(cert, request->issuer, request->days) && fill(cert, key, request) &&
             X509_sign(cert, request->issuer_key ? request->issuer_key : key, EVP_sha256());
        if (!ok)
                return refused(ERROR_INVALID, "making a certificate", err);
        return write_pems(cert, key, ret_cert_pem, ret_key_pem, err);
}

bool x509_new_ca(const char *common_name, int days, char **ret_cert_pem, char **ret_key_pem, Error *err) {
        Request request = { .common_name = common_name, .days = days };

        return make(&request, ret_cert_pem, ret_key_pem, err);
}

bool x509_new_leaf(const char *ca_cert_pem, const char *ca_key_pem, const char *common_name,
        const char *const *dns_names, int days, char **ret_cert_pem, char **ret_key_pem, Error *err) {
        CLEANUP(cleanup_x509) X509 *issuer = NULL;
        CLEANUP(cleanup_key) EVP_PKEY *issuer_key = NULL;
        Request request = { .common_name = common_name, .names = dns_names, .days = days };

        for (size_t i = 0; dns_names[i]; i++)
                if (!is_plain_name(dns_names[i]))
                        return error_set(err, ERROR_INVALID, "\"%s\" is no name for a certificate", dns_names[i]);
        if (!read_cert(ca_cert_pem, &issuer, err) || !read_key(ca_key_pem, &issuer_key, err))
                return false;
        if (X509_check_private_key(issuer, issuer_key) != 1) {
                ERR_clear_error();
                return error_set(err, ERROR_INVALID, "the key is not that of the certificate authority");
        }
        request.issuer = issuer;
        request.issuer_key = issuer_key;
        return make(&request, ret_cert_pem, ret_key_pem, err);
}

bool x509_expiry(const char *cert_pem, int64_t *ret_wall_us, Error *err) {
        CLEANUP(cleanup_x509) X509 *cert = NULL;
        struct tm end;

        if (!read_cert(cert_pem, &cert, err))
                return false;
        if (ASN1_TIME_to_tm(X509_get0_notAfter(cert), &end) != 1)
                return refused(ERROR_INVALID, "reading the end of a certificate", err);
        *ret_wall_us = (int64_t)timegm(&end) * 1000000;
        return true;
}

static bool covers_name(X509 *cert, const char *name) {
        if (is_address(name))
                return X509_check_ip_asc(cert, name, 0) == 1;
        /* A wildcard that is asked for must stand in the certificate as such: no host that it covers stands for it. */
        if (strncmp(name, "*.", 2) == 0) {
                GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
                bool found = false;

                for (int i = 0; i < sk_GENERAL_NAME_num(names) && !found; i++) {
                        const GENERAL_NAME *at = sk_GENERAL_NAME_value(names, i);

                        found = at->type == GEN_DNS && (size_t)ASN1_STRING_length(at->d.dNSName) == strlen(name) &&
                                memcmp(ASN1_STRING_get0_data(at->d.dNSName), name, strlen(name)) == 0;
                }
                GENERAL_NAMES_free(names);
                return found;
        }
        return X509_check_host(cert, name, 0, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;
}

bool x509_covers(
        const char *cert_pem, const char *ca_cert_pem, const char *const *dns_names, bool *ret_covers, Error *err) {
        CLEANUP(cleanup_x509) X509 *cert = NULL;
        CLEANUP(cleanup_x509) X509 *issuer = NULL;
        bool covers;

        if (!read_cert(cert_pem, &cert, err) || !read_cert(ca_cert_pem, &issuer, err))
                return false;
        covers = X509_verify(cert, X509_get0_pubkey(issuer)) == 1;
        for (; covers && *dns_names; dns_names++)
                covers = covers_name(cert, *dns_names);
        ERR_clear_error();
        *ret_covers = covers;
        return true;
}

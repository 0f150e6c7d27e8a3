#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/rand.h>

#include "accs.h"
#include "wipe_support.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { MANY = 1000, BOTH = 2 * MANY, TEXT_SIZE = ACCS_PKCE_LEN + 1 };

static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Where the core's random numbers come from: nowhere, or the octets of an RFC, or libcrypto. */
static bool no_random;
static const unsigned char *given;

int RAND_bytes(unsigned char *buf, int num)
{
    if (no_random)
        return 0;
    if (given == NULL)
        return RAND_priv_bytes(buf, num);
    memcpy(buf, given, (size_t)num);
    return 1;
}

/* RFC 7636, appendix B. */
static const unsigned char OCTETS[] = {116, 24,  223, 180, 151, 153, 224, 37,  79,  250, 96,
                                       125, 216, 173, 187, 186, 22,  212, 37,  77,  105, 214,
                                       191, 240, 91,  88,  5,   88,  83,  132, 141, 121};
static const char VERIFIER[] = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
static const char CHALLENGE[] = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

static void keeps_to_the_vector(void **state)
{
    char verifier[TEXT_SIZE];
    char challenge[TEXT_SIZE];

    (void)state;
    assert_int_equal(accs_pkce_challenge(VERIFIER, challenge), ACCS_OK);
    assert_string_equal(challenge, CHALLENGE);
    given = OCTETS;
    assert_int_equal(accs_pkce_new(verifier, challenge), ACCS_OK);
    assert_string_equal(verifier, VERIFIER);
    assert_string_equal(challenge, CHALLENGE);
    assert_int_equal(accs_state_new(verifier), ACCS_OK);
    assert_string_equal(verifier, VERIFIER);
    given = NULL;
}

static void takes_verifiers_of_the_rfc_alone(void **state)
{
    static const char UNRESERVED[] = "-._~";
    char text[131];
    char challenge[TEXT_SIZE] = "untouched";

    (void)state;
    for (size_t len = 0; len <= 130; len++) {
        accs_error error;

        memset(text, 'a', len);
        text[len] = '\0';
        error = accs_pkce_challenge(text, challenge);
        assert_int_equal(error, len >= 43 && len <= 128 ? ACCS_OK : ACCS_ERROR_PARSE);
        if (len < 43)
            assert_string_equal(challenge, "untouched");
    }
    for (int c = 1; c < 256; c++) {
        bool good = strchr(ALPHABET, c) != NULL || strchr(UNRESERVED, c) != NULL;

        memset(text, 'a', 50);
        text[50] = '\0';
        text[c % 50] = (char)c;
        assert_int_equal(accs_pkce_challenge(text, challenge), good ? ACCS_OK : ACCS_ERROR_PARSE);
    }
}

static int compare(const void *left, const void *right)
{
    return memcmp(left, right, TEXT_SIZE);
}

/* Each another; and 6 bits of each character but the last, which has 4, are random. */
static void makes_another_each_time(void **state)
{
    char(*made)[TEXT_SIZE] = calloc(BOTH, TEXT_SIZE);
    unsigned seen[ACCS_PKCE_LEN][64] = {{0}};

    (void)state;
    assert_non_null(made);
    for (size_t i = 0; i < MANY; i++) {
        char challenge[TEXT_SIZE];
        char again[TEXT_SIZE];

        assert_int_equal(accs_pkce_new(made[i], challenge), ACCS_OK);
        assert_int_equal(accs_pkce_challenge(made[i], again), ACCS_OK);
        assert_string_equal(challenge, again);
        assert_int_equal(accs_state_new(made[MANY + i]), ACCS_OK);
    }
    for (size_t i = 0; i < BOTH; i++) {
        assert_int_equal(strlen(made[i]), ACCS_PKCE_LEN);
        for (size_t at = 0; at < ACCS_PKCE_LEN; at++) {
            assert_non_null(strchr(ALPHABET, made[i][at]));
            seen[at][strchr(ALPHABET, made[i][at]) - ALPHABET]++;
        }
    }
    /* 2,000 throws of a die of 64 sides miss one about once in 10^12 tries. */
    for (size_t at = 0; at < ACCS_PKCE_LEN; at++) {
        int sides = 0;

        for (size_t side = 0; side < 64; side++)
            sides += seen[at][side] > 0;
        assert_int_equal(sides, at + 1 < ACCS_PKCE_LEN ? 64 : 16);
    }
    qsort(made, BOTH, TEXT_SIZE, compare);
    for (size_t i = 1; i < BOTH; i++)
        assert_string_not_equal(made[i - 1], made[i]);
    free(made);
}

static void makes_nothing_without_random_numbers(void **state)
{
    char verifier[TEXT_SIZE] = "untouched";
    char challenge[TEXT_SIZE] = "untouched";

    (void)state;
    no_random = true;
    assert_int_equal(accs_pkce_new(verifier, challenge), ACCS_ERROR_IO);
    assert_int_equal(accs_state_new(verifier), ACCS_ERROR_IO);
    no_random = false;
    assert_string_equal(verifier, "untouched");
    assert_string_equal(challenge, "untouched");
}

static void wipes_its_copies(void **state)
{
    char verifier[TEXT_SIZE];
    char challenge[TEXT_SIZE];
    char octets[sizeof OCTETS + 1] = ""; /* there is no NUL among them */

    (void)state;
    memcpy(octets, OCTETS, sizeof OCTETS);
    given = OCTETS;
    watch_wiping(VERIFIER);
    assert_int_equal(accs_pkce_new(verifier, challenge), ACCS_OK);
    assert_int_equal(wiped_count, 1); /* the encoder's has another alphabet */
    watch_wiping(octets);
    assert_int_equal(accs_state_new(verifier), ACCS_OK);
    assert_true(wiped_count >= 1);
    watch_wiping(NULL);
    given = NULL;
}

static accs_text text_of(const char *text)
{
    return (accs_text){.bytes = text, .len = text == NULL ? 0 : strlen(text)};
}

static void compares(void **state)
{
    static const struct {
        const char *left;
        const char *right;
        bool equal;
    } CASES[] = {
        {"abc", "abc", true}, {"abc", "abd", false}, {"abc", "xbc", false}, {"abc", "ab", false},
        {"ab", "abc", false}, {"", "", true},        {NULL, "", true},      {"", "a", false},
        {NULL, NULL, true},   {NULL, "a", false},    {"abc", "ABC", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(CASES); i++)
        assert_int_equal(accs_text_equal(text_of(CASES[i].left), text_of(CASES[i].right)),
                         CASES[i].equal);
    /* not up to a NUL only */
    assert_false(accs_text_equal((accs_text){.bytes = "a\0b", .len = 3},
                                 (accs_text){.bytes = "a\0c", .len = 3}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_to_the_vector),
        cmocka_unit_test(takes_verifiers_of_the_rfc_alone),
        cmocka_unit_test(makes_another_each_time),
        cmocka_unit_test(makes_nothing_without_random_numbers),
        cmocka_unit_test(wipes_its_copies),
        cmocka_unit_test(compares),
    };

    return cmocka_run_group_tests_name("pkce", tests, NULL, NULL);
}

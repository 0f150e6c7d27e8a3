#include "json_text.h"

int accs_json_utf8(const char *bytes, size_t bytes_len)
{
    unsigned char lead = (unsigned char)bytes[0];
    unsigned char low = 0x80; /* the second byte's range; the lead narrows it */
    unsigned char high = 0xbf;
    size_t len;

    if (lead < 0x80)
        return 1;
    if (lead < 0xc2 || lead > 0xf4) /* continuation, overlong, above U+10FFFF */
        return -1;
    len = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (lead == 0xe0)
        low = 0xa0; /* less is overlong */
    else if (lead == 0xed)
        high = 0x9f; /* more is a surrogate */
    else if (lead == 0xf0)
        low = 0x90; /* less is overlong */
    else if (lead == 0xf4)
        high = 0x8f; /* more is above U+10FFFF */
    for (size_t i = 1; i < len; i++) {
        unsigned char byte;

        if (i == bytes_len)
            return 0;
        byte = (unsigned char)bytes[i];
        if (byte < low || byte > high)
            return -1;
        low = 0x80;
        high = 0xbf;
    }
    return (int)len;
}

/* The value of a hexadecimal digit, or -1. */
static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

/* Reads "\uXXXX": 1 and *unit, 0 when the bytes stop inside, -1 when it is not that. */
static int read_unit(const char *bytes, size_t bytes_len, uint32_t *unit)
{
    uint32_t value = 0;

    if (bytes_len > 0 && bytes[0] != '\\')
        return -1;
    if (bytes_len > 1 && bytes[1] != 'u')
        return -1;
    for (size_t i = 2; i < 6; i++) {
        int digit;

        if (i >= bytes_len)
            return 0;
        digit = hex_value(bytes[i]);
        if (digit < 0)
            return -1;
        value = value << 4 | (uint32_t)digit;
    }
    *unit = value;
    return 1;
}

/* Writes a code point, which is no surrogate, as UTF-8; returns its bytes. */
static size_t put_code_point(uint32_t code, char out[4])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

/* The \uXXXX escape, or pair of them, at bytes: as accs_json_escape(). */
static int decode_units(const char *bytes, size_t bytes_len, char out[4], size_t *out_len)
{
    uint32_t high;
    uint32_t low;
    int known = read_unit(bytes, bytes_len, &high);

    if (known <= 0)
        return known;
    if (high < 0xd800 || high > 0xdfff) {
        *out_len = put_code_point(high, out);
        return 6;
    }
    if (high > 0xdbff)
        return -1;
    known = read_unit(bytes + 6, bytes_len - 6, &low);
    if (known <= 0)
        return known;
    if (low < 0xdc00 || low > 0xdfff)
        return -1;
    *out_len = put_code_point(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00), out);
    return 12;
}

int accs_json_escape(const char *bytes, size_t bytes_len, char out[4], size_t *out_len)
{
    static const char names[] = "\"\\/bfnrt";
    static const char values[] = "\"\\/\b\f\n\r\t";
    const char *name;

    if (bytes_len < 2)
        return 0;
    if (bytes[1] == 'u')
        return decode_units(bytes, bytes_len, out, out_len);
    name = memchr(names, bytes[1], sizeof names - 1);
    if (name == NULL)
        return -1;
    out[0] = values[name - names];
    *out_len = 1;
    return 2;
}

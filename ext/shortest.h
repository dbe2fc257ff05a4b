/* shortest.h: doubles as text, byte for byte Python's repr(float).
 *
 * The digits are the shortest that read back as the same double, and of those the closest to it.
 * They come from the Schubfach algorithm (R. Giulietti 2020, "The Schubfach way to render
 * doubles"): multiply the double and its two neighbours' midpoints by a power of ten that brings
 * them to 16 or 17 integer digits, rounding to odd so that every comparison still comes out as
 * with exact numbers, then look for the shortest integer between the midpoints.
 *
 * It is here because std::to_chars would make the extension C++, and bring a run-time library
 * with a minimum version to every platform.
 *
 * The powers of ten are not written out: fill_powers in numbers.pxi works them out from their
 * definition with Python's integers when the module is loaded.
 */
#ifndef ECOSIM_SHORTEST_H
#define ECOSIM_SHORTEST_H

#include <stdint.h>
#include <string.h>

#ifdef _MSC_VER
#include <intrin.h>
#endif

#define POWER_MIN (-292)
#define POWER_MAX 324

/* Longest text: sign, 17 digits, point, e, sign and three digits of exponent. */
#define SHORTEST_MAX 24

/* ceil(10**k * 2**-(floor(log2(10**k)) - 127)): 128 bits, the top one set. */
typedef struct {
    uint64_t high, low;
} Power;

static Power POWERS[POWER_MAX - POWER_MIN + 1];

static const char DIGIT_PAIRS[201] =
    "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
    "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
    "8081828384858687888990919293949596979899";

static inline uint64_t multiply_high(uint64_t a, uint64_t b, uint64_t *low)
{
#if defined(__SIZEOF_INT128__)
    unsigned __int128 product = (unsigned __int128)a * b;
    *low = (uint64_t)product;
    return (uint64_t)(product >> 64);
#elif defined(_M_X64)
    uint64_t high;
    *low = _umul128(a, b, &high);
    return high;
#elif defined(_M_ARM64)
    *low = a * b;
    return __umulh(a, b);
#else
    uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
    uint64_t p00 = a0 * b0, p01 = a0 * b1, p10 = a1 * b0, p11 = a1 * b1;
    uint64_t middle = (p00 >> 32) + (uint32_t)p01 + (uint32_t)p10;
    *low = (middle << 32) | (uint32_t)p00;
    return p11 + (p01 >> 32) + (p10 >> 32) + (middle >> 32);
#endif
}

/* The integer part of power * c / 2**128, its last bit set if anything was cut off. */
static inline uint64_t round_to_odd(Power power, uint64_t c)
{
    uint64_t ignored, low;
    uint64_t carry = multiply_high(power.low, c, &ignored);
    uint64_t high = multiply_high(power.high, c, &low);
    low += carry;
    high += low < carry;
    return high | (low > 1);
}

/* floor(e / 2**s), also for negative e. */
static inline int32_t floor_shift(int32_t e, int s)
{
    return e >= 0 ? e >> s : -((-e + (1 << s) - 1) >> s);
}

/* Give a finite, positive double as digits * 10**exponent; digits may end in zeros. */
static inline uint64_t shortest_digits(uint64_t bits, int32_t *exponent)
{
    uint64_t fraction = bits & ((UINT64_C(1) << 52) - 1);
    int32_t biased = (int32_t)(bits >> 52);
    uint64_t c = biased ? fraction | (UINT64_C(1) << 52) : fraction;
    int32_t q = (biased ? biased : 1) - 1075;

    if (q <= 0 && q > -53 && (c & ((UINT64_C(1) << -q) - 1)) == 0) {
        *exponent = 0; /* an integer below 2**53 */
        return c >> -q;
    }
    int closer_below = fraction == 0 && biased > 1; /* the gap below a power of two is half */
    /* floor(log10(2**q)), or of 3/4 of it */
    int32_t k = floor_shift(q * 1262611 - (closer_below ? 524031 : 0), 22);
    int32_t h = q + floor_shift(-k * 1741647, 19) + 1;
    Power power = POWERS[-k - POWER_MIN];
    uint64_t lower = round_to_odd(power, (4 * c - 2 + (uint64_t)closer_below) << h);
    uint64_t value = round_to_odd(power, (4 * c) << h);
    uint64_t upper = round_to_odd(power, (4 * c + 2) << h);
    if (c & 1) { /* the midpoints themselves read back as this double only if it is even */
        lower += 1;
        upper -= 1;
    }
    uint64_t s = value / 4;
    if (s >= 10) {
        uint64_t tens = s / 10;
        int below = lower <= 40 * tens, above = 40 * tens + 40 <= upper;
        if (below != above) {
            *exponent = k + 1;
            return tens + (uint64_t)above;
        }
    }
    *exponent = k;
    int below = lower <= 4 * s, above = 4 * s + 4 <= upper;
    if (below != above)
        return s + (uint64_t)above;
    uint64_t middle = 4 * s + 2;
    return s + (value > middle || (value == middle && (s & 1)));
}

/* Write n, below 10**8, as eight digits. The four pairs do not wait for each other. */
static inline void eight_digits(char *out, uint32_t n)
{
    uint32_t high = n / 10000, low = n % 10000;
    memcpy(out, DIGIT_PAIRS + 2 * (high / 100), 2);
    memcpy(out + 2, DIGIT_PAIRS + 2 * (high % 100), 2);
    memcpy(out + 4, DIGIT_PAIRS + 2 * (low / 100), 2);
    memcpy(out + 6, DIGIT_PAIRS + 2 * (low % 100), 2);
}

/* Write n as decimal digits that end just before `end`, and return where they start. */
static inline char *digits_before(char *end, uint64_t n)
{
    while (n >= 100000000) {
        uint64_t rest = n / 100000000;
        end -= 8;
        eight_digits(end, (uint32_t)(n - rest * 100000000));
        n = rest;
    }
    while (n >= 100) {
        uint64_t rest = n / 100;
        end -= 2;
        memcpy(end, DIGIT_PAIRS + 2 * (n - 100 * rest), 2);
        n = rest;
    }
    if (n >= 10) {
        end -= 2;
        memcpy(end, DIGIT_PAIRS + 2 * n, 2);
    } else {
        *--end = (char)('0' + n);
    }
    return end;
}

/* Write repr(value) of a finite double to `out` (SHORTEST_MAX bytes), and return its end. */
static inline char *write_double(char *out, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (bits >> 63) {
        *out++ = '-';
        bits &= ~(UINT64_C(1) << 63);
    }
    if (bits == 0) {
        memcpy(out, "0.0", 3);
        return out + 3;
    }
    int32_t exponent;
    char buffer[20], *end = buffer + sizeof buffer;
    char *digits = digits_before(end, shortest_digits(bits, &exponent));
    /* The value is 0.DIGITS * 10**point. */
    int32_t point = (int32_t)(end - digits) + exponent;
    while (end[-1] == '0')
        end--;
    int32_t count = (int32_t)(end - digits);

    if (point > 16 || point < -3) {
        *out++ = digits[0];
        if (count > 1) {
            *out++ = '.';
            memcpy(out, digits + 1, (size_t)count - 1);
            out += count - 1;
        }
        int32_t power = point - 1;
        *out++ = 'e';
        *out++ = power < 0 ? '-' : '+';
        power = power < 0 ? -power : power;
        if (power < 10)
            *out++ = '0';
        /* Three digits at most, in the room that digits_before may take. */
        char small[20], *start = digits_before(small + sizeof small, (uint64_t)power);
        size_t length = (size_t)(small + sizeof small - start);
        memcpy(out, start, length);
        return out + length;
    }
    if (point <= 0) {
        memcpy(out, "0.000", 5);
        out += 2 - point;
        memcpy(out, digits, (size_t)count);
        return out + count;
    }
    if (point >= count) {
        memcpy(out, digits, (size_t)count);
        memset(out + count, '0', (size_t)(point - count));
        memcpy(out + point, ".0", 2);
        return out + point + 2;
    }
    memcpy(out, digits, (size_t)point);
    out[point] = '.';
    memcpy(out + point + 1, digits + point, (size_t)(count - point));
    return out + count + 1;
}

#endif

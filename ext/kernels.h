/* kernels.h: mean, variance and extremes of doubles, the same bits on every machine.
 *
 * The numbers are defined by server/ecosim/telemetry_statistics.py; this header does the same
 * operations in the same order.
 *
 *   - Element i is added to lane i % 8, and the eight lanes are folded in one fixed order. A body
 *     for wider registers therefore only does the same additions at once: "portable", "sse2" and
 *     "avx2" give equal bits. Each vector is exactly as wide as its instruction set; wider ones
 *     are split by the compiler into code that is many times slower.
 *   - Few values take two passes: the first gives sum and extremes, the second the deviations from
 *     the rounded mean and their squares. Many take one, about the mean of some of them, unless
 *     that turns out to be too far off.
 *   - The fast passes take finite values for granted. Where a folded sum turns out not to be
 *     finite, the values are read again with care: the finite ones alone, and if their sums
 *     overflow, on a scale of 2**-600.
 *
 * Nothing here may be contracted into fused multiply-adds: build with -ffp-contract=off (gcc,
 * clang) or /fp:precise (MSVC), never with a fast-math option. selftest.h refuses such a build.
 *
 * Nothing here keeps or frees memory of its caller.
 */
#ifndef ECOSIM_KERNELS_H
#define ECOSIM_KERNELS_H

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#if defined(__x86_64__) || defined(_M_X64)
#define ECOSIM_X86 1
#include <immintrin.h>
#ifdef _MSC_VER
#include <intrin.h>
#define ECOSIM_AVX2
#else
#define ECOSIM_AVX2 __attribute__((target("avx2")))
#endif
#endif

#define LANES 8

/* From MANY values on, the mean of every STRIDE-th is tried as the centre. */
#define MANY 4096
#define STRIDE 509

/* How far ahead of a pass a layer is fetched, in bytes. After a tick of the engine a layer
 * is in the outer caches, and the processor's own fetching stops at each page: 2 KiB ahead takes a
 * ninth off the time there, and costs nothing where the layer is near. */
#define PREFETCH 2048

/* Exact power of two that brings the largest double to where its square is finite. */
#define SCALE 0x1p-600

/* One way to run the passes. `first` gives the lanes of the sum, and the extremes; `second` the
 * lanes of the deviations from `centre` and of their squares; `only` what both give but the sum.
 * n is 1 or more. */
typedef struct {
    const char *name;
    void (*first)(const double *x, int64_t n, double sum[LANES], double *least, double *greatest);
    void (*second)(const double *x, int64_t n, double centre, double error[LANES],
                   double squares[LANES]);
    void (*only)(const double *x, int64_t n, double centre, double error[LANES],
                 double squares[LANES], double *least, double *greatest);
} Kernel;

/* Moments and extremes of `n` finite values; `nonfinite` others were left out. With n = 0 only
 * the counts mean anything. `variance` is infinite where it is too large for a double. */
typedef struct {
    int64_t n, nonfinite;
    double mean, variance, deviation, least, greatest;
} Moments;

/* ---- bodies ------------------------------------------------------------------------------- */

static void first_tail(const double *x, int64_t from, int64_t n, double sum[LANES], double *least,
                       double *greatest)
{
    for (int64_t i = from; i < n; i++) {
        sum[i % LANES] += x[i];
        *least = x[i] < *least ? x[i] : *least;
        *greatest = x[i] > *greatest ? x[i] : *greatest;
    }
}

static void second_tail(const double *x, int64_t from, int64_t n, double centre,
                        double error[LANES], double squares[LANES])
{
    for (int64_t i = from; i < n; i++) {
        double deviation = x[i] - centre;
        error[i % LANES] += deviation;
        squares[i % LANES] += deviation * deviation;
    }
}

static void only_tail(const double *x, int64_t from, int64_t n, double centre,
                      double error[LANES], double squares[LANES], double *least,
                      double *greatest)
{
    second_tail(x, from, n, centre, error, squares);
    for (int64_t i = from; i < n; i++) {
        *least = x[i] < *least ? x[i] : *least;
        *greatest = x[i] > *greatest ? x[i] : *greatest;
    }
}

static void first_portable(const double *x, int64_t n, double sum[LANES], double *least,
                           double *greatest)
{
    for (int j = 0; j < LANES; j++)
        sum[j] = 0.0;
    *least = *greatest = x[0];
    first_tail(x, 0, n, sum, least, greatest);
}

static void second_portable(const double *x, int64_t n, double centre, double error[LANES],
                            double squares[LANES])
{
    for (int j = 0; j < LANES; j++)
        error[j] = squares[j] = 0.0;
    second_tail(x, 0, n, centre, error, squares);
}

static void only_portable(const double *x, int64_t n, double centre, double error[LANES],
                          double squares[LANES], double *least, double *greatest)
{
    for (int j = 0; j < LANES; j++)
        error[j] = squares[j] = 0.0;
    *least = *greatest = x[0];
    only_tail(x, 0, n, centre, error, squares, least, greatest);
}

static const Kernel KERNEL_PORTABLE = {"portable", first_portable, second_portable,
                                       only_portable};

#ifdef ECOSIM_X86

static void first_sse2(const double *x, int64_t n, double sum[LANES], double *least,
                       double *greatest)
{
    __m128d s0 = _mm_setzero_pd(), s1 = s0, s2 = s0, s3 = s0;
    __m128d lo0 = _mm_set1_pd(x[0]), lo1 = lo0, hi0 = lo0, hi1 = lo0;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        __m128d a = _mm_loadu_pd(x + i), b = _mm_loadu_pd(x + i + 2);
        __m128d c = _mm_loadu_pd(x + i + 4), d = _mm_loadu_pd(x + i + 6);
        s0 = _mm_add_pd(s0, a), s1 = _mm_add_pd(s1, b);
        s2 = _mm_add_pd(s2, c), s3 = _mm_add_pd(s3, d);
        lo0 = _mm_min_pd(lo0, _mm_min_pd(a, c)), lo1 = _mm_min_pd(lo1, _mm_min_pd(b, d));
        hi0 = _mm_max_pd(hi0, _mm_max_pd(a, c)), hi1 = _mm_max_pd(hi1, _mm_max_pd(b, d));
    }
    _mm_storeu_pd(sum, s0), _mm_storeu_pd(sum + 2, s1);
    _mm_storeu_pd(sum + 4, s2), _mm_storeu_pd(sum + 6, s3);
    lo0 = _mm_min_pd(lo0, lo1), hi0 = _mm_max_pd(hi0, hi1);
    *least = _mm_cvtsd_f64(_mm_min_sd(lo0, _mm_unpackhi_pd(lo0, lo0)));
    *greatest = _mm_cvtsd_f64(_mm_max_sd(hi0, _mm_unpackhi_pd(hi0, hi0)));
    first_tail(x, i, n, sum, least, greatest);
}

static void second_sse2(const double *x, int64_t n, double centre, double error[LANES],
                        double squares[LANES])
{
    __m128d m = _mm_set1_pd(centre);
    __m128d e0 = _mm_setzero_pd(), e1 = e0, e2 = e0, e3 = e0, q0 = e0, q1 = e0, q2 = e0, q3 = e0;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        __m128d a = _mm_sub_pd(_mm_loadu_pd(x + i), m), b = _mm_sub_pd(_mm_loadu_pd(x + i + 2), m);
        __m128d c = _mm_sub_pd(_mm_loadu_pd(x + i + 4), m);
        __m128d d = _mm_sub_pd(_mm_loadu_pd(x + i + 6), m);
        e0 = _mm_add_pd(e0, a), q0 = _mm_add_pd(q0, _mm_mul_pd(a, a));
        e1 = _mm_add_pd(e1, b), q1 = _mm_add_pd(q1, _mm_mul_pd(b, b));
        e2 = _mm_add_pd(e2, c), q2 = _mm_add_pd(q2, _mm_mul_pd(c, c));
        e3 = _mm_add_pd(e3, d), q3 = _mm_add_pd(q3, _mm_mul_pd(d, d));
    }
    _mm_storeu_pd(error, e0), _mm_storeu_pd(error + 2, e1);
    _mm_storeu_pd(error + 4, e2), _mm_storeu_pd(error + 6, e3);
    _mm_storeu_pd(squares, q0), _mm_storeu_pd(squares + 2, q1);
    _mm_storeu_pd(squares + 4, q2), _mm_storeu_pd(squares + 6, q3);
    second_tail(x, i, n, centre, error, squares);
}

ECOSIM_AVX2 static void first_avx2(const double *x, int64_t n, double sum[LANES], double *least,
                                   double *greatest)
{
    __m256d s0 = _mm256_setzero_pd(), s1 = s0;
    __m256d lo0 = _mm256_set1_pd(x[0]), lo1 = lo0, hi0 = lo0, hi1 = lo0;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        _mm_prefetch((const char *)((uintptr_t)(x + i) + PREFETCH), _MM_HINT_T0);
        __m256d a = _mm256_loadu_pd(x + i), b = _mm256_loadu_pd(x + i + 4);
        s0 = _mm256_add_pd(s0, a), s1 = _mm256_add_pd(s1, b);
        lo0 = _mm256_min_pd(lo0, a), lo1 = _mm256_min_pd(lo1, b);
        hi0 = _mm256_max_pd(hi0, a), hi1 = _mm256_max_pd(hi1, b);
    }
    _mm256_storeu_pd(sum, s0), _mm256_storeu_pd(sum + 4, s1);
    lo0 = _mm256_min_pd(lo0, lo1), hi0 = _mm256_max_pd(hi0, hi1);
    __m128d lo = _mm_min_pd(_mm256_castpd256_pd128(lo0), _mm256_extractf128_pd(lo0, 1));
    __m128d hi = _mm_max_pd(_mm256_castpd256_pd128(hi0), _mm256_extractf128_pd(hi0, 1));
    *least = _mm_cvtsd_f64(_mm_min_sd(lo, _mm_unpackhi_pd(lo, lo)));
    *greatest = _mm_cvtsd_f64(_mm_max_sd(hi, _mm_unpackhi_pd(hi, hi)));
    first_tail(x, i, n, sum, least, greatest);
}

ECOSIM_AVX2 static void second_avx2(const double *x, int64_t n, double centre,
                                    double error[LANES], double squares[LANES])
{
    __m256d m = _mm256_set1_pd(centre);
    __m256d e0 = _mm256_setzero_pd(), e1 = e0, q0 = e0, q1 = e0;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        __m256d a = _mm256_sub_pd(_mm256_loadu_pd(x + i), m);
        __m256d b = _mm256_sub_pd(_mm256_loadu_pd(x + i + 4), m);
        e0 = _mm256_add_pd(e0, a), q0 = _mm256_add_pd(q0, _mm256_mul_pd(a, a));
        e1 = _mm256_add_pd(e1, b), q1 = _mm256_add_pd(q1, _mm256_mul_pd(b, b));
    }
    _mm256_storeu_pd(error, e0), _mm256_storeu_pd(error + 4, e1);
    _mm256_storeu_pd(squares, q0), _mm256_storeu_pd(squares + 4, q1);
    second_tail(x, i, n, centre, error, squares);
}

static void only_sse2(const double *x, int64_t n, double centre, double error[LANES],
                      double squares[LANES], double *least, double *greatest)
{
    __m128d m = _mm_set1_pd(centre), lo0 = _mm_set1_pd(x[0]), lo1 = lo0, hi0 = lo0, hi1 = lo0;
    __m128d e0 = _mm_setzero_pd(), e1 = e0, e2 = e0, e3 = e0, q0 = e0, q1 = e0, q2 = e0, q3 = e0;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        __m128d a = _mm_loadu_pd(x + i), b = _mm_loadu_pd(x + i + 2);
        __m128d c = _mm_loadu_pd(x + i + 4), d = _mm_loadu_pd(x + i + 6);
        lo0 = _mm_min_pd(lo0, _mm_min_pd(a, c)), lo1 = _mm_min_pd(lo1, _mm_min_pd(b, d));
        hi0 = _mm_max_pd(hi0, _mm_max_pd(a, c)), hi1 = _mm_max_pd(hi1, _mm_max_pd(b, d));
        a = _mm_sub_pd(a, m), b = _mm_sub_pd(b, m), c = _mm_sub_pd(c, m), d = _mm_sub_pd(d, m);
        e0 = _mm_add_pd(e0, a), q0 = _mm_add_pd(q0, _mm_mul_pd(a, a));
        e1 = _mm_add_pd(e1, b), q1 = _mm_add_pd(q1, _mm_mul_pd(b, b));
        e2 = _mm_add_pd(e2, c), q2 = _mm_add_pd(q2, _mm_mul_pd(c, c));
        e3 = _mm_add_pd(e3, d), q3 = _mm_add_pd(q3, _mm_mul_pd(d, d));
    }
    _mm_storeu_pd(error, e0), _mm_storeu_pd(error + 2, e1);
    _mm_storeu_pd(error + 4, e2), _mm_storeu_pd(error + 6, e3);
    _mm_storeu_pd(squares, q0), _mm_storeu_pd(squares + 2, q1);
    _mm_storeu_pd(squares + 4, q2), _mm_storeu_pd(squares + 6, q3);
    lo0 = _mm_min_pd(lo0, lo1), hi0 = _mm_max_pd(hi0, hi1);
    *least = _mm_cvtsd_f64(_mm_min_sd(lo0, _mm_unpackhi_pd(lo0, lo0)));
    *greatest = _mm_cvtsd_f64(_mm_max_sd(hi0, _mm_unpackhi_pd(hi0, hi0)));
    only_tail(x, i, n, centre, error, squares, least, greatest);
}

ECOSIM_AVX2 static void only_avx2(const double *x, int64_t n, double centre, double error[LANES],
                                  double squares[LANES], double *least, double *greatest)
{
    __m256d m = _mm256_set1_pd(centre);
    __m256d lo0 = _mm256_set1_pd(x[0]), lo1 = lo0, hi0 = lo0, hi1 = lo0;
    __m256d e0 = _mm256_setzero_pd(), e1 = e0, q0 = e0, q1 = e0;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        _mm_prefetch((const char *)((uintptr_t)(x + i) + PREFETCH), _MM_HINT_T0);
        __m256d a = _mm256_loadu_pd(x + i), b = _mm256_loadu_pd(x + i + 4);
        lo0 = _mm256_min_pd(lo0, a), lo1 = _mm256_min_pd(lo1, b);
        hi0 = _mm256_max_pd(hi0, a), hi1 = _mm256_max_pd(hi1, b);
        a = _mm256_sub_pd(a, m), b = _mm256_sub_pd(b, m);
        e0 = _mm256_add_pd(e0, a), q0 = _mm256_add_pd(q0, _mm256_mul_pd(a, a));
        e1 = _mm256_add_pd(e1, b), q1 = _mm256_add_pd(q1, _mm256_mul_pd(b, b));
    }
    _mm256_storeu_pd(error, e0), _mm256_storeu_pd(error + 4, e1);
    _mm256_storeu_pd(squares, q0), _mm256_storeu_pd(squares + 4, q1);
    lo0 = _mm256_min_pd(lo0, lo1), hi0 = _mm256_max_pd(hi0, hi1);
    __m128d lo = _mm_min_pd(_mm256_castpd256_pd128(lo0), _mm256_extractf128_pd(lo0, 1));
    __m128d hi = _mm_max_pd(_mm256_castpd256_pd128(hi0), _mm256_extractf128_pd(hi0, 1));
    *least = _mm_cvtsd_f64(_mm_min_sd(lo, _mm_unpackhi_pd(lo, lo)));
    *greatest = _mm_cvtsd_f64(_mm_max_sd(hi, _mm_unpackhi_pd(hi, hi)));
    only_tail(x, i, n, centre, error, squares, least, greatest);
}

static const Kernel KERNEL_SSE2 = {"sse2", first_sse2, second_sse2, only_sse2};
static const Kernel KERNEL_AVX2 = {"avx2", first_avx2, second_avx2, only_avx2};

static int has_avx2(void)
{
#ifdef _MSC_VER
    int info[4];
    __cpuid(info, 0);
    if (info[0] < 7)
        return 0;
    __cpuidex(info, 1, 0);
    /* OSXSAVE, and the operating system saves the wide registers. */
    if (!(info[2] >> 27 & 1) || (_xgetbv(0) & 6) != 6)
        return 0;
    __cpuidex(info, 7, 0);
    return info[1] >> 5 & 1;
#else
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") != 0;
#endif
}

#endif /* ECOSIM_X86 */

/* Fill `found` with the kernels this processor runs, the best last, and return how many. */
static int find_kernels(const Kernel *found[3])
{
    int count = 0;
    found[count++] = &KERNEL_PORTABLE;
#ifdef ECOSIM_X86
    found[count++] = &KERNEL_SSE2;
    if (has_avx2())
        found[count++] = &KERNEL_AVX2;
#endif
    return count;
}

/* ---- moments ------------------------------------------------------------------------------ */

static double fold(const double lane[LANES])
{
    double half[4];
    for (int j = 0; j < 4; j++)
        half[j] = lane[j] + lane[j + 4];
    return (half[0] + half[2]) + (half[1] + half[3]);
}

/* Fill `out` with the moments of n >= 1 values from their deviations from a centre. Return 0 where
 * a sum is not finite, or the centre's distance from the mean makes up more than `most` of the
 * squares. The extremes are there already. */
static int around(double centre, const double errors[LANES], const double squared[LANES],
                  int64_t n, double most, Moments *out)
{
    double error = fold(errors), squares = fold(squared);
    if (!isfinite(squares) || !isfinite(error * error) || error * error / (double)n > most * squares)
        return 0;
    double variance = (squares - error * error / (double)n) / (double)n;
    out->n = n;
    out->nonfinite = 0;
    out->mean = centre + error / (double)n;
    out->variance = variance > 0.0 ? variance : 0.0;
    out->deviation = sqrt(out->variance);
    /* Adding 0.0 turns -0.0 into 0.0, so the order of comparison cannot show. */
    out->least += 0.0;
    out->greatest += 0.0;
    return 1;
}

/* Fill `out` with the moments of n >= 1 values. Return 0 where a sum is not finite. */
static int two_pass(const Kernel *kernel, const double *x, int64_t n, Moments *out)
{
    double sum[LANES], errors[LANES], squared[LANES];
    kernel->first(x, n, sum, &out->least, &out->greatest);
    double centre = fold(sum) / (double)n;
    if (!isfinite(centre))
        return 0;
    kernel->second(x, n, centre, errors, squared);
    return around(centre, errors, squared, n, INFINITY, out);
}

/* The same by one pass for n >= MANY values. Return 0 where that will not do. */
static int one_pass(const Kernel *kernel, const double *x, int64_t n, Moments *out)
{
    double errors[LANES] = {0}, squared[LANES];
    int64_t count = 0;
    for (int64_t i = 0; i < n; i += STRIDE)
        errors[count++ % LANES] += x[i];
    double centre = fold(errors) / (double)count;
    for (int j = 0; j < LANES; j++)
        errors[j] = 0.0;
    for (int64_t i = 0, k = 0; i < n; i += STRIDE)
        errors[k++ % LANES] += x[i] - centre;
    centre += fold(errors) / (double)count;
    if (!isfinite(centre))
        return 0;
    kernel->only(x, n, centre, errors, squared, &out->least, &out->greatest);
    return around(centre, errors, squared, n, 0.5, out);
}

/* Fill `out` with the moments of n >= 1 values. Return 0 where a sum is not finite. */
static int plain_moments(const Kernel *kernel, const double *x, int64_t n, Moments *out)
{
    return (n >= MANY && one_pass(kernel, x, n, out)) || two_pass(kernel, x, n, out);
}

/* The moments of n >= 1 finite values whose sum or squares overflow; x is overwritten. */
static void scaled(const Kernel *kernel, double *x, int64_t n, Moments *out)
{
    double least = x[0], greatest = x[0];
    for (int64_t i = 0; i < n; i++) {
        least = x[i] < least ? x[i] : least;
        greatest = x[i] > greatest ? x[i] : greatest;
        x[i] *= SCALE;
    }
    two_pass(kernel, x, n, out);
    double mean = out->mean / SCALE;
    mean = least > mean ? least : mean;
    out->mean = greatest < mean ? greatest : mean;
    out->variance = out->variance / SCALE / SCALE;
    double deviation = out->deviation / SCALE;
    out->deviation = DBL_MAX < deviation ? DBL_MAX : deviation;
    out->least = least + 0.0;
    out->greatest = greatest + 0.0;
}

/* Fill `out` with the moments of n >= 0 values of any kind. Return -1 if memory ran out. */
static int moments(const Kernel *kernel, const double *x, int64_t n, Moments *out)
{
    out->n = out->nonfinite = 0;
    if (n == 0 || plain_moments(kernel, x, n, out))
        return 0;
    double *finite = (double *)malloc((size_t)n * sizeof(double));
    if (finite == NULL)
        return -1;
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++)
        if (isfinite(x[i]))
            finite[count++] = x[i];
    out->n = 0;
    if (count > 0 && !plain_moments(kernel, finite, count, out))
        scaled(kernel, finite, count, out);
    out->nonfinite = n - count;
    free(finite);
    return 0;
}

#endif

/* kernels.h: sums and extremes of doubles, the same bits on every machine.
 *
 * The numbers are defined by server/ecosim/telemetry_statistics.py (values in one row: entities)
 * and server/ecosim/telemetry_layers.py (voxel layers); these headers do the same operations in
 * the same order. Here are the loops over values in one row, in layer_kernels.h those over the
 * depths of a layer; moments.h and slabs.h make numbers of what they sum up.
 *
 *   - Values are added in eight lanes, and the lanes are folded in one fixed order. A body for
 *     wider registers therefore only does the same additions at once: "portable", "sse2" and
 *     "avx2" give equal bits. Each vector is exactly as wide as its instruction set; wider ones
 *     are split by the compiler into code that is many times slower.
 *   - The loops take finite values for granted. What they give where a value is not finite, or a
 *     sum overflows, is only sure not to be finite itself (extremes apart).
 *
 * Nothing here may be contracted into fused multiply-adds: build with -ffp-contract=off (gcc,
 * clang) or /fp:precise (MSVC), never with a fast-math option. selftest.h refuses such a build.
 *
 * Nothing here keeps or frees memory of its caller.
 */
#ifndef ECOSIM_KERNELS_H
#define ECOSIM_KERNELS_H

#include <math.h>
#include <stdint.h>

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

/* What is known of the cells of one depth of a layer: sums of their deviations from a centre and
 * of the squares, and the extremes. */
typedef struct {
    double centre, error, squares, least, greatest;
} Slab;

/* The same while it is summed up: the cell at z is in lane z % 8 of the sums and in one of the
 * extremes. */
typedef struct {
    double error[LANES], squares[LANES], least[4], greatest[4];
} SlabLanes;

/* Cells along x, y and z; y is the depth. Each is 1 or more. */
typedef struct {
    int64_t nx, ny, nz;
} Grid;

/* One way to run the loops. n is 1 or more.
 *
 * first   lanes of the sum, element i in lane i % 8, and the extremes
 * second  lanes of the deviations from `centre` and of their squares
 * depths  lanes of the depths from `start` up to `stop` of a layer, about the centres that stand
 *         in the slabs; both arrays have an entry for each depth of the layer */
typedef struct {
    const char *name;
    void (*first)(const double *x, int64_t n, double sum[LANES], double *least, double *greatest);
    void (*second)(const double *x, int64_t n, double centre, double error[LANES],
                   double squares[LANES]);
    void (*depths)(const double *cells, Grid grid, int64_t start, int64_t stop, const Slab *slabs,
                   SlabLanes *lanes);
} Kernel;

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

#endif /* ECOSIM_X86 */

#endif

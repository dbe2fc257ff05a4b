/* moments.h: the kernels of this machine, and mean, variance and extremes of values in one row.
 *
 * Two passes: the first gives sum and extremes, the second the deviations from the rounded mean
 * and their squares. Where a folded sum turns out not to be finite, the values are read again with
 * care: the finite ones alone, and if their sums overflow, on a scale of 2**-600.
 */
#ifndef ECOSIM_MOMENTS_H
#define ECOSIM_MOMENTS_H

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "kernels.h"
#include "layer_kernels.h"

/* Exact power of two that brings the largest double to where its square is finite. */
#define SCALE 0x1p-600

/* Moments and extremes of `n` finite values; `nonfinite` others were left out. With n = 0 only
 * the counts mean anything. `variance` is infinite where it is too large for a double. */
typedef struct {
    int64_t n, nonfinite;
    double mean, variance, deviation, least, greatest;
} Moments;

static const Kernel KERNEL_PORTABLE = {"portable", first_portable, second_portable,
                                       depths_portable};

#ifdef ECOSIM_X86

static const Kernel KERNEL_SSE2 = {"sse2", first_sse2, second_sse2, depths_sse2};
static const Kernel KERNEL_AVX2 = {"avx2", first_avx2, second_avx2, depths_avx2};

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

static double fold(const double lane[LANES])
{
    double half[4];
    for (int j = 0; j < 4; j++)
        half[j] = lane[j] + lane[j + 4];
    return (half[0] + half[2]) + (half[1] + half[3]);
}

/* Fill `out` with the moments of n >= 1 values from the sums of their deviations from a centre and
 * of the squares. Return 0 where a sum is not finite. The extremes are there already. */
static int around(double centre, double error, double squares, int64_t n, Moments *out)
{
    if (!isfinite(squares) || !isfinite(error * error))
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
    return around(centre, fold(errors), fold(squared), n, out);
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
    if (n == 0 || two_pass(kernel, x, n, out))
        return 0;
    double *finite = (double *)malloc((size_t)n * sizeof(double));
    if (finite == NULL)
        return -1;
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++)
        if (isfinite(x[i]))
            finite[count++] = x[i];
    out->n = 0;
    if (count > 0 && !two_pass(kernel, finite, count, out))
        scaled(kernel, finite, count, out);
    out->nonfinite = n - count;
    free(finite);
    return 0;
}

#endif

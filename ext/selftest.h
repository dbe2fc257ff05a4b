/* selftest.h: refuse a build or a process whose floating point is not what the numbers need.
 *
 * self_test returns NULL, or what is wrong in words. It catches four things:
 *   - fused multiply-adds (a build without -ffp-contract=off);
 *   - fast-math and its parts, for which no number is NaN and sums may be regrouped;
 *   - denormals flushed to zero, which a library built with fast-math can switch on for the whole
 *     process by being loaded;
 *   - a kernel whose bits differ from the portable one.
 */
#ifndef ECOSIM_SELFTEST_H
#define ECOSIM_SELFTEST_H

#include <string.h>

#include "slabs.h"

static const char *self_test(const Kernel *const *kernels, int count)
{
    /* Volatile, so that nothing of this is worked out by the compiler. */
    volatile double tiny = DBL_MIN, half = 0.5;
    volatile double flushed = tiny * half;
    if (flushed == 0.0)
        return "this process flushes denormal numbers to zero (a library built with fast-math "
               "options switches that on when it is loaded)";
    volatile double a = 1.0 + DBL_EPSILON, minus = -(1.0 + 2.0 * DBL_EPSILON);
    double x = a, y = minus;
    if (x * x + y != 0.0)
        return "it was compiled with fused multiply-adds: build it with -ffp-contract=off";
    volatile double zero = 0.0, one = 1.0, large = 1e16;
    double nan = zero / zero, small = one, added = large;
    if (isfinite(nan) || nan == nan || small + added - added != 0.0)
        return "it was compiled with -ffast-math or one of its parts: build it without";

    double values[2 * LANES + 3];
    int64_t n = (int64_t)(sizeof values / sizeof values[0]);
    for (int64_t i = 0; i < n; i++)
        values[i] = 1e8 + 1e-3 * (double)((i * 7) % 19) + (i % 5 == 0 ? 1e-9 : 0.0);
    Moments expected, found;
    memset(&expected, 0, sizeof expected);
    two_pass(&KERNEL_PORTABLE, values, n, &expected);
    static const char differ[] =
        "its kernels disagree: it was compiled with options that change the arithmetic";
    for (int k = 0; k < count; k++) {
        memset(&found, 0, sizeof found);
        two_pass(kernels[k], values, n, &found);
        if (memcmp(&expected, &found, sizeof found) != 0)
            return differ;
    }

    /* A layer of one row to each of two places along x and two depths: whole vectors and a tail. */
    double cells[4 * sizeof values / sizeof values[0]];
    Grid grid = {2, 2, n};
    Slab slabs[2];
    SlabLanes lanes[2];
    for (int64_t i = 0; i < 4 * n; i++)
        cells[i] = values[i % n] + (double)(i / n);
    for (int k = 0; k < count; k++) {
        memset(&found, 0, sizeof found);
        if (!read_slabs(kernels[k], cells, grid, 0, 2, slabs, lanes) ||
            !layer_moments(slabs, grid, &found))
            return differ;
        if (k == 0)
            expected = found;
        if (memcmp(&expected, &found, sizeof found) != 0)
            return differ;
    }
    return NULL;
}

#endif

/* layer_kernels.h: the loops over the depths of a layer, see kernels.h.
 *
 * A layer lies [x, y, z] in C order, y being the depth, and is read as it lies: for each x the
 * rows of the depths asked for. Each depth has sums of its own, which wait in memory (a few KiB,
 * in the nearest cache) while the other rows are read. They are loaded and stored once a row, and
 * in return no addition waits for that of the row before.
 */
#ifndef ECOSIM_LAYER_KERNELS_H
#define ECOSIM_LAYER_KERNELS_H

#include "kernels.h"

/* Start the sums of the depths from `start` up to `stop`. */
static void start_lanes(SlabLanes *lanes, int64_t start, int64_t stop)
{
    for (int64_t y = start; y < stop; y++) {
        for (int j = 0; j < LANES; j++)
            lanes[y].error[j] = lanes[y].squares[j] = 0.0;
        for (int j = 0; j < 4; j++)
            lanes[y].least[j] = INFINITY, lanes[y].greatest[j] = -INFINITY;
    }
}

static inline void row_tail(const double *row, int64_t from, int64_t nz, double centre,
                            SlabLanes *lanes)
{
    for (int64_t z = from; z < nz; z++) {
        double deviation = row[z] - centre;
        lanes->error[z % LANES] += deviation;
        lanes->squares[z % LANES] += deviation * deviation;
        lanes->least[z % 4] = row[z] < lanes->least[z % 4] ? row[z] : lanes->least[z % 4];
        lanes->greatest[z % 4] = row[z] > lanes->greatest[z % 4] ? row[z] : lanes->greatest[z % 4];
    }
}

static void depths_portable(const double *cells, Grid grid, int64_t start, int64_t stop,
                            const Slab *slabs, SlabLanes *lanes)
{
    start_lanes(lanes, start, stop);
    for (int64_t x = 0; x < grid.nx; x++) {
        const double *row = cells + (x * grid.ny + start) * grid.nz;
        for (int64_t y = start; y < stop; y++, row += grid.nz)
            row_tail(row, 0, grid.nz, slabs[y].centre, lanes + y);
    }
}

#ifdef ECOSIM_X86

/* How far ahead cells are fetched at most, and how far where the same row of the next x is further
 * on: bytes. After a tick of the engine a layer is in the outer caches, and the processor's own
 * fetching stops at each page and knows nothing of the depths that are left out. */
#define FETCH_MOST 32768
#define FETCH_NEAR 8192

/* Return how many bytes ahead of a row to fetch. */
static inline int64_t fetch_ahead(Grid grid, int64_t start, int64_t stop)
{
    int64_t read = (stop - start) * grid.nz * (int64_t)sizeof(double);
    return read <= FETCH_MOST ? grid.ny * grid.nz * (int64_t)sizeof(double) : FETCH_NEAR;
}

/* Fetch what lies so many bytes ahead of a cell: past the end of a layer that does nothing. */
static inline void fetch(const double *cell, int64_t ahead)
{
    _mm_prefetch((const char *)((uintptr_t)cell + (uintptr_t)ahead), _MM_HINT_T0);
}

static inline void row_sse2(const double *row, int64_t nz, int64_t ahead, double centre,
                            SlabLanes *lanes)
{
    double *e = lanes->error, *q = lanes->squares;
    __m128d m = _mm_set1_pd(centre);
    __m128d e0 = _mm_loadu_pd(e), e1 = _mm_loadu_pd(e + 2);
    __m128d e2 = _mm_loadu_pd(e + 4), e3 = _mm_loadu_pd(e + 6);
    __m128d q0 = _mm_loadu_pd(q), q1 = _mm_loadu_pd(q + 2);
    __m128d q2 = _mm_loadu_pd(q + 4), q3 = _mm_loadu_pd(q + 6);
    __m128d lo0 = _mm_loadu_pd(lanes->least), lo1 = _mm_loadu_pd(lanes->least + 2);
    __m128d hi0 = _mm_loadu_pd(lanes->greatest), hi1 = _mm_loadu_pd(lanes->greatest + 2);
    int64_t z = 0;
    for (; z + LANES <= nz; z += LANES) {
        fetch(row + z, ahead);
        __m128d a = _mm_loadu_pd(row + z), b = _mm_loadu_pd(row + z + 2);
        __m128d c = _mm_loadu_pd(row + z + 4), d = _mm_loadu_pd(row + z + 6);
        lo0 = _mm_min_pd(lo0, _mm_min_pd(a, c)), lo1 = _mm_min_pd(lo1, _mm_min_pd(b, d));
        hi0 = _mm_max_pd(hi0, _mm_max_pd(a, c)), hi1 = _mm_max_pd(hi1, _mm_max_pd(b, d));
        a = _mm_sub_pd(a, m), b = _mm_sub_pd(b, m), c = _mm_sub_pd(c, m), d = _mm_sub_pd(d, m);
        e0 = _mm_add_pd(e0, a), q0 = _mm_add_pd(q0, _mm_mul_pd(a, a));
        e1 = _mm_add_pd(e1, b), q1 = _mm_add_pd(q1, _mm_mul_pd(b, b));
        e2 = _mm_add_pd(e2, c), q2 = _mm_add_pd(q2, _mm_mul_pd(c, c));
        e3 = _mm_add_pd(e3, d), q3 = _mm_add_pd(q3, _mm_mul_pd(d, d));
    }
    _mm_storeu_pd(e, e0), _mm_storeu_pd(e + 2, e1);
    _mm_storeu_pd(e + 4, e2), _mm_storeu_pd(e + 6, e3);
    _mm_storeu_pd(q, q0), _mm_storeu_pd(q + 2, q1);
    _mm_storeu_pd(q + 4, q2), _mm_storeu_pd(q + 6, q3);
    _mm_storeu_pd(lanes->least, lo0), _mm_storeu_pd(lanes->least + 2, lo1);
    _mm_storeu_pd(lanes->greatest, hi0), _mm_storeu_pd(lanes->greatest + 2, hi1);
    row_tail(row, z, nz, centre, lanes);
}

static void depths_sse2(const double *cells, Grid grid, int64_t start, int64_t stop,
                        const Slab *slabs, SlabLanes *lanes)
{
    int64_t ahead = fetch_ahead(grid, start, stop);
    start_lanes(lanes, start, stop);
    for (int64_t x = 0; x < grid.nx; x++) {
        const double *row = cells + (x * grid.ny + start) * grid.nz;
        for (int64_t y = start; y < stop; y++, row += grid.nz)
            row_sse2(row, grid.nz, ahead, slabs[y].centre, lanes + y);
    }
}

ECOSIM_AVX2 static inline void row_avx2(const double *row, int64_t nz, int64_t ahead,
                                        double centre, SlabLanes *lanes)
{
    double *e = lanes->error, *q = lanes->squares;
    __m256d m = _mm256_set1_pd(centre);
    __m256d e0 = _mm256_loadu_pd(e), e1 = _mm256_loadu_pd(e + 4);
    __m256d q0 = _mm256_loadu_pd(q), q1 = _mm256_loadu_pd(q + 4);
    __m256d lo = _mm256_loadu_pd(lanes->least), hi = _mm256_loadu_pd(lanes->greatest);
    int64_t z = 0;
    for (; z + LANES <= nz; z += LANES) {
        fetch(row + z, ahead);
        __m256d a = _mm256_loadu_pd(row + z), b = _mm256_loadu_pd(row + z + 4);
        lo = _mm256_min_pd(lo, _mm256_min_pd(a, b));
        hi = _mm256_max_pd(hi, _mm256_max_pd(a, b));
        a = _mm256_sub_pd(a, m), b = _mm256_sub_pd(b, m);
        e0 = _mm256_add_pd(e0, a), q0 = _mm256_add_pd(q0, _mm256_mul_pd(a, a));
        e1 = _mm256_add_pd(e1, b), q1 = _mm256_add_pd(q1, _mm256_mul_pd(b, b));
    }
    _mm256_storeu_pd(e, e0), _mm256_storeu_pd(e + 4, e1);
    _mm256_storeu_pd(q, q0), _mm256_storeu_pd(q + 4, q1);
    _mm256_storeu_pd(lanes->least, lo), _mm256_storeu_pd(lanes->greatest, hi);
    row_tail(row, z, nz, centre, lanes);
}

ECOSIM_AVX2 static void depths_avx2(const double *cells, Grid grid, int64_t start, int64_t stop,
                                    const Slab *slabs, SlabLanes *lanes)
{
    int64_t ahead = fetch_ahead(grid, start, stop);
    start_lanes(lanes, start, stop);
    for (int64_t x = 0; x < grid.nx; x++) {
        const double *row = cells + (x * grid.ny + start) * grid.nz;
        for (int64_t y = start; y < stop; y++, row += grid.nz)
            row_avx2(row, grid.nz, ahead, slabs[y].centre, lanes + y);
    }
}

#endif /* ECOSIM_X86 */

#endif

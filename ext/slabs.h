/* slabs.h: the numbers of a layer, put together from its depths.
 *
 * server/ecosim/telemetry_layers.py defines them and says why no digits are lost. read_slabs and
 * layer_moments return 0 where a sum is not finite; the cells are then read with care, by moments.
 * An infinity or a NaN among the cells always shows in the sums of its slab.
 */
#ifndef ECOSIM_SLABS_H
#define ECOSIM_SLABS_H

#include "moments.h"

/* Take the sums of one depth out of its lanes. */
static int close_slab(const SlabLanes *lanes, Slab *slab)
{
    slab->error = fold(lanes->error);
    slab->squares = fold(lanes->squares);
    double least = lanes->least[0], greatest = lanes->greatest[0];
    for (int j = 1; j < 4; j++) {
        least = lanes->least[j] < least ? lanes->least[j] : least;
        greatest = lanes->greatest[j] > greatest ? lanes->greatest[j] : greatest;
    }
    slab->least = least;
    slab->greatest = greatest;
    return isfinite(slab->squares) && isfinite(slab->error * slab->error);
}

/* Where along x and z the four cells stand whose mean is the centre of a slab, in eighths. */
static const int CENTRE_X[4] = {1, 3, 5, 7}, CENTRE_Z[4] = {3, 7, 1, 5};

/* Read the depths from `start` up to `stop` of a layer. `slabs` and `lanes` have an entry for each
 * depth of the layer; what stands in `lanes` is of no use afterwards. */
static int read_slabs(const Kernel *kernel, const double *cells, Grid grid, int64_t start,
                      int64_t stop, Slab *slabs, SlabLanes *lanes)
{
    double n = (double)(grid.nx * grid.nz);
    for (int64_t y = start; y < stop; y++) {
        double some[4];
        for (int k = 0; k < 4; k++) {
            int64_t x = CENTRE_X[k] * grid.nx / 8, z = CENTRE_Z[k] * grid.nz / 8;
            some[k] = cells[(x * grid.ny + y) * grid.nz + z];
        }
        slabs[y].centre = ((some[0] + some[1]) + (some[2] + some[3])) * 0.25;
    }
    kernel->depths(cells, grid, start, stop, slabs, lanes);
    for (int64_t y = start; y < stop; y++) {
        Slab *slab = slabs + y;
        if (!close_slab(lanes + y, slab))
            return 0;
        if (slab->error * slab->error / n > 0.5 * slab->squares) {
            slab->centre += slab->error / n;
            kernel->depths(cells, grid, y, y + 1, slabs, lanes);
            if (!close_slab(lanes + y, slab))
                return 0;
        }
    }
    return 1;
}

/* Fill `out` with the moments of the whole layer. */
static int layer_moments(const Slab *slabs, Grid grid, Moments *out)
{
    double n = (double)(grid.nx * grid.nz), first = slabs[0].centre;
    double centre = 0.0, error = 0.0, squares = 0.0;
    for (int64_t y = 0; y < grid.ny; y++)
        centre += slabs[y].centre - first;
    centre = first + centre / (double)grid.ny;
    out->least = slabs[0].least;
    out->greatest = slabs[0].greatest;
    for (int64_t y = 0; y < grid.ny; y++) {
        const Slab *slab = slabs + y;
        double offset = slab->centre - centre;
        error += slab->error + n * offset;
        squares += (slab->squares + 2.0 * offset * slab->error) + n * offset * offset;
        out->least = slab->least < out->least ? slab->least : out->least;
        out->greatest = slab->greatest > out->greatest ? slab->greatest : out->greatest;
    }
    return around(centre, error, squares, grid.nx * grid.ny * grid.nz, out);
}

#endif

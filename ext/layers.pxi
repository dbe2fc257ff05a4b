# Voxel layers: dense ones where they lie, sparse ones through the host's walk.

@cython.final
cdef class Scratch:
    """Memory that every layer uses in turn."""

    cdef double *cells      # of a layer that does not lie as doubles
    cdef SlabLanes *lanes
    cdef int64_t cell_capacity, lane_capacity

    def __dealloc__(self):
        free(self.cells)
        free(self.lanes)


@cython.final
cdef class KnownLayer:
    """A layer that is read again and again, and what is known of each of its depths."""

    cdef Grid grid          # all 0 for a layer without dimensions
    cdef Slab *slabs        # one a depth
    cdef tuple bands        # what is known is of these versions; None: nothing is known
    cdef Moments moments    # of all depths, where anything is known

    def __dealloc__(self):
        free(self.slabs)

    cdef int place(self, object dimensions) except -1:
        """Make room for the depths of a grid; on one of other sides nothing is known."""
        cdef Grid grid
        memset(&grid, 0, sizeof(grid))
        if dimensions is not None:
            grid.nx, grid.ny, grid.nz = dimensions
        if grid.nx < 1 or grid.ny < 1 or grid.nz < 1:
            memset(&grid, 0, sizeof(grid))
        if memcmp(&grid, &self.grid, sizeof(grid)):
            self.bands = None
            free(self.slabs)
            self.slabs = <Slab *>malloc(max(grid.ny, 1) * sizeof(Slab))
            if self.slabs == NULL:
                memset(&self.grid, 0, sizeof(grid))
                raise MemoryError
            self.grid = grid
        return 0

    cdef int read(
        self, const double *cells, int64_t count, tuple bands, const Kernel *kernel,
        Scratch scratch, Moments *out,
    ) except -1:
        """Fill `out` with the moments, reading the depths that may have changed."""
        cdef tuple before = self.bands
        cdef int64_t start = 0, end = 0, i
        cdef bint good = self.grid.ny > 0, same = False
        self.bands = None
        if before is not None and before is bands:
            same = True
        elif good:
            done(
                array_reserve(
                    <void **>&scratch.lanes, &scratch.lane_capacity, self.grid.ny,
                    sizeof(SlabLanes),
                )
            )
            if before is None or bands is None or not same_borders(before, bands):
                good = read_slabs(
                    kernel, cells, self.grid, 0, self.grid.ny, self.slabs, scratch.lanes
                )
            else:
                same = True
                for i in range(len(bands)):
                    end = bands[i][0]
                    if good and bands[i][1] != before[i][1]:
                        same = False
                        good = read_slabs(
                            kernel, cells, self.grid, start, end, self.slabs, scratch.lanes
                        )
                    start = end
        if same or (good and layer_moments(self.slabs, self.grid, &self.moments)):
            self.bands = bands
            out[0] = self.moments
            return 0
        return done(moments(kernel, cells, count, out))


cdef bint same_borders(tuple before, tuple bands) except -1:
    cdef Py_ssize_t i
    if len(before) != len(bands):
        return False
    for i in range(len(bands)):
        if before[i][0] != bands[i][0]:
            return False
    return True


cdef tuple plain_bands(object bands, Grid grid, str layer):
    """Return the bands as pairs in a tuple; those that are so already are not made anew."""
    cdef int64_t last = 0, end
    cdef object band
    cdef bint plain = type(bands) is tuple
    if plain:
        for band in <tuple>bands:
            plain = (
                type(band) is tuple and len(<tuple>band) == 2
                and type((<tuple>band)[0]) is int and type((<tuple>band)[1]) is int
                and small_integer((<tuple>band)[0], &end) and last < end
            )
            if not plain:
                break
            last = end
    if plain and last == grid.ny > 0:
        return <tuple>bands
    return depth_bands(bands, grid.ny, f"voxel_versions[{layer!r}]")


@cython.final
cdef class Layers:
    """The layers of the next sample, in the order they were first read."""

    cdef Names names
    cdef const Kernel *kernel
    cdef Words words
    cdef int64_t count
    cdef dict known         # layer name to KnownLayer
    cdef Scratch scratch

    def __cinit__(self, Names names):
        self.names = names
        self.kernel = KERNELS[KERNEL_COUNT - 1]
        self.known = {}
        self.scratch = Scratch.__new__(Scratch)

    def __dealloc__(self):
        words_free(&self.words)

    cdef int read(self, str layer, object values, object dimensions, object bands) except -1:
        """Read a dense layer."""
        cdef KnownLayer known = self.known.pop(layer, None)
        cdef object cells = None if dimensions is None else prod(dimensions)
        cdef View view
        cdef Scratch scratch = self.scratch
        cdef const double *doubles
        cdef const float *floats
        cdef int64_t count = -1, i
        cdef Moments found
        if cells is not None and not (0 <= cells <= LARGEST_COUNT):
            # Never so many: it raises.
            layer_buffer(values, dimensions, f"{LAYER_PLACE}[{layer!r}]")
        if cells is not None:
            count = cells
        view = view_of(values, False, count, (LAYER_PLACE, layer), False, dimensions)
        if known is None:
            known = KnownLayer.__new__(KnownLayer)
        known.place(dimensions)
        if bands is not None and bands is not known.bands:
            bands = plain_bands(bands, known.grid, layer)
        doubles = view.doubles()
        floats = view.floats()
        if view.count and doubles == NULL:
            done(
                array_reserve(
                    <void **>&scratch.cells, &scratch.cell_capacity, view.count, sizeof(double)
                )
            )
            for i in range(view.count):
                scratch.cells[i] = floats[i]
            doubles = scratch.cells
        known.read(doubles, view.count, bands, self.kernel, scratch, &found)
        self._close(layer, &found)
        self.known[layer] = known
        return 0

    cdef int walk(self, str layer, object grid, object dimensions) except -1:
        """Read a sparse layer: cells the grid does not visit are 1."""
        cdef Visitor visitor = Visitor.__new__(Visitor)
        cdef KnownLayer known = self.known.pop(layer, None)
        cdef int64_t i
        cdef Moments found
        visitor.where = f"voxel_grid.walk_layer({layer!r})"
        visitor.nx, visitor.ny, visitor.nz = dimensions
        if not prod(dimensions) <= LARGEST_COUNT:
            raise MemoryError
        visitor.count = visitor.nx * visitor.ny * visitor.nz
        visitor.cells = <double *>malloc(max(visitor.count, 1) * sizeof(double))
        if visitor.cells == NULL:
            raise MemoryError
        for i in range(visitor.count):
            visitor.cells[i] = UNSTORED
        grid.walk_layer(layer, visitor)
        if known is None:
            known = KnownLayer.__new__(KnownLayer)
        known.place(dimensions)
        known.read(visitor.cells, visitor.count, None, self.kernel, self.scratch, &found)
        self._close(layer, &found)
        self.known[layer] = known
        return 0

    cdef int _close(self, str layer, const Moments *found) except -1:
        cdef int64_t place = self.names.find(<PyObject *>layer), i
        cdef Word *word = NULL
        for i in range(self.count):
            if self.words.data[7 * i].integer == place:
                word = self.words.data + 7 * i
        if word == NULL:
            word = words_add(&self.words, 7)
            if word == NULL:
                raise MemoryError
            self.count += 1
        word[0].integer = place
        word[1].integer = found.n
        word[2].integer = found.nonfinite
        word[3].number = found.mean if found.n else NAN
        word[4].number = found.least if found.n else NAN
        word[5].number = found.greatest if found.n else NAN
        word[6].number = found.variance if found.n else NAN
        return 0

    cdef int forget(self) noexcept:
        self.words.size = 0
        self.count = 0
        return 0


@cython.final
cdef class Visitor:
    """The callback of one walk; it keeps its own cells, should the host call it again later."""

    cdef double *cells
    cdef int64_t nx, ny, nz, count
    cdef str where

    def __dealloc__(self):
        free(self.cells)

    def __call__(self, x, y, z, value):
        cdef int64_t i, j, k
        if (
            type(x) is int and type(y) is int and type(z) is int
            and small_integer(x, &i) and small_integer(y, &j) and small_integer(z, &k)
            and i < self.nx and j < self.ny and k < self.nz
        ):
            if PyFloat_CheckExact(<PyObject *>value):
                self.cells[(i * self.ny + j) * self.nz + k] = PyFloat_AS_DOUBLE(<PyObject *>value)
            else:
                self.cells[(i * self.ny + j) * self.nz + k] = number(
                    value, f"{self.where} at ({x}, {y}, {z})"
                )
            return
        x, y, z = exact_integer(x), exact_integer(y), exact_integer(z)
        if not (0 <= x < self.nx and 0 <= y < self.ny and 0 <= z < self.nz):
            raise HostError(
                f"{self.where}: expected cells within [{self.nx}, {self.ny}, {self.nz}], "
                f"got ({x}, {y}, {z})"
            )
        cell = number(value, f"{self.where} at ({x}, {y}, {z})")
        place = (x * self.ny + y) * self.nz + z
        if not hasattr(place, "__index__"):
            [][place]  # a list says in Python's words what may be an index
        self.cells[<int64_t>place.__index__()] = cell

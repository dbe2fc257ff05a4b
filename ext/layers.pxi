# Voxel layers: dense ones where they lie, sparse ones through the host's walk.

@cython.final
cdef class Layers:
    """The layers of the next sample, in the order they were first read."""

    cdef Names names
    cdef const Kernel *kernel
    cdef Words words
    cdef int64_t count
    cdef double *cells      # of a layer that does not lie as doubles
    cdef int64_t capacity

    def __cinit__(self, Names names):
        self.names = names
        self.kernel = KERNELS[KERNEL_COUNT - 1]

    def __dealloc__(self):
        words_free(&self.words)
        free(self.cells)

    cdef int reserve(self, int64_t count) except -1:
        return done(
            array_reserve(<void **>&self.cells, &self.capacity, count, sizeof(double))
        )

    cdef int read(self, str layer, object values, int64_t count) except -1:
        """Read a dense layer of `count` cells (any number if negative)."""
        cdef View view = view_of(values, False, count, (LAYER_PLACE, layer))
        cdef const double *cells = view.doubles()
        cdef const float *floats = view.floats()
        cdef int64_t i
        if view.count and cells == NULL:
            self.reserve(view.count)
            for i in range(view.count):
                self.cells[i] = floats[i]
            cells = self.cells
        return self._close(layer, cells, view.count)

    cdef int walk(self, str layer, object grid, object dimensions) except -1:
        """Read a sparse layer: cells the grid does not visit are 1."""
        cdef Visitor visitor = Visitor.__new__(Visitor)
        cdef int64_t i
        visitor.where = f"voxel_grid.walk_layer({layer!r})"
        visitor.nx, visitor.ny, visitor.nz = dimensions
        visitor.count = visitor.nx * visitor.ny * visitor.nz
        visitor.cells = <double *>malloc(max(visitor.count, 1) * sizeof(double))
        if visitor.cells == NULL:
            raise MemoryError
        for i in range(visitor.count):
            visitor.cells[i] = UNSTORED
        grid.walk_layer(layer, visitor)
        return self._close(layer, visitor.cells, visitor.count)

    cdef int _close(self, str layer, const double *cells, int64_t count) except -1:
        cdef Moments found
        cdef int64_t place = self.names.find(<PyObject *>layer), i
        cdef Word *word = NULL
        done(moments(self.kernel, cells, count, &found))
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

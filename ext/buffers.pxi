# Arrays of a host, read where they lie.

@cython.final
cdef class View:
    """A buffer of numbers, held until the View goes: `count` of them, `step` items apart.

    Data as hosts hand it over (aligned, native, of the right length) is taken as it is; all else
    goes through the functions of telemetry_values, which gather it or say what is wrong. The step is
    1 unless it was said that any will do (the rows of a table, seen as columns, lie apart).
    """

    cdef Py_buffer buffer
    cdef bint held
    cdef char format
    cdef int64_t count, step

    def __dealloc__(self):
        self.release()

    cdef inline int release(self) noexcept:
        if self.held:
            PyBuffer_Release(&self.buffer)
        self.held = False
        return 0

    cdef bint _take(
        self, object value, bint codes, int64_t count, bint any_step=False
    ) except -1:
        """Hold the value's buffer if it is one of the plain ones."""
        cdef const char *format
        try:
            PyObject_GetBuffer(value, &self.buffer, PyBUF_STRIDES | PyBUF_FORMAT)
        except Exception:
            return False
        self.held = True
        format = self.buffer.format
        if format == NULL:
            return False
        if format[0] == b"@" or format[0] == b"=" or format[0] == NATIVE_ORDER:
            format += 1
        self.format = format[0]
        if format[0] == 0 or format[1] != 0 or self.buffer.itemsize <= 0:
            return False
        if not codes and self.format != b"d" and self.format != b"f":
            return False
        if codes:
            self.format = integer_format(self.format, self.buffer.itemsize)
            if self.format == 0:
                return False
        self.count = self.buffer.len // self.buffer.itemsize
        self.step = 1
        if any_step and self.buffer.ndim == 1 and self.buffer.strides != NULL:
            if self.buffer.strides[0] % self.buffer.itemsize:
                return False
            # One value for all rows (a step of 0, as of a broadcast array) is gathered.
            if self.buffer.strides[0] == 0 and self.count > 1:
                return False
            self.step = self.buffer.strides[0] // self.buffer.itemsize
        elif not PyBuffer_IsContiguous(&self.buffer, b"C"):
            return False
        return (
            self.count > 0
            and (count < 0 or self.count == count)
            and <size_t>self.buffer.buf % <size_t>self.buffer.itemsize == 0
        )

    cdef bint fits(self, object dimensions) except -1:
        """Whether a buffer of three axes has those of a grid."""
        cdef Py_ssize_t nx, ny, nz
        if self.buffer.ndim != 3:
            return True
        nx, ny, nz = dimensions
        return (
            self.buffer.shape[0] == nx and self.buffer.shape[1] == ny and self.buffer.shape[2] == nz
        )

    cdef inline const double *doubles(self):
        """Return the values if they are doubles, else NULL."""
        return <const double *>self.buffer.buf if self.format == b"d" else NULL

    cdef inline const float *floats(self):
        return <const float *>self.buffer.buf if self.format == b"f" else NULL

    cdef inline const char *from_item(self, int64_t item):
        """Return where an item of contiguous values is."""
        return <const char *>self.buffer.buf + item * self.buffer.itemsize


cdef View view_of(
    object value, bint codes, int64_t count, object where, bint any_step=False,
    object dimensions=None,
):
    """Return a View of `count` numbers (any number of them if negative).

    `where` is the place in the host, or a tuple of a text and the value whose repr stands in it.
    With `dimensions` the numbers are the cells of a grid.
    """
    cdef View view = View.__new__(View)
    if view._take(value, codes, count, any_step) and (dimensions is None or view.fits(dimensions)):
        return view
    if type(where) is tuple:
        where = f"{where[0]}[{where[1]!r}]"
    if dimensions is not None:
        flat = layer_buffer(value, dimensions, where)
    else:
        read = code_buffer if codes else float_buffer
        flat = read(value, None if count < 0 else count, where)
    view = View.__new__(View)
    if flat.nbytes and not view._take(flat, codes, count):
        # Not aligned: a copy is.
        view = View.__new__(View)
        view._take(memoryview(bytes(flat)).cast(flat.format), codes, count)
    return view

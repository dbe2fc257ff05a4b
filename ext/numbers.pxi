# Kernels and powers of ten: what the module sets up once, when it is loaded.

cdef const Kernel *KERNELS[3]
cdef int KERNEL_COUNT = find_kernels(KERNELS)


cdef int fill_powers() except -1:
    """Fill POWERS from its definition: ceil(10**k * 2**-e), e = floor(log2(10**k)) - 127."""
    cdef object one = 1, ten = 10, value, power, k, bits  # Python's integers, of any size
    for k in range(POWER_MIN, POWER_MAX + 1):
        power = ten ** abs(k)
        bits = power.bit_length()
        if k >= 0:
            value = power << (128 - bits) if bits <= 128 else -(-power >> (bits - 128))
        else:
            # 2**-bits < 10**k < 2**(1 - bits): no power of ten below 1 is a power of two.
            value = -(-(one << (bits + 127)) // power)
        POWERS[<int>k - POWER_MIN].high = value >> 64
        POWERS[<int>k - POWER_MIN].low = value & ((one << 64) - 1)
    return 0


cdef int refuse_bad_arithmetic() except -1:
    """Raise ImportError where the numbers would come out wrong."""
    cdef const char *fault = self_test(KERNELS, KERNEL_COUNT)
    if fault != NULL:
        raise ImportError(f"ecosim._telemetry_core is refused: {fault.decode()}")
    return 0


fill_powers()
refuse_bad_arithmetic()


cdef const Kernel *kernel_named(str name) except NULL:
    for place in range(KERNEL_COUNT):
        if KERNELS[place].name == name.encode():
            return KERNELS[place]
    raise ValueError(f"kernel: expected one of {', '.join(kernels())}, got {name!r}")


def kernels():
    """Return the names of the kernels this processor runs, the one in use last."""
    return [KERNELS[place].name.decode() for place in range(KERNEL_COUNT)]


def layer_statistics(values, dimensions=None, *, str kernel=None):
    """Return what :func:`ecosim.telemetry_layers.layer_statistics` does.

    Parameters
    ----------
    values : buffer of float64
    dimensions : tuple of int, optional
        Cells along x, y and z.
    kernel : str, optional
        One of :func:`kernels`; the last when left out.
    """
    cdef const double[::1] view = values
    cdef const Kernel *chosen = KERNELS[KERNEL_COUNT - 1] if kernel is None else kernel_named(kernel)
    cdef Moments found
    cdef int64_t n = view.shape[0]
    cdef KnownLayer layer = KnownLayer.__new__(KnownLayer)
    cdef Scratch scratch = Scratch.__new__(Scratch)
    layer.place(dimensions)
    layer.read(&view[0] if n else NULL, n, None, chosen, scratch, &found)
    if found.n == 0:
        return LayerStatistics(_Moments(0, found.nonfinite, None, None, None), None, None)
    return LayerStatistics(
        _Moments(
            found.n,
            found.nonfinite,
            found.mean,
            found.variance if isfinite(found.variance) else None,
            found.deviation,
        ),
        found.least,
        found.greatest,
    )


def number_text(double value):
    """Return the text of a number as lines have it: ``repr(value)``, or null."""
    cdef Text text
    memset(&text, 0, sizeof(text))
    try:
        done(put_number(&text, value))
        return text.data[:text.size].decode("ascii")
    finally:
        text_free(&text)

# The C side of the core, as Cython needs to know it. Each header says what its functions do.

from cpython.object cimport PyObject
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t


cdef extern from "Python.h":
    # With borrowed references as pointers, so that none is taken where it is not kept.
    PyObject *PyDict_GetItemWithError(object dict, object key) except? NULL
    bint PyDict_Next(object dict, Py_ssize_t *cursor, PyObject **key, PyObject **value)
    bint PyFloat_CheckExact(PyObject *value)
    double PyFloat_AS_DOUBLE(PyObject *value)
    bint PyLong_CheckExact(PyObject *value)
    long long PyLong_AsLongLongAndOverflow(PyObject *value, int *overflow)
    Py_ssize_t PyTuple_GET_SIZE(object tuple)
    PyObject *PyTuple_GET_ITEM(object tuple, Py_ssize_t place)
    Py_ssize_t PyList_GET_SIZE(object list)
    PyObject *PyList_GET_ITEM(object list, Py_ssize_t place)
    void Py_XDECREF(PyObject *value)
    void Py_XINCREF(PyObject *value)


cdef extern from "kernels.h" nogil:
    ctypedef struct Kernel:
        const char *name
    ctypedef struct Grid:
        int64_t nx
        int64_t ny
        int64_t nz
    ctypedef struct Slab:
        pass
    ctypedef struct SlabLanes:
        pass


cdef extern from "moments.h" nogil:
    ctypedef struct Moments:
        int64_t n
        int64_t nonfinite
        double mean
        double variance
        double deviation
        double least
        double greatest
    int find_kernels(const Kernel **found)
    int moments(const Kernel *kernel, const double *x, int64_t n, Moments *out)


cdef extern from "slabs.h" nogil:
    int read_slabs(const Kernel *kernel, const double *cells, Grid grid, int64_t start,
                   int64_t stop, Slab *slabs, SlabLanes *lanes)
    int layer_moments(const Slab *slabs, Grid grid, Moments *out)


cdef extern from "selftest.h" nogil:
    const char *self_test(const Kernel **kernels, int count)


cdef extern from "shortest.h" nogil:
    ctypedef struct Power:
        uint64_t high
        uint64_t low
    Power *POWERS
    const int POWER_MIN
    const int POWER_MAX


cdef extern from "text.h":
    ctypedef struct Text:
        char *data
        int64_t size
        int64_t capacity
    object text_take(Text *text)
    void text_free(Text *text)
    int put_bytes(Text *text, const char *bytes, int64_t count)
    int put_text(Text *text, const char *literal)
    int put_integer(Text *text, int64_t value)
    int put_number(Text *text, double value)
    int put_place(Text *text, double x, double y, double z)
    int put_simple_string(Text *text, PyObject *string)


cdef extern from "counts.h" nogil:
    ctypedef struct Count:
        uint64_t key
        int64_t count
    ctypedef struct Counts:
        Count *entries
        int64_t used
    uint64_t PAIR(int64_t a, int64_t b)
    int64_t PAIR_FIRST(uint64_t key)
    int64_t PAIR_SECOND(uint64_t key)
    void counts_free(Counts *counts)
    void counts_clear(Counts *counts)
    int counts_add(Counts *counts, uint64_t key, int64_t by)
    int64_t counts_get(const Counts *counts, uint64_t key)
    void sort_counts(Count *counts, int64_t n)


cdef extern from "ring.h":
    int EXTRA_NONE
    int EXTRA_TEXT
    int EXTRA_STATES
    ctypedef struct EventStates "states":
        int32_t before
        int32_t after
    ctypedef union EventExtra "extra":
        PyObject *text
        EventStates states
    ctypedef union Identifier:
        PyObject *string
        int64_t code
    ctypedef struct Event:
        Identifier source
        Identifier target
        EventExtra extra
        double x
        double y
        double z
        int64_t tick
        int32_t kind
        uint8_t extra_kind
        uint8_t has_position
        uint8_t source_is_code
        uint8_t target_is_code
    ctypedef struct Batch:
        int64_t first
        int64_t last
        int64_t count
        int64_t dropped
    ctypedef struct Ring:
        int64_t size
        int64_t start
        int64_t used
        Batch *batches
        int64_t batch_count
        int64_t open
    int ring_open(Ring *ring, int64_t capacity)
    Event *ring_at(const Ring *ring, int64_t place)
    void ring_forget(Ring *ring, int64_t count)
    void ring_close(Ring *ring)
    int ring_cut(Ring *ring, int64_t first, int64_t last, int64_t dropped)


cdef extern from "samples.h" nogil:
    ctypedef union Word:
        int64_t integer
        double number
    ctypedef struct Words:
        Word *data
        int64_t size
    Word *words_add(Words *words, int64_t more)
    void words_free(Words *words)
    int array_reserve(void **array, int64_t *capacity, int64_t count, size_t item)
    ctypedef struct Column:
        const double *values
        const float *singles
        const uint8_t *present
        int64_t step
    int64_t gather(const Column *column, const int64_t *rows, int64_t count, double *to)
    char integer_format(char format, int64_t size)
    void widen(const void *source, char format, int64_t count, int64_t *to)


cdef extern from "event_table.h":
    ctypedef struct CodedStates "states":
        int32_t before
        int32_t after
    ctypedef union CodedExtra "extra":
        PyObject *more
        CodedStates states
    ctypedef struct CodedEvent:
        int64_t source
        int64_t target
        CodedExtra extra
        double x
        double y
        double z
        int32_t kind
        int32_t species
        uint8_t extra_kind
        uint8_t has_position
    ctypedef struct TickEvents:
        int64_t tick
        int64_t first
    ctypedef struct CodedEvents:
        CodedEvent *events
        int64_t end
        TickEvents *ticks
        int64_t first_tick
        int64_t tick_count
    int64_t coded_events_end(const CodedEvents *all, int64_t tick_place)
    CodedEvent *coded_events_room(CodedEvents *all, int64_t count)
    int coded_events_tick(CodedEvents *all, int64_t tick)
    void coded_events_forget(CodedEvents *all)
    void coded_events_free(CodedEvents *all)
    ctypedef struct Strided:
        int64_t count
        double constant
    bint strided_take(Strided *column, object values, bint codes, int64_t count)
    void strided_release(Strided *column)
    int64_t strided_code(const Strided *column, int64_t row)
    double strided_number(const Strided *column, int64_t row)


cdef inline int done(int failed) except -1:
    """Raise MemoryError where a C function found no memory."""
    if failed:
        raise MemoryError
    return 0

/* event_table.h: the events of the last ticks of a host that keeps columns, by the codes it has.
 *
 * Records of 64 bytes, those of a tick side by side, the ticks in order:
 *
 *     forgotten | first tick kept ... | tick under way ... | free
 *
 * What is forgotten is moved over when room is needed. A record owns its `extra`.
 */
#ifndef ECOSIM_EVENT_TABLE_H
#define ECOSIM_EVENT_TABLE_H

#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ring.h"
#include "samples.h"

typedef struct {
    int64_t source, target; /* codes of entities; negative for none */
    union {
        PyObject *more; /* EXTRA_TEXT: a dict */
        struct {
            int32_t before, after; /* EXTRA_STATES: codes of states */
        } states;
    } extra;
    double x, y, z;
    int32_t kind, species; /* name of the type; code of the species, negative for none */
    uint8_t extra_kind, has_position;
} CodedEvent;

typedef struct {
    int64_t tick, first; /* place of its first event */
} TickEvents;

typedef struct {
    CodedEvent *events;
    int64_t start, end, capacity; /* places in `events` of those kept */
    TickEvents *ticks;
    int64_t first_tick, tick_count, tick_capacity; /* those kept are the last of `ticks` */
} CodedEvents;

static inline int64_t coded_events_end(const CodedEvents *all, int64_t tick_place)
{
    return tick_place + 1 < all->tick_count ? all->ticks[tick_place + 1].first : all->end;
}

/* Return the place of `count` new events at the end, or NULL if there is no memory. They become
 * part of the table when `end` is moved behind them. */
static inline CodedEvent *coded_events_room(CodedEvents *all, int64_t count)
{
    if (all->events == NULL || all->capacity - all->end < count) {
        if (all->start > all->capacity / 2) {
            memmove(all->events, all->events + all->start,
                    (size_t)(all->end - all->start) * sizeof(CodedEvent));
            for (int64_t i = all->first_tick; i < all->tick_count; i++)
                all->ticks[i].first -= all->start;
            all->end -= all->start;
            all->start = 0;
        }
        int64_t least = all->end + count > 256 ? all->end + count : 256;
        if (array_reserve((void **)&all->events, &all->capacity, least, sizeof(CodedEvent)))
            return NULL;
    }
    return all->events + all->end;
}

/* Begin a tick without events. Return -1 if there is no memory. */
static inline int coded_events_tick(CodedEvents *all, int64_t tick)
{
    if (all->tick_count == all->tick_capacity && all->first_tick > all->tick_capacity / 2) {
        all->tick_count -= all->first_tick;
        memmove(all->ticks, all->ticks + all->first_tick,
                (size_t)all->tick_count * sizeof(TickEvents));
        all->first_tick = 0;
    }
    int64_t least = all->tick_count + 1 > 256 ? all->tick_count + 1 : 256;
    if (array_reserve((void **)&all->ticks, &all->tick_capacity, least, sizeof(TickEvents)))
        return -1;
    all->ticks[all->tick_count].tick = tick;
    all->ticks[all->tick_count].first = all->end;
    all->tick_count++;
    return 0;
}

/* Forget the oldest tick. */
static inline void coded_events_forget(CodedEvents *all)
{
    int64_t from = all->ticks[all->first_tick].first;
    int64_t to = coded_events_end(all, all->first_tick);
    all->first_tick++;
    all->start = to;
    for (int64_t i = from; i < to; i++)
        if (all->events[i].extra_kind == EXTRA_TEXT)
            Py_DECREF(all->events[i].extra.more);
}

static inline void coded_events_free(CodedEvents *all)
{
    while (all->first_tick < all->tick_count)
        coded_events_forget(all);
    free(all->events);
    free(all->ticks);
    memset(all, 0, sizeof *all);
}

/* ---- columns, read where they lie ----------------------------------------------------------- */

/* Numbers of one format, `stride` bytes apart, aligned or not; or one number for all of them. */
typedef struct {
    const char *values;
    int64_t count, stride;
    double constant;
    char format; /* as widen has it, or d or f; 0 for a constant */
    int held;    /* whether `buffer` has to be given back */
    Py_buffer buffer;
} Strided;

/* Take the buffer of a plain column of `count` integers or floats (any number if negative). Return 0
 * for any other, with no exception set; strided_release is due either way. */
static inline int strided_take(Strided *column, PyObject *values, int codes, int64_t count)
{
    if (PyObject_GetBuffer(values, &column->buffer, PyBUF_STRIDES | PyBUF_FORMAT)) {
        PyErr_Clear();
        return 0;
    }
    column->held = 1;
    const char *format = column->buffer.format;
    if (format == NULL || column->buffer.ndim != 1 || column->buffer.strides == NULL ||
        column->buffer.itemsize <= 0)
        return 0;
    format += *format == '@';
    if (format[0] == 0 || format[1] != 0 || format[0] == '?')
        return 0; /* a mask of rows is not what it seems: the reference says so */
    if (codes)
        column->format = integer_format(format[0], column->buffer.itemsize);
    else if (format[0] == 'd' || format[0] == 'f')
        column->format = format[0];
    column->values = (const char *)column->buffer.buf;
    column->stride = column->buffer.strides[0];
    column->count = column->buffer.shape[0];
    return column->format != 0 && (count < 0 || column->count == count);
}

static inline void strided_release(Strided *column)
{
    if (column->held)
        PyBuffer_Release(&column->buffer);
    column->held = 0;
}

/* Return an integer; one beyond 63 bits as the largest, which is the code of nothing. */
static inline int64_t strided_code(const Strided *column, int64_t row)
{
    const char *from = column->values + row * column->stride;
#define READ(code, type)                                                                          \
    case code: {                                                                                  \
        type value;                                                                               \
        memcpy(&value, from, sizeof value);                                                       \
        return (int64_t)value;                                                                    \
    }
    switch (column->format) {
        READ('b', int8_t)
        READ('h', int16_t)
        READ('i', int32_t)
        READ('B', uint8_t)
        READ('H', uint16_t)
        READ('I', uint32_t)
        READ('q', int64_t)
    }
#undef READ
    uint64_t value;
    memcpy(&value, from, sizeof value);
    return value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

static inline double strided_number(const Strided *column, int64_t row)
{
    if (column->format == 0)
        return column->constant;
    const char *from = column->values + row * column->stride;
    if (column->format == 'd') {
        double value;
        memcpy(&value, from, sizeof value);
        return value;
    }
    float value;
    memcpy(&value, from, sizeof value);
    return value;
}

#endif

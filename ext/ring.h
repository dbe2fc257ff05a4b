/* ring.h: the events that are not text yet.
 *
 * Records of 64 bytes, one cache line each, in a ring whose size is a power of two. The oldest are
 * those of batches that are cut (complete); behind them stand the records of the open batch.
 *
 *     start ... cut batches, in order ... | open batch ... start + used
 *
 * A record owns references to the strings it points to: ids are as many as a run has entities,
 * so they are not interned but held until their text is made. Those of a host's table are codes, as
 * the table knows their text. All places count from the first event of the run and are taken modulo
 * the size.
 */
#ifndef ECOSIM_RING_H
#define ECOSIM_RING_H

#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* What a record's `extra` holds. */
enum { EXTRA_NONE, EXTRA_TEXT, EXTRA_STATES };

typedef union {
    PyObject *string; /* str; NULL for none */
    int64_t code;     /* of an entity of the host's table, whose text is known there */
} Identifier;

typedef struct {
    Identifier source, target;
    union {
        PyObject *text; /* bytes: the JSON of the extras */
        struct {
            int32_t before, after; /* names: {"prev_state": before, "new_state": after} */
        } states;
    } extra;
    double x, y, z;
    int64_t tick;
    int32_t kind; /* name of the type */
    uint8_t extra_kind, has_position, source_is_code, target_is_code;
} Event;

typedef char event_is_one_cache_line[sizeof(void *) != 8 || sizeof(Event) == 64 ? 1 : -1];

/* A complete batch: its ticks, its events, and how many were dropped. */
typedef struct {
    int64_t first, last, count, dropped;
} Batch;

typedef struct {
    Event *events;
    int64_t size; /* a power of two */
    int64_t start, used;
    Batch *batches;
    int64_t batch_count, batch_capacity;
    int64_t open; /* events of the open batch */
} Ring;

/* Make room for `capacity` events (1 or more). Return -1 if there is no memory. */
static inline int ring_open(Ring *ring, int64_t capacity)
{
    memset(ring, 0, sizeof *ring);
    ring->size = 1;
    while (ring->size < capacity)
        ring->size *= 2;
    /* Pages are touched, and so taken from the system, only as events fill them. */
    ring->events = (Event *)malloc((size_t)ring->size * sizeof(Event));
    return ring->events == NULL ? -1 : 0;
}

static inline Event *ring_at(const Ring *ring, int64_t place)
{
    return ring->events + (place & (ring->size - 1));
}

static inline void event_release(Event *event)
{
    if (!event->source_is_code)
        Py_XDECREF(event->source.string);
    if (!event->target_is_code)
        Py_XDECREF(event->target.string);
    if (event->extra_kind == EXTRA_TEXT)
        Py_DECREF(event->extra.text);
}

/* Forget the `count` oldest events. */
static inline void ring_forget(Ring *ring, int64_t count)
{
    int64_t start = ring->start;
    ring->start += count;
    ring->used -= count;
    /* An empty ring starts over, on memory that is still in the cache. */
    if (ring->used == 0)
        ring->start = 0;
    for (int64_t i = 0; i < count; i++)
        event_release(ring_at(ring, start + i));
}

static inline void ring_close(Ring *ring)
{
    if (ring->events != NULL)
        ring_forget(ring, ring->used);
    free(ring->events);
    free(ring->batches);
    memset(ring, 0, sizeof *ring);
}

/* Complete the open batch, if it has events. Return -1 if there is no memory. */
static inline int ring_cut(Ring *ring, int64_t first, int64_t last, int64_t dropped)
{
    if (ring->open == 0)
        return 0;
    if (ring->batch_count == ring->batch_capacity) {
        int64_t capacity = ring->batch_capacity ? 2 * ring->batch_capacity : 16;
        Batch *batches = (Batch *)realloc(ring->batches, (size_t)capacity * sizeof(Batch));
        if (batches == NULL)
            return -1;
        ring->batches = batches;
        ring->batch_capacity = capacity;
    }
    Batch *batch = ring->batches + ring->batch_count++;
    batch->first = first;
    batch->last = last;
    batch->count = ring->open;
    batch->dropped = dropped;
    ring->open = 0;
    return 0;
}

#endif

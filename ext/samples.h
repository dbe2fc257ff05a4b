/* samples.h: memory for the entities of one tick, and for the samples that are not text yet.
 *
 * A queued sample is a run of 64-bit words, integers or doubles by place:
 *
 *     HEADER    tick, window's first tick, entity count, then how many of each follow
 *     species   name, count, variables; per variable: variable, n, nonfinite, mean, deviation
 *     states    pair of names (species, state), count
 *     layers    name, n, nonfinite, mean, least, greatest, variance
 *     types     name, count
 *     changes   pair of names (species, change), count
 *
 * Names are indices of the core's table of names. Species stand sorted; the rest is sorted when
 * it becomes text.
 */
#ifndef ECOSIM_SAMPLES_H
#define ECOSIM_SAMPLES_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "counts.h"
#include "kernels.h"

typedef union {
    int64_t integer;
    double number;
} Word;

typedef struct {
    Word *data;
    int64_t size, capacity;
} Words;

/* Return the place of `more` new words behind the others, or NULL if there is no memory. */
static inline Word *words_add(Words *words, int64_t more)
{
    if (words->capacity - words->size < more) {
        int64_t capacity = 2 * words->capacity > 1024 ? 2 * words->capacity : 1024;
        if (capacity < words->size + more)
            capacity = words->size + more;
        Word *data = (Word *)realloc(words->data, (size_t)capacity * sizeof(Word));
        if (data == NULL)
            return NULL;
        words->data = data;
        words->capacity = capacity;
    }
    words->size += more;
    return words->data + words->size - more;
}

static inline void words_free(Words *words)
{
    free(words->data);
    memset(words, 0, sizeof *words);
}

/* Make an array at least `count` items long; what it held is kept. Return -1 without memory. */
static inline int array_reserve(void **array, int64_t *capacity, int64_t count, size_t item)
{
    if (count <= *capacity)
        return 0;
    int64_t larger = 2 * *capacity > count ? 2 * *capacity : count;
    void *data = realloc(*array, (size_t)larger * item);
    if (data == NULL)
        return -1;
    *array = data;
    *capacity = larger;
    return 0;
}

/* ---- columns ------------------------------------------------------------------------------ */

/* One variable of every row: `values` or `singles`, `step` items apart. Where `present` is not
 * NULL, a row has the variable if its byte (also `step` apart) is not 0. */
typedef struct {
    const double *values;
    const float *singles;
    const uint8_t *present;
    int64_t step;
} Column;

/* Copy the values of one variable to `arena`, those of a group side by side in the order of rows.
 *
 * group[row] is the row's group, or negative for a row that is skipped. `owns` has a byte per
 * group, `owns_step` apart: 0 where the group lacks the variable. `cursor` has a place in the arena per group, the
 * group's first; it is left behind the group's last value. */
static inline void gather(const Column *column, const int32_t *group, int64_t rows,
                          const uint8_t *owns, int64_t owns_step, int64_t *cursor, double *arena)
{
    int64_t step = column->step;
    for (int64_t row = 0; row < rows; row++) {
        int32_t g = group[row];
        if (g < 0 || !owns[g * owns_step] || (column->present && !column->present[row * step]))
            continue;
        arena[cursor[g]++] =
            column->values ? column->values[row * step] : (double)column->singles[row * step];
    }
}

/* Copy integers of any width to int64; larger ones become INT64_MAX. */
static inline void widen(const void *from, char format, int64_t count, int64_t *to)
{
#define WIDEN(code, type)                                                                         \
    case code:                                                                                    \
        for (int64_t i = 0; i < count; i++)                                                       \
            to[i] = (int64_t)((const type *)from)[i];                                             \
        break;
    switch (format) {
        WIDEN('b', int8_t)
        WIDEN('h', int16_t)
        WIDEN('i', int32_t)
        WIDEN('q', int64_t)
        WIDEN('B', uint8_t)
        WIDEN('H', uint16_t)
        WIDEN('I', uint32_t)
    case 'Q':
        for (int64_t i = 0; i < count; i++) {
            uint64_t value = ((const uint64_t *)from)[i];
            to[i] = value > INT64_MAX ? INT64_MAX : (int64_t)value;
        }
        break;
    }
#undef WIDEN
}

#endif

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

/* One variable of every row: `values` or `singles`, `step` items apart (0: not a column). Where `present` is not
 * NULL, a row has the variable if its byte (also `step` apart) is 1, not 0. */
typedef struct {
    const double *values;
    const float *singles;
    const uint8_t *present;
    int64_t step;
} Column;

/* Copy the values of some rows to `to`, and return how many have one. */
static inline int64_t gather(const Column *column, const int64_t *rows, int64_t count, double *to)
{
    const int64_t step = column->step;
    int64_t copied = 0;
    if (column->present) {
        for (int64_t i = 0; i < count; i++) {
            to[copied] = column->values[rows[i] * step];
            copied += column->present[rows[i] * step];
        }
        return copied;
    }
    if (column->values)
        for (int64_t i = 0; i < count; i++)
            to[i] = column->values[rows[i] * step];
    else
        for (int64_t i = 0; i < count; i++)
            to[i] = (double)column->singles[rows[i] * step];
    return count;
}

/* Return the format of integers of `size` bytes as widen knows it, or 0 for what are none. */
static inline char integer_format(char format, int64_t size)
{
    const char *known = strchr("bhilqn", format) ? "bh i   q" : NULL;
    if (known == NULL && strchr("?BHILQN", format))
        known = "BH I   Q";
    return known != NULL && format != 0 && size <= 8 ? known[size - 1] : 0;
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

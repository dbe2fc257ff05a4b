/* counts.h: how often each 64-bit key was seen, in the order they were first seen.
 *
 * An open-addressing table of places in a dense array, so that the counts are read by walking the
 * array. Keys are made of two 32-bit numbers (a species and a state, say): PAIR(a, b).
 */
#ifndef ECOSIM_COUNTS_H
#define ECOSIM_COUNTS_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PAIR(a, b) ((uint64_t)(uint32_t)(a) << 32 | (uint32_t)(b))
#define PAIR_FIRST(key) ((int64_t)((key) >> 32))
#define PAIR_SECOND(key) ((int64_t)(uint32_t)(key))

typedef struct {
    uint64_t key;
    int64_t count;
} Count;

typedef struct {
    Count *entries;
    int32_t *places; /* place of an entry + 1; 0 is free */
    int64_t used, capacity; /* a power of two, twice what `entries` holds */
} Counts;

static inline uint64_t counts_slot(const Counts *counts, uint64_t key)
{
    /* Fibonacci hashing: the high bits of a product mix all of the key's. */
    uint64_t mixed = (key ^ key >> 29) * UINT64_C(0x9E3779B97F4A7C15);
    return mixed >> 20 & (uint64_t)(counts->capacity - 1);
}

static inline void counts_free(Counts *counts)
{
    free(counts->entries);
    free(counts->places);
    memset(counts, 0, sizeof *counts);
}

static inline void counts_clear(Counts *counts)
{
    if (counts->used)
        memset(counts->places, 0, (size_t)counts->capacity * sizeof(int32_t));
    counts->used = 0;
}

static inline int counts_grow(Counts *counts)
{
    int64_t capacity = counts->capacity ? 2 * counts->capacity : 32;
    int32_t *places = (int32_t *)calloc((size_t)capacity, sizeof(int32_t));
    if (places == NULL)
        return -1;
    Count *entries = (Count *)realloc(counts->entries, (size_t)capacity / 2 * sizeof(Count));
    if (entries == NULL) {
        free(places);
        return -1;
    }
    free(counts->places);
    counts->entries = entries;
    counts->places = places;
    counts->capacity = capacity;
    for (int64_t i = 0; i < counts->used; i++) {
        uint64_t slot = counts_slot(counts, entries[i].key);
        while (places[slot])
            slot = (slot + 1) & (uint64_t)(capacity - 1);
        places[slot] = (int32_t)(i + 1);
    }
    return 0;
}

/* Return the count of the key, 0 if it was never seen. */
static inline int64_t counts_get(const Counts *counts, uint64_t key)
{
    if (counts->used == 0)
        return 0;
    uint64_t slot = counts_slot(counts, key);
    while (counts->places[slot]) {
        const Count *entry = counts->entries + counts->places[slot] - 1;
        if (entry->key == key)
            return entry->count;
        slot = (slot + 1) & (uint64_t)(counts->capacity - 1);
    }
    return 0;
}

/* Add `by` to the count of the key (by 0 only lists it). Return -1 if memory ran out. */
static inline int counts_add(Counts *counts, uint64_t key, int64_t by)
{
    if (2 * counts->used >= counts->capacity && counts_grow(counts))
        return -1;
    uint64_t slot = counts_slot(counts, key);
    while (counts->places[slot]) {
        Count *entry = counts->entries + counts->places[slot] - 1;
        if (entry->key == key) {
            entry->count += by;
            return 0;
        }
        slot = (slot + 1) & (uint64_t)(counts->capacity - 1);
    }
    counts->entries[counts->used].key = key;
    counts->entries[counts->used].count = by;
    counts->places[slot] = (int32_t)++counts->used;
    return 0;
}

static inline int compare_counts(const void *a, const void *b)
{
    uint64_t x = ((const Count *)a)->key, y = ((const Count *)b)->key;
    return (x > y) - (x < y);
}

static inline void sort_counts(Count *counts, int64_t n)
{
    if (n > 1)
        qsort(counts, (size_t)n, sizeof(Count), compare_counts);
}

#endif

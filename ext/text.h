/* text.h: a growing bytes object of ASCII text, and JSON's atoms as json.dumps writes them.
 *
 * A function that may need memory returns 0, or -1 when there is none; the text is then as it was
 * before, or longer by a part. The buffer belongs to the Text; text_free gives it back.
 */
#ifndef ECOSIM_TEXT_H
#define ECOSIM_TEXT_H

#include <Python.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shortest.h"

typedef struct {
    PyObject *bytes; /* owned: the bytes object that `data` is the inside of, or NULL */
    char *data;
    int64_t size, capacity;
} Text;

/* Inlined, a constant text is a few moves; a call of memcpy for ten bytes takes longer than they. */
#ifdef _MSC_VER
#define ALWAYS_INLINE static __forceinline
#define NEVER_INLINE static __declspec(noinline)
#else
#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define NEVER_INLINE static __attribute__((noinline))
#endif

NEVER_INLINE int text_grow(Text *text, int64_t more)
{
    int64_t capacity = 2 * text->capacity > 4096 ? 2 * text->capacity : 4096;
    if (capacity < text->size + more)
        capacity = text->size + more;
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, capacity);
    if (bytes == NULL) {
        PyErr_Clear();
        return -1;
    }
    if (text->size)
        memcpy(PyBytes_AS_STRING(bytes), text->data, (size_t)text->size);
    Py_XDECREF(text->bytes);
    text->bytes = bytes;
    text->data = PyBytes_AS_STRING(bytes);
    text->capacity = capacity;
    return 0;
}

/* Make sure that `more` bytes fit behind the text. */
ALWAYS_INLINE int text_reserve(Text *text, int64_t more)
{
    return text->data && text->capacity - text->size >= more ? 0 : text_grow(text, more);
}

/* Return the text as a bytes object without a copy, and start anew. NULL with an exception set if
 * there is no memory. */
static inline PyObject *text_take(Text *text)
{
    PyObject *bytes = text->bytes;
    int64_t size = text->size;
    if (size == 0)
        return PyBytes_FromStringAndSize(NULL, 0);
    text->bytes = NULL;
    text->data = NULL;
    text->size = 0;
    text->capacity = size / 2 + size / 8; /* the next starts a quarter larger than this one */
    _PyBytes_Resize(&bytes, (Py_ssize_t)size);
    return bytes;
}

static inline void text_free(Text *text)
{
    Py_XDECREF(text->bytes);
    memset(text, 0, sizeof *text);
}

ALWAYS_INLINE int put_bytes(Text *text, const char *bytes, int64_t count)
{
    if (text_reserve(text, count))
        return -1;
    memcpy(text->data + text->size, bytes, (size_t)count);
    text->size += count;
    return 0;
}

/* Put text that ends with a zero byte. */
ALWAYS_INLINE int put_text(Text *text, const char *bytes)
{
    return put_bytes(text, bytes, (int64_t)strlen(bytes));
}

static inline int put_integer(Text *text, int64_t value)
{
    char digits[20], *end = digits + sizeof digits;
    if (text_reserve(text, 21))
        return -1;
    if (value < 0)
        text->data[text->size++] = '-';
    char *start = digits_before(end, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
    memcpy(text->data + text->size, start, (size_t)(end - start));
    text->size += end - start;
    return 0;
}

/* Put repr(value), or null for what JSON has no number for. */
static inline int put_number(Text *text, double value)
{
    if (!isfinite(value))
        return put_text(text, "null");
    if (text_reserve(text, SHORTEST_MAX + 1))
        return -1;
    text->size = write_double(text->data + text->size, value) - text->data;
    return 0;
}

/* Put a position, [x,y,z]. */
static inline int put_place(Text *text, double x, double y, double z)
{
    const double axis[3] = {x, y, z};
    if (text_reserve(text, 3 * (SHORTEST_MAX + 1) + 1))
        return -1;
    char *out = text->data + text->size;
    for (int i = 0; i < 3; i++) {
        *out++ = i ? ',' : '[';
        if (isfinite(axis[i])) {
            out = write_double(out, axis[i]);
        } else {
            memcpy(out, "null", 4);
            out += 4;
        }
    }
    *out++ = ']';
    text->size = out - text->data;
    return 0;
}

/* Put a str as JSON if it needs no escape. Return 1 if it does and nothing was put. */
static inline int put_simple_string(Text *text, PyObject *string)
{
    if (!PyUnicode_IS_COMPACT_ASCII(string))
        return 1;
    int64_t count = PyUnicode_GET_LENGTH(string);
    if (text_reserve(text, count + 2))
        return -1;
    const unsigned char *from = PyUnicode_1BYTE_DATA(string);
    char *to = text->data + text->size;
    *to++ = '"';
    for (int64_t i = 0; i < count; i++) {
        unsigned char c = from[i];
        if (c < ' ' || c > '~' || c == '"' || c == '\\')
            return 1;
        *to++ = (char)c;
    }
    *to++ = '"';
    text->size += count + 2;
    return 0;
}

#endif

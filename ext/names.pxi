# Strings that occur again and again (types, species, states, layers), as small integers.

cdef enum:
    CACHE_SIZE = 256

cdef struct Name:
    const char *text    # the name as JSON, quotes included; owned by Names._texts
    int64_t size
    int64_t rank        # its place among all names, sorted as Python sorts strings
    int32_t species     # its species' place in Population, or -1
    bint death          # whether it starts with DEATH_

cdef struct Known:
    PyObject *string    # owned
    int64_t name


@cython.final
cdef class Names:
    """A table of strings; a name is an index into it, and stays valid."""

    cdef dict _places
    cdef list _strings
    cdef list _texts
    cdef list _lists
    cdef Name *names
    cdef int64_t capacity
    cdef int64_t *by_rank   # name of each rank
    cdef int64_t rank_capacity
    cdef int64_t ranked
    # A host mostly hands over the very same objects, and an address is compared faster than a
    # string is hashed. The reference held keeps an address from being given to another string.
    cdef Known cache[CACHE_SIZE]

    def __cinit__(self):
        self._places = {}
        self._strings = []
        self._texts = []
        self._lists = []

    def __dealloc__(self):
        for slot in range(CACHE_SIZE):
            Py_XDECREF(self.cache[slot].string)
        free(self.names)
        free(self.by_rank)

    cdef inline int64_t find(self, PyObject *string) except -1:
        """Return the name of an exact str."""
        cdef size_t slot = (<size_t>string >> 4) % CACHE_SIZE
        if self.cache[slot].string == string:
            return self.cache[slot].name
        return self._find(<str>string, slot)

    cdef int64_t _find(self, str string, size_t slot) except -1:
        cdef PyObject *place = PyDict_GetItemWithError(self._places, string)
        cdef int64_t name
        if place == NULL:
            name = self._add(string)
        else:
            name = <int64_t><object>place
        Py_INCREF(string)
        Py_XDECREF(self.cache[slot].string)
        self.cache[slot].string = <PyObject *>string
        self.cache[slot].name = name
        return name

    cdef int64_t _add(self, str string) except -1:
        cdef int64_t name = len(self._strings)
        cdef bytes text = encode_basestring_ascii(string).encode("ascii")
        done(array_reserve(<void **>&self.names, &self.capacity, max(name + 1, 64), sizeof(Name)))
        self._texts.append(text)
        self._strings.append(string)
        self._places[string] = name
        self.names[name].text = text
        self.names[name].size = len(text)
        self.names[name].rank = 0
        self.names[name].species = -1
        self.names[name].death = string.startswith(DEATH_PREFIX)
        return name

    cdef inline str string(self, int64_t name):
        return self._strings[name]

    cdef inline int put(self, Text *text, int64_t name) except -1:
        """Put the name as JSON."""
        return done(put_bytes(text, self.names[name].text, self.names[name].size))

    cdef int rank(self) except -1:
        """Bring every name's rank up to date."""
        if self.ranked == len(self._strings):
            return 0
        cdef int64_t rank = 0, name
        done(
            array_reserve(
                <void **>&self.by_rank, &self.rank_capacity, len(self._strings), sizeof(int64_t)
            )
        )
        for string in sorted(self._strings):
            name = self._places[string]
            self.names[name].rank = rank
            self.by_rank[rank] = name
            rank += 1
        self.ranked = rank
        return 0

    cdef NameList list_of(self, object strings, str where):
        """Return the names of a sequence of strings."""
        cdef NameList found
        for found in self._lists:
            if found.source is strings:
                return found
        found = NameList.__new__(NameList)
        cdef list exact = [
            string if type(string) is str else name(string, f"{where}[{code}]")
            for code, string in enumerate(strings)
        ]
        found.names = <int64_t *>malloc((len(exact) + 1) * sizeof(int64_t))
        if found.names == NULL:
            raise MemoryError
        for string in exact:
            found.names[found.count] = self.find(<PyObject *>string)
            found.count += 1
        # Only what cannot change is known by its identity; the last few serve again and again.
        if type(strings) is tuple:
            found.source = strings
            self._lists = [found, *self._lists[:3]]
        return found


@cython.final
cdef class NameList:
    """The names of a sequence of strings, and the sequence where it is a tuple."""

    cdef object source
    cdef int64_t *names
    cdef int64_t count

    def __dealloc__(self):
        free(self.names)


cdef int put_string(Text *text, str string) except -1:
    """Put any str as JSON."""
    cdef int result = put_simple_string(text, <PyObject *>string)
    if result < 0:
        raise MemoryError
    if result:
        escaped = encode_basestring_ascii(string).encode("ascii")
        done(put_bytes(text, escaped, len(escaped)))
    return 0

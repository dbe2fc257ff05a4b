# Events that a host keeps as columns: from the host's arrays straight into the ring.

cdef enum:
    LARGEST_CACHED_ID = 1 << 22


@cython.final
cdef class Ids:
    """The ids that an `id_of` gave, by code: an engine makes each only once."""

    cdef object id_of
    cdef PyObject **ids     # owned; NULL where it was not asked yet
    cdef int64_t capacity

    def __dealloc__(self):
        self._forget()

    cdef int _forget(self) noexcept:
        cdef int64_t code
        for code in range(self.capacity):
            Py_XDECREF(self.ids[code])
        free(self.ids)
        self.ids = NULL
        self.capacity = 0
        return 0

    cdef int use(self, object id_of) except -1:
        """Take the ids of another function from now on, unless it is the same."""
        # A bound method is another object at each look, and equal.
        if id_of is not self.id_of and id_of != self.id_of:
            self._forget()
        self.id_of = id_of
        return 0

    cdef inline object of(self, int64_t code, str kind, str field):
        """Return the id of a code, an exact str; None for a negative one."""
        if code < 0:
            return None
        if code < self.capacity and self.ids[code] != NULL:
            return <object>self.ids[code]
        return self._ask(code, kind, field)

    cdef object _ask(self, int64_t code, str kind, str field):
        cdef int64_t before = self.capacity
        found = self.id_of(code)
        if type(found) is not str:
            return identifier(found, f"{kind} event.{field}")
        if code < LARGEST_CACHED_ID:
            done(
                array_reserve(
                    <void **>&self.ids, &self.capacity, max(code + 1, 256), sizeof(PyObject *)
                )
            )
            if self.capacity > before:
                memset(self.ids + before, 0, (self.capacity - before) * sizeof(PyObject *))
            Py_XDECREF(self.ids[code])
            Py_INCREF(found)
            self.ids[code] = <PyObject *>found
        return found


cdef inline int64_t code_at(View view, int64_t row) noexcept:
    """Return a code of a column of integers of any width."""
    cdef int64_t code = 0
    if view.format == b"q":
        return (<const int64_t *>view.buffer.buf)[row]
    widen(<const char *>view.buffer.buf + row * view.buffer.itemsize, view.format, 1, &code)
    return code


cdef inline double place_at(View view, double constant, int64_t row) noexcept:
    if view is None:
        return constant
    if view.format == b"d":
        return (<const double *>view.buffer.buf)[row]
    return (<const float *>view.buffer.buf)[row]


cdef View column_of(Events events, object values, bint codes, int64_t count):
    """Return a View of a plain column, or None for any other; release_columns lets go of it."""
    cdef View view
    if events.views_used == len(events.views):
        events.views.append(View.__new__(View))
    view = events.views[events.views_used]
    events.views_used += 1
    return view if view._take(values, codes, count) else None


cdef int release_columns(Events events, int64_t before) noexcept:
    """Let go of the host's arrays; the Views serve again, which saves making them.

    `before` is how many were in use before: an `id_of` that records events itself has its own.
    """
    cdef View view
    while events.views_used > before:
        events.views_used -= 1
        view = events.views[events.views_used]
        view.release()
    return 0


cdef View axis_of(Events events, object values, int64_t count, double *every):
    """Return a View of a coordinate; `every` is the number that holds for all, NaN if neither."""
    cdef View view = None
    if type(values) is float:
        every[0] = values
        return None
    view = column_of(events, values, False, count)
    if view is None:
        every[0] = NAN
    return view


cdef View codes_of(Events events, object values, object names, int64_t count):
    """Return a View of a plain column of codes that all have a name, or None."""
    cdef View view = column_of(events, values, True, count)
    cdef int64_t row, code, known
    if view is None or (type(names) is not tuple and type(names) is not list):
        return None
    known = len(names)
    for row in range(count):
        code = code_at(view, row)
        if not 0 <= code < known or type(names[code]) is not str:
            return None
    return view


cdef bint has_two_states(dict extra):
    """Whether the keys are prev_state and new_state, in this order and the very strings."""
    cdef PyObject *key
    cdef PyObject *value
    cdef Py_ssize_t cursor = 0
    return (
        len(extra) == 2
        and PyDict_Next(extra, &cursor, &key, &value)
        and key == <PyObject *>PREV_STATE
        and PyDict_Next(extra, &cursor, &key, &value)
        and key == <PyObject *>NEW_STATE
    )


cdef list texts_of(Events events, dict extra, int64_t count):
    """Return the extras of each event as JSON, or None where a column is not plain."""
    cdef list columns = [], names = [], found = []
    cdef View view
    cdef Text text
    cdef int64_t row, column
    cdef const char *before
    for key, (codes, words) in extra.items():
        view = codes_of(events, codes, words, count)
        if view is None or type(key) is not str:
            return None
        columns.append(view)
        names.append((key, words))
    memset(&text, 0, sizeof(Text))
    try:
        for row in range(count):
            text.size = 0
            before = b"{"
            for column in range(len(columns)):
                key, words = names[column]
                done(put_text(&text, before))
                before = b","
                put_string(&text, key)
                done(put_text(&text, b":"))
                put_string(&text, words[code_at(columns[column], row)])
            done(put_text(&text, b"}"))
            found.append(PyBytes_FromStringAndSize(text.data, text.size))
    finally:
        text_free(&text)
    return found


cdef int record_columns(Events events, object columns) except -1:
    """Record events that share a type: plain columns at once, others one by one."""
    cdef bint plain
    cdef int64_t before = events.views_used
    try:
        plain = record_plain_columns(events, columns)
    finally:
        release_columns(events, before)
    if not plain:
        for kind, tick, source, target, place, extra, species in event_rows(columns, events.tick):
            events.record(kind, tick, source, target, place, extra, species)
    return 0


cdef bint record_plain_columns(Events events, object columns) except -1:
    """Record columns that can be read where they lie; False if any cannot, with nothing recorded.

    Codes without a name, and all else that is an error, are left to `event_rows`, which says so.
    """
    cdef object kind = columns.event_type, extra = columns.extra, values = columns.target
    cdef View source, target = None, species = None, before = None, after = None
    cdef View x = None, y = None, z = None
    cdef double every_x = 0, every_y = 0, every_z = 0
    cdef object species_names = (), before_names = (), after_names = (), text
    cdef list texts = None
    cdef int64_t row, count, change
    cdef Event event

    if type(kind) is not str or type(extra) is not dict:
        return False
    source = column_of(events, columns.source, True, -1)
    if source is None:
        return False
    count = source.count
    if values is not None:
        target = column_of(events, values, True, count)
        if target is None:
            return False
    memset(&event, 0, sizeof(Event))
    event.tick = events.tick
    event.kind = <int32_t>events.names.find(<PyObject *>kind)
    values = columns.x
    if values is not None:
        event.has_position = True
        x = axis_of(events, values, count, &every_x)
        y = axis_of(events, columns.y, count, &every_y)
        z = axis_of(events, columns.z, count, &every_z)
        if every_x != every_x or every_y != every_y or every_z != every_z:
            return False
    if not has_two_states(extra) and event.kind == events.state_change:
        return False
    if extra and not has_two_states(extra):
        texts = texts_of(events, extra, count)
        if texts is None:
            return False
        event.extra_kind = EXTRA_TEXT
    elif extra:
        values, before_names = extra[PREV_STATE]
        before = codes_of(events, values, before_names, count)
        values, after_names = extra[NEW_STATE]
        after = codes_of(events, values, after_names, count)
        if before is None or after is None:
            return False
        event.extra_kind = EXTRA_STATES
        values = columns.species if event.kind == events.state_change else None
        if values is not None:
            species_names = columns.species_names
            species = codes_of(events, values, species_names, count)
            if species is None:
                return False

    events.ids.use(columns.id_of)
    for row in range(count):
        source_id = events.ids.of(code_at(source, row), kind, SOURCE_ID)
        target_id = None if target is None else events.ids.of(code_at(target, row), kind, TARGET_ID)
        if event.has_position:
            event.x = place_at(x, every_x, row)
            event.y = place_at(y, every_y, row)
            event.z = place_at(z, every_z, row)
        if before is not None:
            text = before_names[code_at(before, row)]
            event.extra.states.before = <int32_t>events.names.find(<PyObject *>text)
            text = after_names[code_at(after, row)]
            event.extra.states.after = <int32_t>events.names.find(<PyObject *>text)
        if texts is not None:
            text = texts[row]
            event.extra.text = <PyObject *>text
        if species is not None:
            text = species_names[code_at(species, row)]
            change = events.change_between(&event)
            done(
                counts_add(
                    &events.changes, PAIR(events.names.find(<PyObject *>text), change), 1
                )
            )
        done(counts_add(&events.types, PAIR(0, event.kind), 1))
        event.source = event.target = NULL
        if events.log:
            events._keep(&event, source_id, target_id)
    return True

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


cdef enum:
    CODE_COLUMNS = 5    # source, target, state before, state after, species
    EXTRA_SLOT = 2      # no event has both states and other extras


cdef struct Codes:
    # Integer codes of the events of a group; NULL where it has none.
    const int64_t *source
    const int64_t *target
    const int64_t *species
    const int64_t *before
    const int64_t *after


cdef const int64_t *codes_of(Events events, object values, int64_t count, int64_t slot) except? NULL:
    """Return a plain column of codes as int64, where it lies or in the slot's part of a scratch."""
    cdef View view = column_of(events, values, True, count)
    cdef int64_t *copy
    if view is None:
        return NULL
    if view.format == b"q":
        return <const int64_t *>view.buffer.buf
    copy = events.codes + slot * count
    widen(view.buffer.buf, view.format, count, copy)
    return copy


cdef NameList names_of(Events events, const int64_t *codes, int64_t count, object strings):
    """Return the names that codes stand for, or None where a code has no plain name."""
    cdef NameList found
    cdef int64_t row
    if codes == NULL or type(strings) is not tuple and type(strings) is not list:
        return None
    found = events.names.known_list(strings)
    if found is not None:
        for row in range(count):
            if not 0 <= codes[row] < found.count:
                return None
    return found


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


cdef int release_columns(Events events) noexcept:
    """Let go of the host's arrays; the Views serve again, which saves making them."""
    cdef View view
    while events.views_used:
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
    cdef list codes_read = [], names_read = [], found = []
    cdef View view
    cdef NameList names
    cdef Text text
    cdef int64_t row, column, code = 0
    cdef const char *before
    for key, (codes, words) in extra.items():
        names = names_of(events, codes_of(events, codes, count, EXTRA_SLOT), count, words)
        if names is None or type(key) is not str:
            return None
        codes_read.append(events.views[events.views_used - 1])
        names_read.append((key, names))
    memset(&text, 0, sizeof(Text))
    try:
        for row in range(count):
            text.size = 0
            before = b"{"
            for column in range(len(codes_read)):
                key, names = names_read[column]
                view = codes_read[column]
                widen(
                    <const char *>view.buffer.buf + row * view.buffer.itemsize, view.format, 1,
                    &code,
                )
                done(put_text(&text, before))
                before = b","
                put_string(&text, key)
                done(put_text(&text, b":"))
                events.names.put(&text, names.names[code])
            done(put_text(&text, b"}"))
            found.append(PyBytes_FromStringAndSize(text.data, text.size))
    finally:
        text_free(&text)
    return found


cdef int record_columns(Events events, object columns) except -1:
    """Record events that share a type: plain columns at once, others one by one."""
    cdef bint plain = False
    # An `id_of` that records events itself finds the Views and the scratch in use.
    if not events.reading_columns:
        events.reading_columns = True
        try:
            plain = record_plain_columns(events, columns)
        finally:
            release_columns(events)
            events.reading_columns = False
    if not plain:
        for kind, tick, source, target, place, extra, species in event_rows(columns, events.tick):
            events.record(kind, tick, source, target, place, extra, species)
    return 0


cdef bint record_plain_columns(Events events, object columns) except -1:
    """Record columns that can be read where they lie; False if any cannot, with nothing recorded.

    Codes without a name, and all else that is an error, are left to `event_rows`, which says so.
    """
    cdef object kind = columns.event_type, extra = columns.extra, values = columns.target, text
    cdef View first, x = None, y = None, z = None
    cdef Codes codes
    cdef NameList species = None, before = None, after = None
    cdef double every_x = 0, every_y = 0, every_z = 0
    cdef list texts = None
    cdef int64_t row, count, change
    cdef bint has_states
    cdef Event event

    if type(kind) is not str or type(extra) is not dict:
        return False
    memset(&codes, 0, sizeof(Codes))
    first = column_of(events, columns.source, True, -1)
    if first is None:
        return False
    count = first.count
    events.room_for_codes(CODE_COLUMNS * count)
    if first.format == b"q":
        codes.source = <const int64_t *>first.buffer.buf
    else:
        widen(first.buffer.buf, first.format, count, events.codes)
        codes.source = events.codes
    if values is not None:
        codes.target = codes_of(events, values, count, 1)
        if codes.target == NULL:
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
    has_states = has_two_states(extra)
    if has_states:
        values, text = extra[PREV_STATE]
        codes.before = codes_of(events, values, count, 2)
        before = names_of(events, codes.before, count, text)
        values, text = extra[NEW_STATE]
        codes.after = codes_of(events, values, count, 3)
        after = names_of(events, codes.after, count, text)
        if before is None or after is None:
            return False
        event.extra_kind = EXTRA_STATES
    elif event.kind == events.state_change:
        return False
    elif extra:
        texts = texts_of(events, extra, count)
        if texts is None:
            return False
        event.extra_kind = EXTRA_TEXT
    if event.kind == events.state_change and columns.species is not None:
        codes.species = codes_of(events, columns.species, count, 4)
        species = names_of(events, codes.species, count, columns.species_names)
        if species is None:
            return False

    events.ids.use(columns.id_of)
    for row in range(count):
        source_id = events.ids.of(codes.source[row], kind, SOURCE_ID)
        target_id = None
        if codes.target != NULL:
            target_id = events.ids.of(codes.target[row], kind, TARGET_ID)
        if event.has_position:
            event.x = place_at(x, every_x, row)
            event.y = place_at(y, every_y, row)
            event.z = place_at(z, every_z, row)
        if has_states:
            event.extra.states.before = <int32_t>before.names[codes.before[row]]
            event.extra.states.after = <int32_t>after.names[codes.after[row]]
        elif texts is not None:
            text = texts[row]
            event.extra.text = <PyObject *>text
        if species is not None:
            change = events.change_between(&event)
            done(counts_add(&events.changes, PAIR(species.names[codes.species[row]], change), 1))
        done(counts_add(&events.types, PAIR(0, event.kind), 1))
        event.source = event.target = NULL
        if events.log:
            events._keep(&event, source_id, target_id)
    return True

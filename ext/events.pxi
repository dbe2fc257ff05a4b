# Events: from what a host hands over to a record of the ring.

cdef int64_t LARGEST_TICK = 2**53


@cython.final
cdef class Events:
    """The ring, the counts of the window, and the lines of batches that are text already."""

    cdef Names names
    # The host's table, and what its species, its states and the types in it are called here.
    cdef object table
    cdef Ids ids            # of the table, if it is a compiled one
    cdef Names table_names
    cdef int32_t *table_species
    cdef int32_t *table_states
    cdef int32_t *table_types
    cdef int64_t table_types_known, table_types_capacity
    cdef bint log, drop
    cdef int64_t capacity
    cdef Ring ring
    cdef Counts types       # of the window: name -> count
    cdef Counts changes     # of the window: (species, change) -> count
    cdef Counts known_changes   # (before, after) -> name of "before>after", plus 1
    cdef int64_t state_change
    cdef Text text          # lines of complete batches
    cdef int64_t text_events
    cdef Text scratch       # extras of the event under way
    # While events are recorded that the host made: how to have its entities, and these once asked.
    cdef object entities_of, entities
    cdef bytes head         # how each line starts
    cdef int64_t tick
    cdef bint has_first
    cdef int64_t first      # of the open batch, if has_first
    cdef int64_t open_dropped
    cdef int64_t recorded, written, dropped

    def __cinit__(self, Names names, str run_id, bint log, int64_t capacity, bint drop):
        self.names = names
        self.log = log
        self.drop = drop
        self.capacity = capacity
        self.state_change = names.find(<PyObject *>STATE_CHANGE)
        self.head = b'{"record":"events","run_id":%b,"ticks":[' % json_text(run_id)
        done(ring_open(&self.ring, capacity if log else 1))

    def __dealloc__(self):
        ring_close(&self.ring)
        counts_free(&self.types)
        counts_free(&self.changes)
        counts_free(&self.known_changes)
        text_free(&self.text)
        text_free(&self.scratch)
        free(self.table_species)
        free(self.table_states)
        free(self.table_types)

    # ---- ticks, and the host's table of events

    cdef int begin_tick(self, int64_t tick) noexcept:
        self.tick = tick
        if not self.has_first:
            self.has_first = True
            self.first = tick
        return 0

    cdef int end_tick(self) except -1:
        cdef int64_t first = self.first if self.has_first else self.tick
        if self.tick - first + 1 >= EVENT_BATCH_TICKS:
            self.cut()
            self.first = self.tick + 1
        return 0

    cdef int use(self, object table) except -1:
        """Take a table as the host's; there is one all through the run."""
        if self.table is not None and table is not self.table:
            raise HostError("host.event_table: expected the same table all through the run")
        if self.table is None and type(table) is EventTable:
            self.table_species = self._names_of((<EventTable>table).species_names)
            self.table_states = self._names_of((<EventTable>table).state_names)
            self.table_names = (<EventTable>table)._names
            self.ids = (<EventTable>table)._texts
        self.table = table
        return 0

    cdef int32_t *_names_of(self, tuple strings) except NULL:
        cdef int64_t code, count = len(strings)
        cdef int32_t *found = <int32_t *>malloc((count + 1) * sizeof(int32_t))
        if found == NULL:
            raise MemoryError
        for code in range(count):
            string = strings[code]
            found[code] = <int32_t>self.names.find(<PyObject *>string)
        return found

    cdef inline int32_t name_of_table(self, int32_t name) except -1:
        """Return the name of a type that the table knows by another name."""
        if name >= self.table_types_known:
            self._meet_types()
        return self.table_types[name]

    cdef int _meet_types(self) except -1:
        cdef int64_t name, count = len(self.table_names._strings)
        done(
            array_reserve(
                <void **>&self.table_types, &self.table_types_capacity, count, sizeof(int32_t)
            )
        )
        for name in range(self.table_types_known, count):
            string = self.table_names.string(name)
            self.table_types[name] = <int32_t>self.names.find(<PyObject *>string)
        self.table_types_known = count
        return 0

    # ---- one event

    cdef int record(
        self, object kind, object tick, object source, object target, object place, object extra,
        object species, str before=None, str after=None,
    ) except -1:
        """Check one event as the reference does, then count and keep it.

        Each field is looked at in the reference's order; what is not of the plainest type goes to
        the shared functions, which convert it or raise. Where an event has two states and no other
        extras, they may come as `before` and `after`, exact strings, in place of `extra`.
        """
        cdef Event event
        cdef object extra_text = None
        cdef object coordinates
        cdef int64_t change = -1
        memset(&event, 0, sizeof(Event))

        if type(kind) is not str:
            kind = name(kind, "event.type")
        if extra is not None and type(extra) is not dict:
            mapping(extra, f"{kind} event.extra")
        if not small_integer(tick, &event.tick):
            event.tick = whole_number(tick, f"{kind} event.tick")
        if source is not None and type(source) is not str:
            source = identifier(source, f"{kind} event.source_id")
        if target is not None and type(target) is not str:
            target = identifier(target, f"{kind} event.target_id")
        if place is not None and not three_floats(place, &event):
            coordinates = position(place, f"{kind} event.position")
            event.x, event.y, event.z = coordinates[0], coordinates[1], coordinates[2]
        event.has_position = place is not None

        event.kind = <int32_t>self.names.find(<PyObject *>kind)
        event.extra_kind = EXTRA_NONE
        if before is not None:
            event.extra.states.before = <int32_t>self.names.find(<PyObject *>before)
            event.extra.states.after = <int32_t>self.names.find(<PyObject *>after)
            event.extra_kind = EXTRA_STATES
        elif extra is not None and extra:
            if two_states(extra, self.names, &event):
                event.extra_kind = EXTRA_STATES
            else:
                extra_text = self._extra_text(extra, kind)
                event.extra_kind = EXTRA_TEXT
                event.extra.text = <PyObject *>extra_text
        if (
            event.extra_kind != EXTRA_NONE and event.kind == self.state_change
            and species is not None
        ):
            change = self._change(extra, &event)
            if change >= 0:
                if type(species) is not str:
                    species = name(species, f"{kind} event.source_species")
                done(
                    counts_add(
                        &self.changes, PAIR(self.names.find(<PyObject *>species), change), 1
                    )
                )
        done(counts_add(&self.types, PAIR(0, event.kind), 1))
        if self.log:
            self._keep(&event, source, target)
        return 0

    cdef object species_of(self, object source):
        """Return the species that an entity of the host states, None if it is not known."""
        cdef PyObject *found
        cdef object entity, entities = self.entities
        if type(source) is not str and not isinstance(source, Hashable):
            return None  # it is no id, as will be said
        if entities is None:
            entities = self.entities = self.entities_of()
        if type(entities) is dict:
            found = PyDict_GetItemWithError(entities, source)
            entity = None if found == NULL else <object>found
        else:
            entity = entities.get(source)
        if type(entity) is dict:
            found = PyDict_GetItemWithError(entity, SPECIES)
            return None if found == NULL else <object>found
        return entity.get(SPECIES) if isinstance(entity, Mapping) else None

    cdef int _keep(self, Event *event, object source, object target) except -1:
        """Put an event into the ring; from here on the ring owns its references."""
        if self.ring.open == self.capacity:
            if self.drop:
                self.recorded += 1
                self.dropped += 1
                self.open_dropped += 1
                return 0
            self.cut()
        if self.ring.used == self.ring.size:
            self.drain()
        if source is not None:
            event.source.string = <PyObject *>source
            Py_INCREF(source)
        if target is not None:
            event.target.string = <PyObject *>target
            Py_INCREF(target)
        if event.extra_kind == EXTRA_TEXT:
            Py_XINCREF(event.extra.text)
        ring_at(&self.ring, self.ring.start + self.ring.used)[0] = event[0]
        self.ring.used += 1
        self.ring.open += 1
        self.recorded += 1
        return 0

    cdef bytes _extra_text(self, object extra, object kind):
        """Return the extras as JSON; flat dicts of plain values need no copy of them first."""
        self.scratch.size = 0
        if put_flat_dict(&self.scratch, extra):
            return PyBytes_FromStringAndSize(self.scratch.data, self.scratch.size)
        return json_text(plain(extra, f"{kind} event.extra"))

    cdef int64_t change_between(self, Event *event) except -1:
        """Return the name of the change between an event's two states."""
        cdef uint64_t pair = PAIR(event.extra.states.before, event.extra.states.after)
        cdef int64_t known = counts_get(&self.known_changes, pair)
        if known:
            return known - 1
        before = self.names.string(event.extra.states.before)
        after = self.names.string(event.extra.states.after)
        change = str(f"{before}>{after}")
        known = self.names.find(<PyObject *>change)
        done(counts_add(&self.known_changes, pair, known + 1))
        return known

    cdef int64_t _change(self, object extra, Event *event) except -2:
        """Return the name of a change of state, or -1 if the extras do not tell it."""
        if event.extra_kind == EXTRA_STATES:
            return self.change_between(event)
        before, after = extra.get(PREV_STATE), extra.get(NEW_STATE)
        if not isinstance(before, str) or not isinstance(after, str):
            return -1
        change = str(f"{str.__str__(before)}>{str.__str__(after)}")
        return self.names.find(<PyObject *>change)

    # ---- batches

    cdef int cut(self) except -1:
        """Close the open batch at the current tick; an empty one leaves no trace."""
        cdef int64_t first = self.first if self.has_first else self.tick
        done(ring_cut(&self.ring, first, self.tick, self.open_dropped))
        self.open_dropped = 0
        self.has_first = True
        self.first = self.tick
        return 0

    cdef int drain(self) except -1:
        """Turn the complete batches into text."""
        cdef int64_t done_batches = 0, size
        cdef Batch *batch
        while done_batches < self.ring.batch_count:
            batch = self.ring.batches + done_batches
            size = self.text.size
            try:
                put_events_line(&self.text, self, batch)
            except:
                # What is not a whole line goes, and its batch stays in the ring.
                self.text.size = size
                self._forget_batches(done_batches)
                raise
            self.text_events += batch.count
            ring_forget(&self.ring, batch.count)
            done_batches += 1
        self._forget_batches(done_batches)
        return 0

    cdef int _forget_batches(self, int64_t count) noexcept:
        self.ring.batch_count -= count
        if self.ring.batch_count:
            memmove(
                self.ring.batches, self.ring.batches + count, self.ring.batch_count * sizeof(Batch)
            )
        return 0

    cdef bytes take(self):
        """Return the lines of the complete batches, and forget them."""
        self.drain()
        cdef bytes lines = text_take(&self.text)
        self.written += self.text_events
        self.text_events = 0
        return lines


cdef inline bint small_integer(object value, int64_t *out) noexcept:
    """Take an int in 0..2**53."""
    cdef int overflow = 0
    if not PyLong_CheckExact(<PyObject *>value):
        return False
    out[0] = PyLong_AsLongLongAndOverflow(<PyObject *>value, &overflow)
    return overflow == 0 and 0 <= out[0] <= LARGEST_TICK


cdef inline bint three_floats(object place, Event *event) noexcept:
    """Take a tuple or list of three floats."""
    cdef PyObject *x
    cdef PyObject *y
    cdef PyObject *z
    if type(place) is tuple and PyTuple_GET_SIZE(place) == 3:
        x = PyTuple_GET_ITEM(place, 0)
        y = PyTuple_GET_ITEM(place, 1)
        z = PyTuple_GET_ITEM(place, 2)
    elif type(place) is list and PyList_GET_SIZE(place) == 3:
        x = PyList_GET_ITEM(place, 0)
        y = PyList_GET_ITEM(place, 1)
        z = PyList_GET_ITEM(place, 2)
    else:
        return False
    if not (PyFloat_CheckExact(x) and PyFloat_CheckExact(y) and PyFloat_CheckExact(z)):
        return False
    event.x = PyFloat_AS_DOUBLE(x)
    event.y = PyFloat_AS_DOUBLE(y)
    event.z = PyFloat_AS_DOUBLE(z)
    return True


cdef inline bint two_states(object extra, Names names, Event *event) except -1:
    """Take {"prev_state": str, "new_state": str}, in this order and nothing else."""
    cdef PyObject *key
    cdef PyObject *value
    cdef Py_ssize_t cursor = 0
    if type(extra) is not dict or len(<dict>extra) != 2:
        return False
    PyDict_Next(extra, &cursor, &key, &value)
    # Names in a program's text are one object; another one takes the longer way.
    if key != <PyObject *>PREV_STATE or type(<object>value) is not str:
        return False
    event.extra.states.before = <int32_t>names.find(value)
    PyDict_Next(extra, &cursor, &key, &value)
    if key != <PyObject *>NEW_STATE or type(<object>value) is not str:
        return False
    event.extra.states.after = <int32_t>names.find(value)
    return True


cdef bint put_flat_dict(Text *text, object values) except -1:
    """Put a dict of str to str, number, bool or None as JSON; False if it holds anything else."""
    cdef PyObject *key
    cdef PyObject *value
    cdef Py_ssize_t cursor = 0
    cdef int overflow = 0
    cdef int64_t integer
    cdef const char *before = b"{"
    if type(values) is not dict:
        return False
    while PyDict_Next(values, &cursor, &key, &value):
        if type(<object>key) is not str:
            return False
        done(put_bytes(text, before, 1))
        before = b","
        put_string(text, <str>key)
        done(put_text(text, b":"))
        if type(<object>value) is str:
            put_string(text, <str>value)
        elif PyFloat_CheckExact(value):
            done(put_number(text, PyFloat_AS_DOUBLE(value)))
        elif PyLong_CheckExact(value):
            integer = PyLong_AsLongLongAndOverflow(value, &overflow)
            if overflow or integer == INT64_MIN:
                return False
            done(put_integer(text, integer))
        elif value == <PyObject *>None:
            done(put_text(text, b"null"))
        elif value == <PyObject *>True:
            done(put_text(text, b"true"))
        elif value == <PyObject *>False:
            done(put_text(text, b"false"))
        else:
            return False
    done(put_text(text, b"}"))
    return True


cdef enum:
    FIELDS = 5

cdef inline int64_t field_of(PyObject *key) except -2:
    """Return the place of an exact string in EVENT_FIELDS, or -1."""
    cdef int64_t place
    # Names in a program's text are one object, and then no string need be compared.
    for place in range(FIELDS):
        if key == PyTuple_GET_ITEM(EVENT_FIELDS, place):
            return place
    if key == <PyObject *>PREV_STATE or key == <PyObject *>NEW_STATE:
        return -1
    for place in range(FIELDS):
        if <str>key == <str>PyTuple_GET_ITEM(EVENT_FIELDS, place):
            return place
    return -1


cdef int record_dict(Events events, dict event) except -1:
    """Record an event that is a plain dict, as record_mapping does."""
    cdef PyObject *next_key
    cdef PyObject *next_value
    cdef Py_ssize_t cursor = 0
    cdef int64_t field
    cdef dict extra = None
    cdef str before = None, after = None
    cdef object key, value
    cdef object kind = None, tick = None, source = None, target = None, place = None, species = None
    while PyDict_Next(event, &cursor, &next_key, &next_value):
        # Held, as a new dict may start the collector, and that any code of the host.
        key, value = <object>next_key, <object>next_value
        if type(key) is not str:
            return record_mapping(events, event)
        field = field_of(next_key)
        if field == 0:
            kind = value
        elif field == 1:
            tick = value
        elif field == 2:
            source = value
        elif field == 3:
            target = value
        elif field == 4:
            place = value
        elif extra is None and after is None and type(value) is str and (
            key is (PREV_STATE if before is None else NEW_STATE)
        ):
            if before is None:
                before = value
            else:
                after = value
        else:
            if extra is None:
                extra = {}
                if before is not None:
                    extra[PREV_STATE] = before
                if after is not None:
                    extra[NEW_STATE] = after
            extra[key] = value
    if extra is None and before is not None and after is None:
        extra = {PREV_STATE: before}
    if extra is not None:
        before = after = None
        if type(kind) is not str or <str>kind == STATE_CHANGE:
            species = extra.get(SOURCE_SPECIES)
    return record_found(
        events, kind, tick, source, target, place, extra, species, before, after
    )


cdef int record_mapping(Events events, object event) except -1:
    """Record an event that is a mapping: what is not a field of every event is its extra."""
    cdef object kind, tick, source, target, place, species
    kind, tick, source, target, place = (
        event.get(TYPE), event.get(TICK), event.get(SOURCE_ID), event.get(TARGET_ID),
        event.get(POSITION),
    )
    extra = {key: event[key] for key in event if key not in EVENT_FIELDS}
    species = extra.get(SOURCE_SPECIES)
    return record_found(events, kind, tick, source, target, place, extra, species, None, None)


cdef int record_object(Events events, object event) except -1:
    """Record an event that is an EventRecord."""
    cdef object kind, tick, source, target, place, extra, species
    try:
        kind, tick, extra = event.event_type, event.tick, event.extra
        source, target, place = event.source_id, event.target_id, event.position
    except AttributeError as error:
        raise HostError(
            "events: expected a mapping with a 'type', or an object with event_type, "
            f"tick, source_id, target_id, position and extra, got {describe(event)}"
        ) from error
    species = getattr(event, "source_species", None)
    return record_found(events, kind, tick, source, target, place, extra, species, None, None)


cdef inline int record_found(
    Events events, object kind, object tick, object source, object target, object place,
    object extra, object species, str before, str after,
) except -1:
    if (
        species is None and kind == STATE_CHANGE and source is not None
        and events.entities_of is not None
    ):
        species = events.species_of(source)
    if tick is None:
        tick = events.tick
    return events.record(kind, tick, source, target, place, extra, species, before, after)

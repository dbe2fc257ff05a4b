# The events of a host that keeps columns: from its arrays into records, and from these to the ring.

cdef enum:
    LARGEST_KNOWN_CODE = 1 << 22


@cython.final
cdef class Ids:
    """Ids as text ready for a line, by code: the host makes each only once."""

    cdef object source      # what the host gave: a callable or a list
    cdef list listed        # the same if it is a plain list, else None
    cdef int64_t *places    # of each code: where its text starts, plus 1; 0 where it is not known
    cdef int64_t capacity
    cdef Text text          # of each id: its length as an int32_t, then its JSON

    def __dealloc__(self):
        free(self.places)
        text_free(&self.text)

    cdef inline bint knows(self, int64_t code) noexcept:
        return code < self.capacity and self.places[code] != 0

    cdef inline bint learn(self, int64_t code) except -1:
        """Know the id of a code if none of the host's own code has to run for it."""
        cdef object found
        if self.knows(code):
            return True
        if self.listed is None or code >= len(self.listed) or code >= LARGEST_KNOWN_CODE:
            return False
        found = self.listed[code]
        if type(found) is not str:
            return False
        self._keep(code, found)
        return True

    cdef object ask(self, int64_t code, str kind, str field):
        """Return the id of a code, and know it from now on unless the code is a very large one."""
        found = id_of(self.source, code)
        if type(found) is not str:
            found = identifier(found, f"{kind} event.{field}")
        if code < LARGEST_KNOWN_CODE:
            self._keep(code, found)
        return found

    cdef int _keep(self, int64_t code, object found) except -1:
        """Keep the text of an id."""
        cdef int64_t before = self.capacity, start
        cdef int32_t size = 0
        done(
            array_reserve(
                <void **>&self.places, &self.capacity, max(code + 1, 256), sizeof(int64_t)
            )
        )
        if self.capacity > before:
            memset(self.places + before, 0, (self.capacity - before) * sizeof(int64_t))
        start = self.text.size
        done(put_bytes(&self.text, <const char *>&size, sizeof(int32_t)))
        if found is None:
            done(put_text(&self.text, b"null"))
        else:
            put_string(&self.text, <str>found)
        size = <int32_t>(self.text.size - start - sizeof(int32_t))
        memcpy(self.text.data + start, &size, sizeof(int32_t))
        self.places[code] = start + 1
        return 0

    cdef inline int put(self, Text *text, int64_t code) except -1:
        """Put the id of a known code as JSON."""
        cdef const char *found = self.text.data + self.places[code] - 1
        cdef int32_t size
        memcpy(&size, found, sizeof(int32_t))
        return done(put_bytes(text, found + sizeof(int32_t), size))


cdef enum:
    BOUND = 6   # entity, species, state, x, y, z
    AXES = 3    # place of x
    ARGUMENTS = 2


cdef int release_all(Strided *columns, int64_t count) noexcept:
    cdef int64_t place
    for place in range(count):
        strided_release(columns + place)
    return 0


cdef class EventTable:
    cdef readonly object ids
    cdef readonly tuple species_names, state_names
    cdef readonly int64_t ticks_kept
    cdef Ids _texts
    cdef Names _names
    cdef CodedEvents _all
    cdef int64_t _tick, _forgotten  # -1 for none
    # The bound columns: the host's objects, and how they are read if all are plain.
    cdef tuple _objects
    cdef object _columns    # the reference's BoundColumns of them, made where it is needed
    cdef bint _plain
    cdef bint _has[BOUND]
    cdef Strided _bound[BOUND]

    def __cinit__(self, *args, **options):
        self._tick = self._forgotten = -1
        self._texts = Ids()
        self._names = Names()

    def __init__(
        self, ids, *, species_names=(), state_names=(), ticks_kept=TICKS_KEPT
    ):
        if self.ids is not None:
            raise HostError("event_table: expected one call of its constructor")
        self.ids = callable_or_list(ids)
        self.species_names = exact_names(species_names, "event_table.species_names")
        self.state_names = exact_names(state_names, "event_table.state_names")
        self.ticks_kept = ticks_to_keep(ticks_kept)
        self._texts.source = ids
        self._texts.listed = ids if type(ids) is list else None
        self.bind(entity=memoryview(b""))

    def __dealloc__(self):
        release_all(self._bound, BOUND)
        coded_events_free(&self._all)

    @property
    def tick(self):
        return None if self._tick < 0 else self._tick

    @property
    def forgotten(self):
        return None if self._forgotten < 0 else self._forgotten

    def bind(self, *, entity, species=None, state=None, x=None, y=None, z=None):
        cdef Strided bound[BOUND]
        cdef bint has[BOUND]
        cdef bint plain = True
        cdef int64_t place
        cdef object columns = None
        cdef tuple objects = (entity, species, state, x, y, z)
        memset(bound, 0, sizeof(bound))
        try:
            for place in range(BOUND):
                value = objects[place]
                has[place] = value is not None
                if place >= AXES and (
                    type(value) is float or type(value) is int and abs(value) <= LARGEST_TICK
                ):
                    bound[place].constant = value
                elif has[place] and plain:
                    plain = strided_take(
                        &bound[place], value, place < AXES, bound[0].count if place else -1
                    )
            plain = plain and has[0]
            if not plain or has[AXES] != has[AXES + 1] or has[AXES] != has[AXES + 2]:
                columns = BoundColumns(self.species_names, self.state_names, *objects)
        except:
            release_all(bound, BOUND)
            raise
        release_all(self._bound, BOUND)
        memcpy(self._bound, bound, sizeof(bound))
        memcpy(self._has, has, sizeof(has))
        self._objects, self._columns, self._plain = objects, columns, plain

    cdef object _any_columns(self):
        """Return the reference's view of the bound columns, for what is not plain or wrong."""
        if self._columns is None:
            self._columns = BoundColumns(self.species_names, self.state_names, *self._objects)
        return self._columns

    def begin_tick(self, tick):
        cdef int64_t next
        if not small_integer(tick, &next) or next <= self._tick:
            next = next_tick(tick, self.tick)
        done(coded_events_tick(&self._all, next))
        self._tick = next
        if self._all.tick_count - self._all.first_tick > self.ticks_kept:
            self._forgotten = self._all.ticks[self._all.first_tick].tick
            coded_events_forget(&self._all)

    def add(self, event_type, rows, targets=None, extra=None):
        self._need_tick()
        if (
            self._plain and type(event_type) is str and extra is None
            and self._add_plain(event_type, rows, targets, False)
        ):
            return
        self._store(self._any_columns().added(event_type, rows, targets, extra))

    def add_changes(self, rows, new_states):
        self._need_tick()
        if (
            self._plain and self._has[2] and new_states is not None
            and self._add_plain(STATE_CHANGE, rows, new_states, True)
        ):
            return
        self._store(self._any_columns().changed(rows, new_states))

    def add_event(self, event_type, extra=None):
        self._need_tick()
        self._store([lone_event(event_type, extra)])

    def ticks_between(self, int64_t after, int64_t tick):
        cdef int64_t place
        return [
            self._all.ticks[place].tick
            for place in range(self._all.first_tick, self._all.tick_count)
            if after < self._all.ticks[place].tick <= tick
        ]

    def check_ticks(self, int64_t after, int64_t tick, *, bint every=True):
        cdef int64_t place = self._all.tick_count, first = self._all.first_tick
        cdef int64_t count = 0
        if self._forgotten <= after and self._tick == tick and tick > after:
            while place > first and self._all.ticks[place - 1].tick > after:
                place -= 1
                count += 1
            if not every or count == tick - after:
                return
        reference_table.EventTable.check_ticks(self, after, tick, every=every)

    def rows_of(self, int64_t tick):
        cdef int64_t place
        cdef list events = []
        for place in range(self._all.first_tick, self._all.tick_count):
            if self._all.ticks[place].tick == tick:
                events = self._events_at(place)
        for kind, source, target, position, extra, species in events:
            yield EventRow(
                kind,
                tick,
                identifier_of(self.ids, source, kind, SOURCE_ID),
                identifier_of(self.ids, target, kind, TARGET_ID),
                position,
                extra,
                self.species_names[species] if species >= 0 else None,
            )

    def __reduce__(self):
        cdef int64_t place
        return reduced(
            self,
            [
                (self._all.ticks[place].tick, self._events_at(place))
                for place in range(self._all.first_tick, self._all.tick_count)
            ],
        )

    def _restore(self, forgotten, ticks):
        for tick, events in ticks:
            self.begin_tick(tick)
            self._store(events)
        self._forgotten = -1 if forgotten is None else forgotten

    cdef list _events_at(self, int64_t place):
        """Return the events of a tick as the reference keeps them."""
        cdef int64_t row
        return [
            self._coded(&self._all.events[row])
            for row in range(self._all.ticks[place].first, coded_events_end(&self._all, place))
        ]

    cdef tuple _coded(self, const CodedEvent *event):
        """Return an event as the reference keeps it."""
        cdef object extra = None
        if event.extra_kind == EXTRA_TEXT:
            extra = <object>event.extra.more
        elif event.extra_kind == EXTRA_STATES:
            extra = {
                PREV_STATE: self.state_names[event.extra.states.before],
                NEW_STATE: self.state_names[event.extra.states.after],
            }
        return (
            self._names.string(event.kind),
            event.source,
            event.target,
            (event.x, event.y, event.z) if event.has_position else None,
            extra,
            event.species,
        )

    cdef inline int _need_tick(self) except -1:
        if self._tick < 0:
            raise HostError("event_table: expected begin_tick(tick) before the first event")
        return 0

    cdef bint _add_plain(self, str kind, object rows, object others, bint are_states) except -1:
        """Record events whose columns are all plain and whose codes all have names.

        False if there is anything else among them, and then nothing was recorded.
        """
        cdef Strided columns[ARGUMENTS]
        memset(columns, 0, sizeof(columns))
        try:
            return (
                strided_take(&columns[0], rows, True, -1)
                and (
                    others is None
                    or strided_take(&columns[1], others, True, columns[0].count)
                )
                and self._plain  # taking a buffer may have run the host's code
                and self._fill(
                    kind, &columns[0], NULL if others is None else &columns[1], are_states
                )
            )
        finally:
            release_all(columns, ARGUMENTS)

    cdef bint _fill(
        self, str kind, const Strided *rows, const Strided *others, bint are_states
    ) except -1:
        cdef int64_t index, row, other, species, before, count = rows.count
        cdef int64_t entities = self._bound[0].count
        cdef int64_t state_count = len(self.state_names), species_count = len(self.species_names)
        cdef int32_t kind_name = <int32_t>self._names.find(<PyObject *>kind)
        cdef CodedEvent *event = coded_events_room(&self._all, count)
        if event == NULL:
            raise MemoryError
        for index in range(count):
            row = strided_code(rows, index)
            if not 0 <= row < entities:
                return False
            event.kind = kind_name
            event.source = strided_code(&self._bound[0], row)
            event.target = -1
            event.extra_kind = EXTRA_NONE
            if event.source == INT64_MAX:
                return False
            if others != NULL:
                other = strided_code(others, index)
                if are_states:
                    before = strided_code(&self._bound[2], row)
                    if not (0 <= other < state_count and 0 <= before < state_count):
                        return False
                    event.extra_kind = EXTRA_STATES
                    event.extra.states.before = <int32_t>before
                    event.extra.states.after = <int32_t>other
                elif other >= entities:
                    return False
                elif other >= 0:
                    event.target = strided_code(&self._bound[0], other)
                    if event.target == INT64_MAX:
                        return False
            species = strided_code(&self._bound[1], row) if self._has[1] else -1
            if species >= species_count:
                return False
            event.species = <int32_t>max(species, -1)
            event.has_position = self._has[AXES]
            if event.has_position:
                event.x = strided_number(&self._bound[AXES], row)
                event.y = strided_number(&self._bound[AXES + 1], row)
                event.z = strided_number(&self._bound[AXES + 2], row)
            event += 1
        self._all.end += count
        return True

    cdef int _store(self, list events) except -1:
        """Record events as the reference has them."""
        cdef CodedEvent *event
        cdef int64_t index, count = len(events)
        # Names first: nothing can fail once the records are begun.
        names = [self._names.find(<PyObject *>kind) for kind in [one[0] for one in events]]
        event = coded_events_room(&self._all, count)
        if event == NULL:
            raise MemoryError
        for index in range(count):
            _, source, target, position, extra, species = events[index]
            event.kind = <int32_t><int64_t>names[index]
            event.source = max(source, -1)
            event.target = max(target, -1)
            event.species = max(species, -1)
            event.has_position = position is not None
            if position is not None:
                event.x, event.y, event.z = position
            event.extra_kind = EXTRA_NONE
            if extra is not None:
                event.extra_kind = EXTRA_TEXT
                Py_INCREF(extra)
                event.extra.more = <PyObject *>extra
            event += 1
        self._all.end += count
        return 0


cdef int record_table_of(Events events, EventTable table, int64_t after, int64_t tick) except -1:
    """Record the events of each tick after `after` and up to `tick`."""
    cdef CodedEvents *all = &table._all
    cdef int64_t place = all.first_tick, count = 0, start, row
    cdef CodedEvent *coded
    cdef CodedEvent *copied = NULL
    cdef TickEvents *ticks = NULL
    while place < all.tick_count and all.ticks[place].tick <= after:
        place += 1
    while place + count < all.tick_count and all.ticks[place + count].tick <= tick:
        count += 1
    if count == 0:
        return 0
    start = all.ticks[place].first
    try:
        # Where its end is that of the last tick, one entry more.
        ticks = <TickEvents *>malloc((count + 1) * sizeof(TickEvents))
        if ticks == NULL:
            raise MemoryError
        memcpy(ticks, all.ticks + place, count * sizeof(TickEvents))
        ticks[count].first = coded_events_end(all, place + count - 1)
        coded = all.events + start
        if not learn_all(table._texts, coded, ticks[count].first - start):
            # What the host does to say an id may change the table under this loop.
            copied = <CodedEvent *>malloc((ticks[count].first - start) * sizeof(CodedEvent))
            if copied == NULL:
                raise MemoryError
            memcpy(copied, coded, (ticks[count].first - start) * sizeof(CodedEvent))
            for row in range(ticks[count].first - start):
                if copied[row].extra_kind == EXTRA_TEXT:
                    Py_XINCREF(copied[row].extra.more)
            coded = copied
        for place in range(count):
            events.begin_tick(ticks[place].tick)
            for row in range(ticks[place].first - start, ticks[place + 1].first - start):
                record_coded(events, table, coded + row)
            events.end_tick()
    finally:
        if copied != NULL:
            for row in range(ticks[count].first - start):
                if copied[row].extra_kind == EXTRA_TEXT:
                    Py_XDECREF(copied[row].extra.more)
        free(copied)
        free(ticks)
    return 0


cdef bint learn_all(Ids ids, const CodedEvent *coded, int64_t count) except -1:
    """Learn the ids of events; False if the host's own code has to run for one."""
    cdef int64_t row
    for row in range(count):
        if coded[row].extra_kind == EXTRA_TEXT:
            return False  # it is recorded as the reference does it, which asks every time
        if coded[row].source >= 0 and not ids.learn(coded[row].source):
            return False
        if coded[row].target >= 0 and not ids.learn(coded[row].target):
            return False
    return True


cdef int record_coded(Events events, EventTable table, const CodedEvent *coded) except -1:
    """Count and keep one event of a table."""
    cdef Event event
    cdef object source, target
    cdef str kind
    cdef int64_t species
    if coded.extra_kind == EXTRA_TEXT:
        kind, code, other, position, extra, species_code = table._coded(coded)
        source = identifier_of(table.ids, code, kind, SOURCE_ID)
        target = identifier_of(table.ids, other, kind, TARGET_ID)
        return events.record(
            kind, events.tick, source, target, position, extra,
            table.species_names[species_code] if species_code >= 0 else None,
        )
    memset(&event, 0, sizeof(Event))
    source = known_id(table, &event.source, &event.source_is_code, coded.source, coded.kind, SOURCE_ID)
    target = known_id(table, &event.target, &event.target_is_code, coded.target, coded.kind, TARGET_ID)
    event.tick = events.tick
    event.kind = <int32_t>events.name_of_table(coded.kind)
    event.has_position = coded.has_position
    event.x, event.y, event.z = coded.x, coded.y, coded.z
    if coded.extra_kind == EXTRA_STATES:
        event.extra_kind = EXTRA_STATES
        event.extra.states.before = events.table_states[coded.extra.states.before]
        event.extra.states.after = events.table_states[coded.extra.states.after]
        if coded.species >= 0:
            species = events.table_species[coded.species]
            done(counts_add(&events.changes, PAIR(species, events.change_between(&event)), 1))
    done(counts_add(&events.types, PAIR(0, event.kind), 1))
    if events.log:
        events._keep(&event, source, target)
    return 0


cdef inline object known_id(
    EventTable table, Identifier *place, uint8_t *is_code, int64_t code, int32_t kind, str field
):
    """Let an event name an entity by a code whose text is known; else return its id."""
    cdef object found = None
    if code < 0:
        return None
    if not table._texts.knows(code):
        found = table._texts.ask(code, table._names.string(kind), field)
        if not table._texts.knows(code):
            return found
    place.code = code
    is_code[0] = True
    return None

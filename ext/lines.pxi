# Lines of JSON, byte for byte what json.dumps makes of the reference's records.

cdef int put_events_line(Text *text, Events events, Batch *batch) except -1:
    """Put the line of a batch whose events are the oldest of the ring."""
    cdef Ring *ring = &events.ring
    cdef Names names = events.names
    cdef int64_t i, start = ring.start, count = batch.count
    cdef Event *event
    cdef const char *before = b"["
    done(put_bytes(text, events.head, len(events.head)))
    done(put_integer(text, batch.first))
    done(put_text(text, b","))
    done(put_integer(text, batch.last))
    done(put_text(text, b'],"count":'))
    done(put_integer(text, count))

    done(put_text(text, b',"tick":'))
    for i in range(count):
        done(put_bytes(text, before, 1))
        before = b","
        done(put_integer(text, ring_at(ring, start + i).tick))
    done(put_text(text, b'],"type":'))
    before = b"["
    for i in range(count):
        done(put_bytes(text, before, 1))
        before = b","
        names.put(text, ring_at(ring, start + i).kind)
    done(put_text(text, b'],"source_id":'))
    before = b"["
    for i in range(count):
        done(put_bytes(text, before, 1))
        before = b","
        event = ring_at(ring, start + i)
        put_identifier(text, events.ids, event.source, event.source_is_code)
    done(put_text(text, b'],"target_id":'))
    before = b"["
    for i in range(count):
        done(put_bytes(text, before, 1))
        before = b","
        event = ring_at(ring, start + i)
        put_identifier(text, events.ids, event.target, event.target_is_code)
    done(put_text(text, b'],"position":'))
    before = b"["
    for i in range(count):
        done(put_bytes(text, before, 1))
        before = b","
        event = ring_at(ring, start + i)
        if not event.has_position:
            done(put_text(text, b"null"))
            continue
        done(put_place(text, event.x, event.y, event.z))
    done(put_text(text, b'],"extra":'))
    before = b"{"
    for i in range(count):
        event = ring_at(ring, start + i)
        if event.extra_kind == EXTRA_NONE:
            continue
        done(put_bytes(text, before, 1))
        before = b","
        done(put_text(text, b'"') or put_integer(text, i) or put_text(text, b'":'))
        if event.extra_kind == EXTRA_TEXT:
            done(
                put_bytes(
                    text, PyBytes_AS_STRING(<object>event.extra.text),
                    PyBytes_GET_SIZE(<object>event.extra.text),
                )
            )
            continue
        done(put_text(text, b'{"prev_state":'))
        names.put(text, event.extra.states.before)
        done(put_text(text, b',"new_state":'))
        names.put(text, event.extra.states.after)
        done(put_text(text, b"}"))
    if before[0] == b"{":
        done(put_text(text, b"{"))
    done(put_text(text, b"}"))
    if batch.dropped:
        done(put_bytes(text, DROPPED_HEAD, len(DROPPED_HEAD)))
        done(put_integer(text, batch.dropped) or put_text(text, b"}"))
    return done(put_text(text, b"}\n"))


cdef inline int put_identifier(Text *text, Ids ids, Identifier entity, bint is_code) except -1:
    if is_code:
        return ids.put(text, entity.code)
    if entity.string == NULL:
        return done(put_text(text, b"null"))
    return put_string(text, <str>entity.string)


@cython.final
cdef class Samples:
    """The queue of samples."""

    cdef Names names
    cdef list variables     # JSON of each variable's name, ready to be put
    cdef bytes head
    cdef int64_t reproduction, predation, pollination
    cdef Words queue
    cdef int64_t count
    cdef Text text

    def __cinit__(self, Names names, str run_id, tuple variables):
        self.names = names
        self.variables = [json_text(variable) + b':{"n":' for variable in variables]
        self.head = b'{"record":"sample","run_id":%b,"tick":' % json_text(run_id)
        self.reproduction = names.find(<PyObject *>REPRODUCTION)
        self.predation = names.find(<PyObject *>PREDATION)
        self.pollination = names.find(<PyObject *>POLLINATION)

    def __dealloc__(self):
        words_free(&self.queue)
        text_free(&self.text)

    cdef int add(
        self, int64_t tick, int64_t first, Population population, Words *layers,
        int64_t layer_count, Events events,
    ) except -1:
        """Queue a sample of what was read, as samples.h has it."""
        cdef Counts *states = &population.states
        cdef Counts *types = &events.types
        cdef Counts *changes = &events.changes
        cdef int64_t i
        cdef Word *word = words_add(
            &self.queue,
            8 + population.words.size + layers.size
            + 2 * (states.used + types.used + changes.used),
        )
        if word == NULL:
            raise MemoryError
        word[0].integer = tick
        word[1].integer = first
        word[2].integer = population.entity_count
        word[3].integer = population.listed
        word[4].integer = states.used
        word[5].integer = layer_count
        word[6].integer = types.used
        word[7].integer = changes.used
        word += 8
        if population.words.size:
            memcpy(word, population.words.data, population.words.size * sizeof(Word))
        word += population.words.size
        for i in range(states.used):
            place = PAIR_FIRST(states.entries[i].key)
            word[0].integer = <int64_t>PAIR(
                population.species[place].name, PAIR_SECOND(states.entries[i].key)
            )
            word[1].integer = states.entries[i].count
            word += 2
        if layers.size:
            memcpy(word, layers.data, layers.size * sizeof(Word))
        word += layers.size
        for i in range(types.used):
            word[0].integer = PAIR_SECOND(types.entries[i].key)
            word[1].integer = types.entries[i].count
            word += 2
        for i in range(changes.used):
            word[0].integer = <int64_t>changes.entries[i].key
            word[1].integer = changes.entries[i].count
            word += 2
        self.count += 1
        return 0

    cdef bytes take(self):
        """Return the lines of the queued samples, and forget them."""
        cdef Word *word = self.queue.data
        self.text.size = 0
        self.names.rank()
        for _ in range(self.count):
            word = self._put(&self.text, word)
        lines = text_take(&self.text)
        self.queue.size = 0
        self.count = 0
        return lines

    cdef Word *_put(self, Text *text, Word *word) except NULL:
        """Put the line of one sample, and return where the next begins."""
        cdef int64_t species_count = word[3].integer, state_count = word[4].integer
        cdef int64_t layer_count = word[5].integer
        cdef int64_t type_count = word[6].integer, change_count = word[7].integer
        cdef Word *species = word + 8
        cdef Word *after = species
        cdef int64_t i
        for i in range(species_count):
            after += 3 + 5 * after[2].integer
        cdef Count *counts = <Count *>malloc(
            (state_count + type_count + change_count + 1) * sizeof(Count)
        )
        if counts == NULL:
            raise MemoryError
        try:
            done(
                put_bytes(text, self.head, len(self.head))
                or put_integer(text, word[0].integer)
                or put_text(text, b',"window":[')
                or put_integer(text, word[1].integer)
                or put_text(text, b",")
                or put_integer(text, word[0].integer)
                or put_text(text, b'],"entity_count":')
                or put_integer(text, word[2].integer)
                or put_text(text, b',"species":')
            )
            self._ranked(counts, after, state_count, True)
            self._put_species(text, species, species_count, counts, state_count)
            after += 2 * state_count
            done(put_text(text, b',"voxels":'))
            after = self._put_layers(text, after, layer_count)
            done(put_text(text, b',"events":'))
            self._ranked(counts, after, type_count, False)
            self._put_types(text, counts, type_count)
            after += 2 * type_count
            done(put_text(text, b',"transitions":'))
            self._ranked(counts, after, change_count, True)
            self._put_changes(text, counts, change_count)
            after += 2 * change_count
            done(put_text(text, b"}\n"))
        finally:
            free(counts)
        return after

    cdef int _ranked(self, Count *counts, Word *words, int64_t count, bint pairs) except -1:
        """Copy counts of names, sorted as Python sorts the strings (pairs: by both)."""
        cdef int64_t i, first, second
        for i in range(count):
            first = PAIR_FIRST(words[2 * i].integer)
            second = PAIR_SECOND(words[2 * i].integer)
            counts[i].key = PAIR(
                self.names.names[first].rank if pairs else 0, self.names.names[second].rank
            )
            counts[i].count = words[2 * i + 1].integer
        sort_counts(counts, count)
        return 0

    cdef int _put_species(
        self, Text *text, Word *word, int64_t species_count, Count *states, int64_t state_count,
    ) except -1:
        cdef int64_t i, variable, variables, rank
        cdef Count *end = states + state_count
        cdef bytes variable_text
        cdef const char *before
        if species_count == 0:
            return done(put_text(text, b"{}"))
        for i in range(species_count):
            done(put_text(text, b"," if i else b"{"))
            self.names.put(text, word[0].integer)
            done(put_text(text, b':{"count":') or put_integer(text, word[1].integer))
            done(put_text(text, b',"states":{'))
            rank = self.names.names[word[0].integer].rank
            before = b""
            while states < end and PAIR_FIRST(states.key) == rank:
                done(put_text(text, before))
                before = b","
                self._put_count(text, states)
                states += 1
            done(put_text(text, b'},"vars":{'))
            variables = word[2].integer
            word += 3
            for variable in range(variables):
                if variable:
                    done(put_text(text, b","))
                variable_text = self.variables[word[0].integer]
                done(
                    put_bytes(text, PyBytes_AS_STRING(variable_text), PyBytes_GET_SIZE(variable_text))
                    or put_integer(text, word[1].integer)
                    or put_text(text, b',"mean":')
                    or put_number(text, word[3].number)
                    or put_text(text, b',"std":')
                    or put_number(text, word[4].number)
                    or put_nonfinite(text, word[2].integer)
                    or put_text(text, b"}")
                )
                word += 5
            done(put_text(text, b"}}"))
        return done(put_text(text, b"}"))

    cdef inline int _put_count(self, Text *text, Count *count) except -1:
        """Put the second of a pair of ranks as a name, with its count."""
        self.names.put(text, self.names.by_rank[PAIR_SECOND(count.key)])
        return done(put_text(text, b":") or put_integer(text, count.count))

    cdef Word *_put_layers(self, Text *text, Word *word, int64_t layer_count) except NULL:
        cdef int64_t i
        if layer_count == 0:
            done(put_text(text, b"{"))
        for i in range(layer_count):
            done(put_text(text, b"," if i else b"{"))
            self.names.put(text, word[0].integer)
            done(
                put_text(text, b':{"mean":')
                or put_number(text, word[3].number)
                or put_text(text, b',"min":')
                or put_number(text, word[4].number)
                or put_text(text, b',"max":')
                or put_number(text, word[5].number)
                or put_text(text, b',"var":')
                or put_number(text, word[6].number)
                or put_nonfinite(text, word[2].integer)
                or put_text(text, b"}")
            )
            word += 7
        done(put_text(text, b"}"))
        return word

    cdef int _put_types(self, Text *text, Count *types, int64_t type_count) except -1:
        cdef int64_t i, name, deaths = 0, reproductions = 0, predations = 0, pollinations = 0
        for i in range(type_count):
            name = self.names.by_rank[PAIR_SECOND(types[i].key)]
            if self.names.names[name].death:
                deaths += types[i].count
            elif name == self.reproduction:
                reproductions = types[i].count
            elif name == self.predation:
                predations = types[i].count
            elif name == self.pollination:
                pollinations = types[i].count
        done(
            put_text(text, b'{"deaths":')
            or put_integer(text, deaths)
            or put_text(text, b',"reproductions":')
            or put_integer(text, reproductions)
            or put_text(text, b',"predations":')
            or put_integer(text, predations)
            or put_text(text, b',"pollinations":')
            or put_integer(text, pollinations)
            or put_text(text, b',"by_type":{')
        )
        for i in range(type_count):
            if i:
                done(put_text(text, b","))
            self._put_count(text, types + i)
        return done(put_text(text, b"}}"))

    cdef int _put_changes(self, Text *text, Count *changes, int64_t change_count) except -1:
        cdef int64_t i, species = -1
        done(put_text(text, b"{"))
        for i in range(change_count):
            if PAIR_FIRST(changes[i].key) == species:
                done(put_text(text, b","))
            else:
                done(put_text(text, b"" if species < 0 else b"},"))
                species = PAIR_FIRST(changes[i].key)
                self.names.put(text, self.names.by_rank[species])
                done(put_text(text, b":{"))
            self._put_count(text, changes + i)
        return done(put_text(text, b"}" if species < 0 else b"}}"))


cdef inline int put_nonfinite(Text *text, int64_t count) noexcept:
    if count == 0:
        return 0
    return put_text(text, b',"nonfinite":') or put_integer(text, count)

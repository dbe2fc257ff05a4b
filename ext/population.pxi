# The entities of one tick, read as rows and turned into the moments of each species.

cdef struct Species:
    int64_t name
    int64_t reading   # number of the reading that last met the species
    int64_t count     # its entities in that reading
    bint declared     # whether samples list it
    PyObject *has     # owned: the tuple of names last looked through, or NULL


@cython.final
cdef class Population:
    """Species known, and the rows of the reading under way.

    A reading is begin, then rows, then finish. What it finds out about species becomes known in
    finish alone, so that one that fails leaves no trace.
    """

    cdef Names names
    cdef const Kernel *kernel
    cdef int64_t variables

    cdef Species *species
    cdef int64_t species_count, species_capacity
    # One row a species, one byte a variable: whether it is known to have it, and whether it has
    # it in this reading.
    cdef uint8_t *known
    cdef int64_t known_capacity
    cdef uint8_t *owned
    cdef int64_t owned_capacity
    # The same for Species.has, whether or not the host has the columns.
    cdef uint8_t *has
    cdef int64_t has_capacity
    cdef Moments *found
    cdef int64_t found_capacity
    cdef int64_t *order       # the declared species, sorted by name
    cdef int64_t declared, order_capacity

    cdef int64_t reading
    cdef int64_t rows, row_capacity
    cdef int32_t *group       # species of each row, or -1
    cdef Counts states_read
    cdef double *arena
    cdef int64_t arena_capacity
    cdef int64_t *cursor
    cdef int64_t cursor_capacity
    # Rows read from dicts: a value and a byte (has it) for every variable of a row.
    cdef double *values
    cdef int64_t values_capacity
    cdef uint8_t *present
    cdef int64_t present_capacity

    # The last finished reading, as it goes into a sample.
    cdef Words words
    cdef Counts states
    cdef int64_t entity_count, listed

    def __cinit__(self, Names names, int64_t variables):
        self.names = names
        self.variables = variables
        self.kernel = KERNELS[KERNEL_COUNT - 1]

    def __dealloc__(self):
        cdef int64_t place
        for place in range(self.species_count):
            Py_XDECREF(self.species[place].has)
        free(self.species)
        free(self.has)
        free(self.known)
        free(self.owned)
        free(self.found)
        free(self.order)
        free(self.group)
        free(self.arena)
        free(self.cursor)
        free(self.values)
        free(self.present)
        counts_free(&self.states_read)
        counts_free(&self.states)
        words_free(&self.words)

    # ---- species

    cdef inline int64_t place(self, int64_t name) except -1:
        """Return the place of a species among all that were ever met."""
        cdef int64_t place = self.names.names[name].species
        return place if place >= 0 else self._new_place(name)

    cdef int64_t _new_place(self, int64_t name) except -1:
        cdef int64_t place = self.species_count
        cdef int64_t cells = max(place + 1, 16) * self.variables + 1
        done(
            array_reserve(
                <void **>&self.species, &self.species_capacity, max(place + 1, 16), sizeof(Species)
            )
            or array_reserve(<void **>&self.known, &self.known_capacity, cells, 1)
            or array_reserve(<void **>&self.owned, &self.owned_capacity, cells, 1)
            or array_reserve(<void **>&self.has, &self.has_capacity, cells, 1)
            or array_reserve(<void **>&self.found, &self.found_capacity, cells, sizeof(Moments))
            or array_reserve(
                <void **>&self.cursor, &self.cursor_capacity, cells, sizeof(int64_t)
            )
        )
        memset(self.species + place, 0, sizeof(Species))
        memset(self.known + place * self.variables, 0, self.variables)
        self.species[place].name = name
        self.species[place].reading = -1
        self.names.names[name].species = <int32_t>place
        self.species_count += 1
        return place

    cdef int declare(self, int64_t place) except -1:
        """List a species in samples from now on."""
        if self.species[place].declared:
            return 0
        done(
            array_reserve(
                <void **>&self.order, &self.order_capacity, self.declared + 1, sizeof(int64_t)
            )
        )
        name = self.names.string(self.species[place].name)
        cdef int64_t before = self.declared
        while before > 0 and name < self.names.string(self.species[self.order[before - 1]].name):
            self.order[before] = self.order[before - 1]
            before -= 1
        self.order[before] = place
        self.declared += 1
        self.species[place].declared = True
        return 0

    # ---- a reading

    cdef int begin(self, int64_t rows) except -1:
        """Forget the rows of the last reading; `rows` says how many to expect."""
        self.reading += 1
        self.rows = 0
        counts_clear(&self.states_read)
        return self.reserve(rows)

    cdef int reserve(self, int64_t rows) except -1:
        return done(
            array_reserve(<void **>&self.group, &self.row_capacity, max(rows, 64), sizeof(int32_t))
        )

    cdef int reserve_values(self, int64_t rows) except -1:
        cdef int64_t cells = max(rows, 64) * self.variables
        return done(
            array_reserve(<void **>&self.values, &self.values_capacity, cells, sizeof(double))
            or array_reserve(<void **>&self.present, &self.present_capacity, cells, 1)
        )

    cdef inline int meet(self, int64_t place) noexcept:
        """Note that a species occurs in this reading."""
        if self.species[place].reading != self.reading:
            self.species[place].reading = self.reading
            self.species[place].count = 0
            memset(self.owned + place * self.variables, 0, self.variables)
        return 0

    cdef int finish(self, const Column *columns) except -1:
        """Turn the rows into the species part of the next sample.

        `columns` has one entry a variable; those without values are skipped.
        """
        cdef int64_t place, variable, cell, first = 0, rows = 0, total = 0
        for place in range(self.species_count):
            if self.species[place].reading == self.reading:
                self.declare(place)
                total += self.species[place].count
                for cell in range(place * self.variables, (place + 1) * self.variables):
                    self.known[cell] |= self.owned[cell]
        done(
            array_reserve(
                <void **>&self.arena, &self.arena_capacity, total * self.variables, sizeof(double)
            )
        )
        for place in range(self.species_count):
            if self.species[place].reading == self.reading:
                for variable in range(self.variables):
                    self.cursor[place * self.variables + variable] = variable * total + rows
                rows += self.species[place].count
        gather(
            columns, self.variables, self.group, self.rows, self.owned, self.cursor, self.arena
        )
        rows = 0
        for place in range(self.species_count):
            if self.species[place].reading != self.reading:
                continue
            for variable in range(self.variables):
                cell = place * self.variables + variable
                first = variable * total + rows
                done(
                    moments(
                        self.kernel, self.arena + first, self.cursor[cell] - first,
                        self.found + cell,
                    )
                )
            rows += self.species[place].count
        self.states, self.states_read = self.states_read, self.states
        self.entity_count = total
        self._list()
        return 0

    cdef int _list(self) except -1:
        """Write every declared species, in order, as samples.h has it."""
        cdef int64_t i, place, variable, known
        cdef Moments nothing
        cdef Moments *found
        cdef Word *word
        nothing.n = nothing.nonfinite = 0
        self.words.size = 0
        for i in range(self.declared):
            place = self.order[i]
            known = 0
            for variable in range(self.variables):
                known += self.known[place * self.variables + variable]
            word = words_add(&self.words, 3 + 5 * known)
            if word == NULL:
                raise MemoryError
            word[0].integer = self.species[place].name
            word[1].integer = (
                self.species[place].count if self.species[place].reading == self.reading else 0
            )
            word[2].integer = known
            word += 3
            for variable in range(self.variables):
                if not self.known[place * self.variables + variable]:
                    continue
                found = self.found + place * self.variables + variable
                word[0].integer = variable
                if self.species[place].reading != self.reading:
                    found = &nothing
                word[1].integer = found.n
                word[2].integer = found.nonfinite
                word[3].number = found.mean if found.n else NAN
                word[4].number = found.deviation if found.n else NAN
                word += 5
        self.listed = self.declared
        return 0

    cdef int forget(self) noexcept:
        """Leave nothing for the next sample, as before the first reading."""
        self.words.size = 0
        self.listed = 0
        self.entity_count = 0
        counts_clear(&self.states)
        return 0


# ---- hosts with dicts -----------------------------------------------------------------------------


cdef int read_entity(Population rows, tuple variables, object key, object entity, bint keyed) except -1:
    """Read one entity as the next row."""
    cdef Names names = rows.names
    cdef PyObject *found
    cdef object species, state, state_vars, value
    cdef int64_t row = rows.rows, cell = row * rows.variables, place, variable
    cdef bint plain_entity = type(entity) is dict
    if row >= rows.row_capacity:
        rows.reserve(2 * row)
    if row * rows.variables + rows.variables > rows.values_capacity or rows.values == NULL:
        rows.reserve_values(2 * row)

    if plain_entity:
        found = PyDict_GetItemWithError(entity, SPECIES)
        species = None if found == NULL else <object>found
    else:
        if not isinstance(entity, Mapping):
            raise HostError(f"entities[{key!r}]: expected a mapping, got {describe(entity)}")
        species = entity.get(SPECIES)
    if not keyed:
        identity = entity.get(ID)
        if identity is not None:
            key = identity
    if species is None:
        species = UNKNOWN_SPECIES
    elif type(species) is not str:
        species = name(species, f"entities[{key!r}].species")
    place = rows.place(names.find(<PyObject *>species))
    rows.meet(place)
    rows.group[row] = <int32_t>place

    if plain_entity:
        found = PyDict_GetItemWithError(entity, STATE)
        state = None if found == NULL else <object>found
    else:
        state = entity.get(STATE)
    cdef int64_t state_name = -1
    if state is not None:
        if type(state) is not str:
            state = name(state, f"entities[{key!r}].state")
        state_name = names.find(<PyObject *>state)

    if plain_entity:
        found = PyDict_GetItemWithError(entity, STATE_VARS)
        state_vars = None if found == NULL else <object>found
    else:
        state_vars = entity.get(STATE_VARS)
    memset(rows.present + cell, 0, rows.variables)
    if type(state_vars) is dict:
        for variable in range(rows.variables):
            found = PyDict_GetItemWithError(state_vars, <object>PyTuple_GET_ITEM(variables, variable))
            if found == NULL or found == <PyObject *>None:
                continue
            if PyFloat_CheckExact(found):
                rows.values[cell + variable] = PyFloat_AS_DOUBLE(found)
            else:
                value = number_of(<object>found, key, variables[variable])
                rows.values[cell + variable] = value
            rows.present[cell + variable] = 1
            rows.owned[place * rows.variables + variable] = 1
    elif state_vars is not None:
        state_vars = mapping(state_vars, f"entities[{key!r}].state_vars")
        for variable in range(rows.variables):
            value = state_vars.get(variables[variable])
            if value is None:
                continue
            rows.values[cell + variable] = number_of(value, key, variables[variable])
            rows.present[cell + variable] = 1
            rows.owned[place * rows.variables + variable] = 1

    if state_name >= 0:
        done(counts_add(&rows.states_read, PAIR(place, state_name), 1))
    rows.species[place].count += 1
    rows.rows = row + 1
    return 0


cdef object number_of(object value, object key, object variable):
    if type(value) is float:
        return value
    return number(value, f"entities[{key!r}].state_vars[{variable!r}]")


cdef int read_dicts(Population rows, tuple variables, object entities) except -1:
    """Read every entity of a mapping or an iterable."""
    cdef PyObject *key
    cdef PyObject *entity
    cdef Py_ssize_t cursor = 0, size
    cdef Column *columns
    cdef int64_t variable
    if type(entities) is dict:
        size = len(<dict>entities)
        rows.begin(size)
        rows.reserve_values(size)
        while PyDict_Next(entities, &cursor, &key, &entity):
            read_entity(rows, variables, <object>key, <object>entity, True)
            if len(<dict>entities) != size:
                raise RuntimeError("dictionary changed size during iteration")
    else:
        rows.begin(0)
        rows.reserve_values(0)
        keyed = isinstance(entities, Mapping)
        for item, value in entities.items() if keyed else enumerate(entities):
            read_entity(rows, variables, item, value, keyed)
    columns = <Column *>calloc(rows.variables + 1, sizeof(Column))
    if columns == NULL:
        raise MemoryError
    try:
        for variable in range(rows.variables):
            columns[variable].values = rows.values + variable
            columns[variable].present = rows.present + variable
            columns[variable].step = rows.variables
        rows.finish(columns)
    finally:
        free(columns)
    return 0


# ---- hosts with columns ---------------------------------------------------------------------------


cdef int own(Population rows, tuple variables, int64_t place, const Column *read, object has) except -1:
    """Note which of the variables read a species has."""
    cdef int64_t variable, cell = place * rows.variables
    rows.meet(place)
    if <PyObject *>has != rows.species[place].has:
        for variable in range(rows.variables):
            rows.has[cell + variable] = variables[variable] in has
        Py_XDECREF(rows.species[place].has)
        rows.species[place].has = NULL
        # A tuple of strings is the same next time; anything else may not be.
        if type(has) is tuple and all([type(item) is str for item in has]):
            Py_INCREF(has)
            rows.species[place].has = <PyObject *>has
    for variable in range(rows.variables):
        if read[variable].step != 0:
            rows.owned[cell + variable] |= rows.has[cell + variable]
    return 0


cdef int read_columns_of(Population rows, tuple variables, object columns) except -1:
    """Read every living row of a host's EntityColumns."""
    cdef View species, state, alive = None, view
    cdef NameList species_names, state_names
    cdef list views = []
    cdef Names names = rows.names
    cdef int64_t length, row, code, state_code, place, variable, unknown
    cdef int64_t *codes
    cdef int64_t *states
    cdef int64_t *living = NULL
    cdef Column *read

    species = view_of(columns.species, True, -1, "entity_columns.species")
    length = species.count
    state = view_of(columns.state, True, length, "entity_columns.state")
    living_column = getattr(columns, "alive", None)
    if living_column is not None:
        alive = view_of(living_column, True, length, "entity_columns.alive")
    read = <Column *>calloc(rows.variables + 1, sizeof(Column))
    codes = <int64_t *>malloc((3 * length + 1) * sizeof(int64_t))
    try:
        if read == NULL or codes == NULL:
            raise MemoryError
        host_variables = columns.variables
        for variable in range(rows.variables):
            if variables[variable] in host_variables:
                view = view_of(
                    host_variables[variables[variable]], False, length,
                    (VARIABLES_PLACE, variables[variable]), True,
                )
                views.append(view)  # holds the buffer while it is read
                read[variable].values = view.doubles()
                read[variable].singles = view.floats()
                read[variable].step = view.step or 1  # an empty column is one too
        species_names = names.list_of(columns.species_names, "entity_columns.species_names")
        state_names = names.list_of(columns.state_names, "entity_columns.state_names")
        widen(species.buffer.buf, species.format, length, codes)
        states = codes + length
        widen(state.buffer.buf, state.format, length, states)
        if alive is not None:
            living = codes + 2 * length
            widen(alive.buffer.buf, alive.format, length, living)
        rows.begin(length)
        has = columns.species_variables
        unknown = rows.place(names.find(<PyObject *>UNKNOWN_SPECIES))
        for code in range(species_names.count):
            place = rows.place(species_names.names[code])
            own(rows, variables, place, read, has.get(names.string(species_names.names[code]), ()))
        unknown_has = has.get(UNKNOWN_SPECIES, ())
        for row in range(length):
            if living != NULL and living[row] == 0:
                rows.group[row] = -1
                continue
            code, state_code = codes[row], states[row]
            if code >= species_names.count:
                raise unnamed_code(columns.species, row, species_names.count, "species")
            if state_code >= state_names.count:
                raise unnamed_code(columns.state, row, state_names.count, "state")
            if code >= 0:
                place = names.names[species_names.names[code]].species
            else:
                place = unknown
                if rows.species[place].reading != rows.reading:
                    own(rows, variables, place, read, unknown_has)
            rows.group[row] = <int32_t>place
            rows.species[place].count += 1
            if state_code >= 0:
                done(
                    counts_add(
                        &rows.states_read, PAIR(place, state_names.names[state_code]), 1
                    )
                )
        rows.rows = length
        rows.finish(read)
    finally:
        free(codes)
        free(read)
    return 0


cdef object unnamed_code(object column, int64_t row, int64_t count, str which):
    """Return the error for a code that has no name, with the code as the host gave it."""
    code = code_buffer(column, None, "")[row]
    return HostError(f"entity_columns.{which}[{row}]: expected a code below {count}, got {code}")

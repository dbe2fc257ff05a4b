# Entities of hosts that keep columns, read into the rows of a Population.

cdef enum:
    WIDENED = 64

cdef int own(Population rows, tuple variables, int64_t place, object has) except -1:
    """Note which of the variables read a species has."""
    cdef int64_t variable, cell = place * rows.variables
    rows.meet(place)
    cdef bint known
    if <PyObject *>has != rows.species[place].has:
        # A tuple of strings is the same next time; anything else may not be.
        known = type(has) is tuple and all([type(item) is str for item in has])
        for variable in range(rows.variables):
            # Of what the host has no column, it need not say who has it.
            if known or rows.columns[variable].step != 0:
                rows.has[cell + variable] = variables[variable] in has
        Py_XDECREF(rows.species[place].has)
        rows.species[place].has = NULL
        if known:
            Py_INCREF(has)
            rows.species[place].has = <PyObject *>has
    for variable in range(rows.variables):
        if rows.columns[variable].step != 0:
            rows.owned[cell + variable] |= rows.has[cell + variable]
    return 0


cdef int read_columns_of(Population rows, tuple variables, object columns) except -1:
    """Read every living row of a host's EntityColumns."""
    cdef View species, state, alive = None, view
    cdef NameList species_names, state_names
    cdef list views = []
    cdef Names names = rows.names
    cdef int64_t length, code, place, variable
    cdef Column *column

    species = view_of(columns.species, True, -1, "entity_columns.species")
    length = species.count
    state = view_of(columns.state, True, length, "entity_columns.state")
    living_column = getattr(columns, "alive", None)
    if living_column is not None:
        alive = view_of(living_column, True, length, "entity_columns.alive")
    host_variables = columns.variables
    for variable in range(rows.variables):
        column = rows.columns + variable
        memset(column, 0, sizeof(Column))
        if variables[variable] in host_variables:
            view = view_of(
                host_variables[variables[variable]], False, length,
                (VARIABLES_PLACE, variables[variable]), True,
            )
            views.append(view)  # holds the buffer while it is read
            column.values = view.doubles()
            column.singles = view.floats()
            column.step = view.step or 1  # without a row, or of one alone, any will do
    species_names = names.list_of(columns.species_names, "entity_columns.species_names")
    state_names = names.list_of(columns.state_names, "entity_columns.state_names")
    rows.begin(length)
    done(
        array_reserve(
            <void **>&rows.places, &rows.places_capacity, species_names.count + 1, sizeof(int32_t)
        )
    )
    has = columns.species_variables if views else {}
    for code in range(species_names.count):
        place = rows.place(species_names.names[code])
        rows.places[code] = <int32_t>place
        own(rows, variables, place, variables_of(has, names.string(species_names.names[code])))
    read_codes(rows, variables, columns, has, species, state, alive, species_names, state_names)
    rows.rows = length
    rows.finish()
    return 0


cdef inline object variables_of(object has, str species):
    """Return the variables that a species has."""
    cdef PyObject *found
    if type(has) is not dict:
        return has.get(species, ())
    found = PyDict_GetItemWithError(has, species)
    return () if found == NULL else <object>found


cdef int read_codes(
    Population rows, tuple variables, object columns, object has, View species, View state,
    View alive, NameList species_names, NameList state_names,
) except -1:
    """Find the species of every row, and count the states."""
    cdef int64_t length = species.count, start, end, row, code, place, state_code
    cdef int64_t unknown = rows.place(rows.names.find(<PyObject *>UNKNOWN_SPECIES))
    # A few rows at a time, so that their codes stay in the nearest cache.
    cdef int64_t[WIDENED] codes, states, living
    # One row a species code and one for no species; one place a state code and one for no state.
    # Many names for few rows are counted by hash, as the table would be mostly zeros.
    cdef int64_t width = state_names.count + 1, cells = (species_names.count + 1) * width
    cdef bint dense = cells <= length + 1024
    cdef int32_t *tally = NULL
    rows.places[species_names.count] = <int32_t>unknown
    if dense:
        done(array_reserve(<void **>&rows.tally, &rows.tally_capacity, cells, sizeof(int32_t)))
        tally = rows.tally
        memset(tally, 0, cells * sizeof(int32_t))
    for start in range(0, length, WIDENED):
        end = min(start + WIDENED, length)
        widen(species.from_item(start), species.format, end - start, codes)
        widen(state.from_item(start), state.format, end - start, states)
        if alive is not None:
            widen(alive.from_item(start), alive.format, end - start, living)
        for row in range(start, end):
            if alive is not None and living[row - start] == 0:
                rows.group[row] = -1
                continue
            code, state_code = codes[row - start], states[row - start]
            if code >= species_names.count:
                raise unnamed_code(columns.species, row, species_names.count, "species")
            if state_code >= state_names.count:
                raise unnamed_code(columns.state, row, state_names.count, "state")
            if code < 0:
                code = species_names.count
                if rows.species[unknown].reading != rows.reading:
                    own(rows, variables, unknown, variables_of(has, UNKNOWN_SPECIES))
            if state_code < 0:
                state_code = state_names.count
            place = rows.places[code]
            rows.group[row] = <int32_t>place
            rows.species[place].count += 1
            rows.species[place].last = row
            if dense:
                tally[code * width + state_code] += 1
            elif state_code < state_names.count:
                done(counts_add(&rows.states_read, PAIR(place, state_names.names[state_code]), 1))
    if not dense:
        return 0
    for code in range(species_names.count + 1):
        for state_code in range(state_names.count):
            if tally[code * width + state_code]:
                done(
                    counts_add(
                        &rows.states_read,
                        PAIR(rows.places[code], state_names.names[state_code]),
                        tally[code * width + state_code],
                    )
                )
    return 0


cdef object unnamed_code(object column, int64_t row, int64_t count, str which):
    """Return the error for a code that has no name, with the code as the host gave it."""
    code = code_buffer(column, None, "")[row]
    return HostError(f"entity_columns.{which}[{row}]: expected a code below {count}, got {code}")

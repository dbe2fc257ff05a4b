# Entities of hosts that keep columns, read into the rows of a Population.

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

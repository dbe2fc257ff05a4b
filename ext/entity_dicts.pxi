# Entities of hosts that keep them as dicts, read into the rows of a Population.

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
                value = <object>found
                rows.values[cell + variable] = number_of(value, key, variables[variable])
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
    rows.species[place].last = row
    rows.rows = row + 1
    return 0


cdef object number_of(object value, object key, object variable):
    if type(value) is float:
        return value
    return number(value, f"entities[{key!r}].state_vars[{variable!r}]")


cdef int read_dicts(Population rows, tuple variables, object entities) except -1:
    """Read every entity of a mapping or an iterable."""
    cdef PyObject *next_key
    cdef PyObject *next_entity
    cdef object key, entity
    cdef Py_ssize_t cursor = 0, size
    cdef Column *column
    cdef int64_t variable
    if type(entities) is dict:
        size = len(<dict>entities)
        rows.begin(size)
        rows.reserve_values(size)
        while PyDict_Next(entities, &cursor, &next_key, &next_entity):
            # Held, as the host may put another in its place while it is read.
            key, entity = <object>next_key, <object>next_entity
            read_entity(rows, variables, key, entity, True)
            if len(<dict>entities) != size:
                raise RuntimeError("dictionary changed size during iteration")
    else:
        rows.begin(0)
        rows.reserve_values(0)
        keyed = isinstance(entities, Mapping)
        for item, value in entities.items() if keyed else enumerate(entities):
            read_entity(rows, variables, item, value, keyed)
    for variable in range(rows.variables):
        column = rows.columns + variable
        column.values = rows.values + variable
        column.singles = NULL
        column.present = rows.present + variable
        column.step = rows.variables
    rows.finish()
    return 0

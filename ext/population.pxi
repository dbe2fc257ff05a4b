# The entities of one tick, read as rows and turned into the moments of each species.

cdef struct Species:
    int64_t name
    int64_t reading   # number of the reading that last met the species
    int64_t count     # its entities in that reading
    int64_t last      # the last of their rows
    int64_t first     # where its rows begin among the sorted
    bint declared     # whether samples list it
    PyObject *has     # owned: the tuple of names last looked through, or NULL


cdef inline bint lies_together(const Column *column) noexcept:
    """Whether the values of rows side by side can be read where they are."""
    return column.values != NULL and column.present == NULL and column.step == 1


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
    cdef Column *columns      # one a variable; without values where the host has no such column
    cdef Counts states_read
    cdef int64_t *sorted      # the rows that have a species, by species
    cdef int64_t sorted_capacity
    cdef double *gathered     # the values of one species and variable
    cdef int64_t gathered_capacity
    # Rows read from columns: the species of each code (the last: of no species), and how many
    # have each code and state.
    cdef int32_t *places
    cdef int64_t places_capacity
    cdef int32_t *tally
    cdef int64_t tally_capacity
    # Rows read from dicts: for every variable a column of values and one of bytes (has it), each
    # as long as a group of rows may be.
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
        self.columns = <Column *>calloc(variables + 1, sizeof(Column))
        if self.columns == NULL:
            raise MemoryError

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
        free(self.columns)
        free(self.places)
        free(self.tally)
        free(self.sorted)
        free(self.gathered)
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
        cdef int64_t cells = max(rows, 64) * self.variables + 1
        return done(
            array_reserve(<void **>&self.values, &self.values_capacity, cells, sizeof(double))
            or array_reserve(<void **>&self.present, &self.present_capacity, cells, 1)
        )

    cdef inline int meet(self, int64_t place) noexcept:
        """Note that a species occurs in this reading."""
        if self.species[place].reading != self.reading:
            self.species[place].reading = self.reading
            self.species[place].count = 0
            self.species[place].last = -1
            memset(self.owned + place * self.variables, 0, self.variables)
        return 0

    cdef int finish(self) except -1:
        """Turn the rows and their columns into the species part of the next sample."""
        cdef int64_t place, variable, cell, count, total = 0
        cdef const double *values
        cdef bint is_sorted = False, together
        cdef Species *species
        cdef Column *column
        for place in range(self.species_count):
            if self.species[place].reading == self.reading:
                self.declare(place)
                for cell in range(place * self.variables, (place + 1) * self.variables):
                    self.known[cell] |= self.owned[cell]
                self.species[place].first = total
                total += self.species[place].count
        for place in range(self.species_count):
            species = self.species + place
            if species.reading != self.reading:
                continue
            together = self._stand_together(place)
            for variable in range(self.variables):
                cell = place * self.variables + variable
                column = self.columns + variable
                values, count = NULL, 0
                if self.owned[cell] and together and lies_together(column):
                    values = column.values + species.last + 1 - species.count
                    count = species.count
                elif self.owned[cell]:
                    if not is_sorted:
                        self._sort(total)
                        is_sorted = True
                    values = self.gathered
                    count = gather(
                        column, self.sorted + species.first, species.count, self.gathered
                    )
                done(moments(self.kernel, values, count, self.found + cell))
        self.states, self.states_read = self.states_read, self.states
        self.entity_count = total
        self._list()
        return 0

    cdef inline bint _stand_together(self, int64_t place) noexcept:
        """Whether no other row comes between those of a species."""
        cdef int64_t row = self.species[place].last, before = row - self.species[place].count
        while row > before and self.group[row] == place:
            row -= 1
        return row == before

    cdef int _sort(self, int64_t total) except -1:
        """Sort the rows by species, and within a species as they come."""
        cdef int64_t row, place
        done(
            array_reserve(
                <void **>&self.sorted, &self.sorted_capacity, total, sizeof(int64_t)
            )
            or array_reserve(
                <void **>&self.gathered, &self.gathered_capacity, total, sizeof(double)
            )
        )
        for row in range(self.rows):
            place = self.group[row]
            if place >= 0:
                self.sorted[self.species[place].first] = row
                self.species[place].first += 1
        for place in range(self.species_count):
            if self.species[place].reading == self.reading:
                self.species[place].first -= self.species[place].count
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

# cython: language_level=3, binding=True, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, freethreading_compatible=False
"""The compiled core: what ecosim.telemetry_aggregates does, the same bytes, faster.

Read the reference first: it is the specification, and its docstrings are these classes'. Here the
same operations run in the same order on C memory; what a host hands over in any but its plainest
form goes through the same functions of ecosim.telemetry_values as there. ext/README.md says which
file does what.
"""

from cpython.buffer cimport (
    PyBUF_FORMAT,
    PyBUF_STRIDES,
    PyBuffer_IsContiguous,
    PyBuffer_Release,
    PyObject_GetBuffer,
)
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF
from libc.math cimport NAN, isfinite
from libc.stdint cimport INT64_MAX, INT64_MIN, int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp, memcpy, memmove, memset

from core cimport *

cimport cython

import json
import sys
from collections.abc import Hashable, Mapping
from json.encoder import encode_basestring_ascii
from math import prod

from ecosim import telemetry_aggregates as reference
from ecosim import telemetry_event_table as reference_table
from ecosim.telemetry_errors import HostError
from ecosim.telemetry_event_table import (
    TICKS_KEPT,
    BoundColumns,
    EventRow,
    callable_or_list,
    exact_names,
    id_of,
    identifier_of,
    lone_event,
    next_tick,
    reduced,
    ticks_to_keep,
)
from ecosim.telemetry_config import check_ring_capacity
from ecosim.telemetry_host import (
    STATE_CHANGE as _STATE_CHANGE,
    UNKNOWN_SPECIES as _UNKNOWN_SPECIES,
    UNSTORED_CELL,
)
from ecosim.telemetry_values import (
    code_buffer,
    depth_bands,
    describe,
    exact_integer,
    float_buffer,
    identifier,
    layer_buffer,
    mapping,
    name,
    number,
    plain,
    position,
    readable,
    whole_number,
)
from ecosim.telemetry_layers import LayerStatistics
from ecosim.telemetry_statistics import Moments as _Moments

cdef str UNKNOWN_SPECIES = _UNKNOWN_SPECIES
cdef str SPECIES = "species", STATE = "state", STATE_VARS = "state_vars", ID = "id"
cdef tuple EVENT_FIELDS = reference.EVENT_FIELDS
cdef str TYPE, TICK, SOURCE_ID, TARGET_ID, POSITION
TYPE, TICK, SOURCE_ID, TARGET_ID, POSITION = EVENT_FIELDS
cdef str SOURCE_SPECIES = "source_species", PREV_STATE = "prev_state", NEW_STATE = "new_state"
cdef str STATE_CHANGE = _STATE_CHANGE, DEATH_PREFIX = reference.DEATH_PREFIX
cdef str REPRODUCTION = "REPRODUCTION", PREDATION = "PREDATION", POLLINATION = "POLLINATION"
cdef int64_t EVENT_BATCH_TICKS = reference.EVENT_BATCH_TICKS
cdef bytes DROPPED_HEAD = b',"dropped":{"%b":' % reference.RING_FULL.encode("ascii")
cdef str LAYER_PLACE = "voxel_grid", VARIABLES_PLACE = "entity_columns.variables"
cdef double UNSTORED = UNSTORED_CELL
cdef int64_t LARGEST_COUNT = sys.maxsize // 64  # cells of a layer: their bytes can be counted
cdef char NATIVE_ORDER = b"<" if sys.byteorder == "little" else b">"


cdef bytes json_text(object value):
    """Return the value as the reference writes it."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")


include "numbers.pxi"
include "names.pxi"
include "buffers.pxi"
include "population.pxi"
include "entity_dicts.pxi"
include "entity_columns.pxi"
include "events.pxi"
include "event_table.pxi"
include "lines.pxi"
include "layers.pxi"


cdef class AggregateCore:
    cdef readonly str run_id
    cdef readonly tuple variables
    cdef readonly bint log_events
    cdef readonly int64_t ring_capacity
    cdef readonly str on_full
    cdef readonly int64_t samples_taken

    cdef Names _names
    cdef Population _population
    cdef Layers _layers
    cdef Events _events
    cdef Samples _samples
    cdef bint _has_window
    cdef int64_t _window_first
    cdef object _object_type  # of the last event that was no mapping: a class, of any metaclass

    def __init__(
        self, run_id, variables, *, log_events=True, ring_capacity=65_536, on_full="drain"
    ):
        self.run_id = run_id
        self.variables = tuple(variables)
        self.log_events = log_events
        self.ring_capacity = ring_capacity = check_ring_capacity(ring_capacity)
        self.on_full = on_full
        self._names = Names()
        self._population = Population(self._names, len(self.variables))
        self._layers = Layers(self._names)
        self._events = Events(self._names, run_id, log_events, ring_capacity, on_full == "drop")
        self._samples = Samples(self._names, run_id, self.variables)

    def use_kernel(self, str kernel):
        """Compute with one of :func:`kernels`; all give the same bits, and tests show it."""
        self._population.kernel = self._layers.kernel = kernel_named(kernel)

    # ---- species ------------------------------------------------------------------------------

    def declare_species(self, species, variables=()):
        cdef Population population = self._population
        cdef str exact = species if type(species) is str else str.__str__(species)
        cdef int64_t place = population.place(self._names.find(<PyObject *>exact))
        known = [variable for variable in variables if variable in self.variables]
        population.declare(place)
        for variable in known:
            population.known[
                place * population.variables + <int64_t>self.variables.index(variable)
            ] = 1

    def species(self):
        cdef Population population = self._population
        return [
            self._names.string(population.species[population.order[i]].name)
            for i in range(population.declared)
        ]

    # ---- the state of a sampled tick ----------------------------------------------------------

    def read_entities(self, entities):
        read_dicts(self._population, self.variables, entities)
        return self._population.entity_count

    def read_columns(self, columns):
        read_columns_of(self._population, self.variables, columns)
        return self._population.entity_count

    def read_layer(self, str layer not None, values, dimensions, bands=None):
        self._layers.read(layer, values, dimensions, bands)

    def walk_layer(self, str layer not None, grid, dimensions):
        self._layers.walk(layer, grid, dimensions)

    def read_layers(self, layers, grid, dimensions, versions):
        cdef str layer
        cdef bint dense = type(grid) is dict or isinstance(grid, Mapping)
        for layer in layers:
            if dense:
                self._layers.read(layer, grid[layer], dimensions, versions.get(layer))
            else:
                self._layers.walk(layer, grid, dimensions or (0, 0, 0))

    def close_sample(self):
        cdef int64_t tick = self._events.tick
        self._samples.add(
            tick, self._window_first if self._has_window else tick, self._population,
            &self._layers.words, self._layers.count, self._events,
        )
        self.samples_taken += 1
        self._has_window = True
        self._window_first = tick + 1
        self._population.forget()
        self._layers.forget()
        counts_clear(&self._events.types)
        counts_clear(&self._events.changes)

    # ---- events -------------------------------------------------------------------------------

    @property
    def tick(self):
        return self._events.tick

    def begin_tick(self, int64_t tick):
        self._events.begin_tick(tick)

    def end_tick(self):
        self._events.end_tick()

    def record_events(self, events, entities_of):
        cdef Events own = self._events
        cdef object kind, before = (own.entities_of, own.entities)
        own.entities_of, own.entities = entities_of, None
        try:
            for event in events:
                kind = type(event)
                if kind is dict:
                    record_dict(own, event)
                    continue
                if kind is not self._object_type:
                    if isinstance(event, Mapping):
                        record_mapping(own, event)
                        continue
                    self._object_type = kind
                record_object(own, event)
        finally:
            own.entities_of, own.entities = before  # the host's iterator may have called this too

    def record_table(self, table, int64_t after, int64_t tick):
        cdef Events events = self._events
        events.use(table)
        if type(table) is EventTable:
            record_table_of(events, table, after, tick)
            return
        for each in table.ticks_between(after, tick):
            events.begin_tick(each)
            for kind, own_tick, source, target, place, extra, species in table.rows_of(each):
                events.record(kind, own_tick, source, target, place, extra, species)
            events.end_tick()

    def record(
        self, event_type, tick, source_id=None, target_id=None, place=None, extra=None,
        source_species=None,
    ):
        self._events.record(event_type, tick, source_id, target_id, place, extra, source_species)

    # ---- text ---------------------------------------------------------------------------------

    @property
    def events_recorded(self):
        return self._events.recorded

    @property
    def events_written(self):
        return self._events.written

    @property
    def events_dropped(self):
        return self._events.dropped

    @property
    def events_pending(self):
        return self._events.ring.used + self._events.text_events

    @property
    def samples_pending(self):
        return self._samples.count

    def take_samples(self):
        return readable(self._samples.take())

    def take_events(self, *, cut=False):
        cdef Events events = self._events
        if cut and events.has_first:
            events.cut()
            events.first = events.tick + 1
        return readable(events.take())


def _share_docstrings():
    """Give every method the docstring of its twin."""
    for own, other in ((AggregateCore, reference.AggregateCore), (EventTable, reference_table.EventTable)):
        for attribute, twin in vars(other).items():
            if callable(twin) and not attribute.startswith("_"):
                vars(own)[attribute].__doc__ = twin.__doc__


_share_docstrings()

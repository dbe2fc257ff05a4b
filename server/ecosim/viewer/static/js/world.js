// The world as the packets tell it: who lives where, and how many of each species.

import { look } from "./palette.js";

const isPosition = (value) =>
  Array.isArray(value) && value.length >= 3 && Number.isFinite(value[0]) && Number.isFinite(value[2]);

export class World {
  constructor() {
    this.clear();
  }

  clear() {
    this.entities = new Map();
    this.species = new Map();
    this.water = [];
    this.tick = null;
    this.runId = null;
    this.size = [1, 1];
    this.cellSize = 1;
    this.movedAt = 0;
    /** Rises when a species comes up that was not there before. */
    this.revision = 0;
    this._places = new Map();
  }

  /** Take everything from an answer of /state; species keep their looks within one run. */
  load(state) {
    if (state.run_id !== this.runId) this.clear();
    this.runId = state.run_id;
    this.tick = state.tick;
    this.cellSize = state.cell_size;
    const [nx, , nz] = state.dimensions;
    this.size = [nx * this.cellSize, nz * this.cellSize];
    this.water = state.water_sources ?? [];
    for (const one of state.species) this._speciesOf(one.name, one.class);
    for (const species of this.species.values()) species.count = 0;
    this.entities.clear();
    for (const one of state.entities) this._add(one);
  }

  /**
   * Apply a packet.
   *
   * Returns false when it speaks of entities that nobody has introduced: then packets were lost, and
   * the state has to be read again.
   */
  apply(packet, now) {
    const gap = this.tick !== null && packet.tick > this.tick + 1;
    this.tick = packet.tick;
    this.movedAt = now;
    let known = true;
    for (const one of packet.entity_spawns ?? []) this._add(one);
    for (const one of packet.entity_updates ?? []) {
      const entity = this.entities.get(one.id);
      if (entity === undefined) {
        known = false;
        continue;
      }
      entity.fromX = entity.x;
      entity.fromZ = entity.z;
      if (isPosition(one.position)) [entity.x, entity.y, entity.z] = one.position;
      entity.state = one.state;
      entity.variables = one.state_vars ?? {};
      entity.seen = packet.tick;
    }
    for (const id of packet.entity_removals ?? []) this._remove(id);
    if (gap) {
      for (const entity of this.entities.values()) {
        if (entity.seen !== packet.tick) this._remove(entity.id);
      }
    }
    if (packet.water_sources) this.water = packet.water_sources;
    return known;
  }

  /** Names of the species in the order of the legend: by class, then by name. */
  speciesInOrder() {
    return [...this.species.values()].sort(
      (a, b) => a.look.order - b.look.order || (a.name < b.name ? -1 : 1),
    );
  }

  /** Look of a species that only the telemetry has named so far. */
  lookOf(name) {
    return (this.species.get(name) ?? this._speciesOf(name, "OTHER")).look;
  }

  _speciesOf(name, className) {
    let species = this.species.get(name);
    if (species === undefined) {
      const place = this._places.get(className) ?? 0;
      this._places.set(className, place + 1);
      species = { name, className, look: look(className, place), count: 0 };
      this.species.set(name, species);
      this.revision += 1;
    }
    return species;
  }

  _add(one) {
    this._remove(one.id);
    const [x, y, z] = isPosition(one.position) ? one.position : [0, 0, 0];
    const species = this._speciesOf(one.species, one.type);
    species.count += 1;
    this.entities.set(one.id, {
      id: one.id, species, x, y, z, fromX: x, fromZ: z,
      state: one.state, variables: one.state_vars ?? {}, seen: this.tick,
    });
  }

  _remove(id) {
    const entity = this.entities.get(id);
    if (entity === undefined) return;
    entity.species.count -= 1;
    this.entities.delete(id);
  }
}

// The samples of a run as columns, in bounded memory: when the store is full, neighbours are merged in
// pairs, and from then on as many samples share a row. The whole run stays in view, evenly.

const SAMPLES = 2000;
const COLUMNS = 4000;
const SEPARATOR = "\u0000";

/** Name of a column: what it is of, and of which species, layer or type. */
export const columnKey = (...parts) => parts.join(SEPARATOR);

export class History {
  /** `capacity`: rows, an even number. */
  constructor(capacity = SAMPLES) {
    this.capacity = capacity;
    this.clear();
  }

  clear() {
    this.ticks = [];
    this.windows = [];
    this.columns = new Map();
    this.species = new Map();
    this.layers = new Set();
    this.types = new Set();
    this._perRow = 1;
    this._inRow = 1;
    /** Rises with each change. */
    this.revision = 0;
  }

  /** Add a sample record; one that is not newer than the last is left out. */
  add(sample) {
    if (this.ticks.length && sample.tick <= this.ticks.at(-1)) return false;
    const [first, last] = sample.window;
    this._fresh = this.ticks.length === 0 || this._inRow === this._perRow;
    this._inRow = this._fresh ? 1 : this._inRow + 1;
    this._set(this.ticks, sample.tick);
    this._set(this.windows, last - first + 1, true);
    for (const [name, one] of Object.entries(sample.species)) {
      if (!this.species.has(name)) this.species.set(name, new Set());
      this._put(columnKey("count", name), one.count);
      for (const [variable, values] of Object.entries(one.vars)) {
        this.species.get(name).add(variable);
        this._put(columnKey("mean", name, variable), values.mean);
        this._put(columnKey("std", name, variable), values.std);
      }
    }
    for (const [layer, values] of Object.entries(sample.voxels)) {
      this.layers.add(layer);
      for (const part of ["mean", "min", "max"]) this._put(columnKey(part, layer), values[part]);
    }
    for (const [type, value] of Object.entries(sample.events.by_type)) {
      this.types.add(type);
      this._put(columnKey("events", type), value);
    }
    for (const name of ["deaths", "reproductions", "predations", "pollinations"]) {
      this._put(columnKey("events", "", name), sample.events[name]);
    }
    for (const [key, column] of this.columns) {
      if (column.length < this.ticks.length) column.push(this._absent(key));
    }
    if (this.ticks.length >= this.capacity) this._merge();
    this.revision += 1;
    return true;
  }

  /** A column, as long as the ticks; all null when there is none. */
  column(...parts) {
    return this.columns.get(columnKey(...parts)) ?? this.ticks.map(() => null);
  }

  /** Event counts as of a window of `interval` ticks, whatever the lengths of the windows were. */
  rates(interval, ...parts) {
    return this.column("events", ...parts).map((value, index) =>
      value === null ? null : (value * interval) / this.windows[index],
    );
  }

  _put(key, value) {
    let column = this.columns.get(key);
    if (column === undefined) {
      if (this.columns.size >= COLUMNS) return;
      column = new Array(this.ticks.length - (this._fresh ? 1 : 0)).fill(this._absent(key));
      this.columns.set(key, column);
    }
    this._set(column, value ?? null, this._absent(key) === 0);
  }

  /** Write into the row of the present sample; what is counted adds up over the samples of a row. */
  _set(column, value, counted = false) {
    if (this._fresh) column.push(value);
    else column[column.length - 1] = counted ? column.at(-1) + value : value;
  }

  /** A type of event that a sample does not list did not occur; anything else is unknown. */
  _absent(key) {
    return key.startsWith(`events${SEPARATOR}`) ? 0 : null;
  }

  _merge() {
    const pairs = Math.floor(this.ticks.length / 2);
    const later = (column) => {
      for (let pair = 0; pair < pairs; pair += 1) column[pair] = column[2 * pair + 1];
    };
    const sum = (column) => {
      for (let pair = 0; pair < pairs; pair += 1) column[pair] = column[2 * pair] + column[2 * pair + 1];
    };
    later(this.ticks);
    sum(this.windows);
    for (const [key, column] of this.columns) (this._absent(key) === 0 ? sum : later)(column);
    for (const column of [this.ticks, this.windows, ...this.columns.values()]) {
      column.splice(pairs, pairs);
    }
    this._inRow += this._perRow;
    this._perRow *= 2;
  }
}

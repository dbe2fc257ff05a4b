// The charts of the page: which lines each draws, and what it says when it has none.

import { Chart } from "./chart.js";
import { byId, fillSelect } from "./dom.js";
import { count, eventWords, number, percent, words } from "./format.js";
import { LINES } from "./palette.js";

const KEY_EVENTS = ["reproductions", "deaths", "predations", "pollinations"];
const MOST_POINTS = 2000;
const DASHES = [[], [7, 4], [2, 3]];

export class Charts {
  /** `world` gives looks, `history` samples; `hidden` are the species left out. */
  constructor(world, history, hidden) {
    this._world = world;
    this._history = history;
    this._hidden = hidden;
    this._theme = "light";
    this._interval = undefined;
    this.clearCost();
    const span = () => Number(byId("range").value);
    const views = {
      population: () => this._population(),
      variable: () => this._variable(),
      voxels: () => this._voxels(),
      events: () => this._events(),
      cost: () => this._costs(),
    };
    this._charts = Object.entries(views).map(
      ([name, view]) => new Chart(byId(`chart-${name}`), view, span),
    );
    this._choices = Object.fromEntries(
      ["population", "variable", "voxels", "events"].flatMap((name) =>
        [...byId(`chart-${name}`).querySelectorAll(".choice")].map((select) => {
          select.addEventListener("change", () => this.refresh(true));
          return [`${name}.${select.dataset.choice}`, select];
        }),
      ),
    );
    byId("range").addEventListener("change", () => this.refresh(true));
    this.refresh();
  }

  /** Ticks from sample to sample; null says that telemetry is off, undefined that nobody knows yet. */
  setInterval(interval) {
    this._interval = interval;
  }

  setTheme(theme) {
    this._theme = theme;
    this.refresh(true);
  }

  clearCost() {
    this._cost = { x: [], micros: [], share: [] };
    this._costBefore = null;
  }

  /** Take sums since the start: nanoseconds in the emitter's calls and in the engine's steps. */
  addCost({ tick, emitter_ns: emitterNs, step_ns: stepNs }) {
    const before = this._costBefore;
    if (emitterNs === null || (before !== null && tick <= before.tick)) return;
    this._costBefore = { tick, emitterNs };
    if (before === null) return;
    this._cost.x.push(tick);
    this._cost.micros.push((emitterNs - before.emitterNs) / (tick - before.tick) / 1e3);
    this._cost.share.push(emitterNs / (stepNs + emitterNs));
    if (this._cost.x.length > MOST_POINTS) {
      for (const column of Object.values(this._cost)) column.splice(0, MOST_POINTS / 2);
    }
  }

  refresh(anew = false) {
    for (const chart of this._charts) chart.refresh(anew);
  }

  _colour(pair) {
    return pair[this._theme === "dark" ? 1 : 0];
  }

  /** Why there are no samples, or null when there are. */
  _nothing() {
    if (this._interval === null) return "Telemetry is off: this run was started with --no-telemetry.";
    if (this._history.ticks.length) return null;
    if (this._interval === undefined) return "No samples yet: not connected to a run.";
    return `No samples yet: the next comes within ${count(this._interval)} ticks.`;
  }

  _population() {
    const nothing = this._nothing();
    if (nothing !== null) return nothing;
    const rank = (name) => this._world.lookOf(name).order;
    const names = [...this._history.species.keys()].sort((a, b) => rank(a) - rank(b));
    const lines = names
      .filter((name) => !this._hidden.has(name))
      .map((name) => {
        const look = this._world.lookOf(name);
        return {
          label: words(name), values: this._history.column("count", name),
          colour: look.colours[this._theme], dash: look.dash, width: look.round ? 1 : 1.75,
        };
      });
    if (!lines.length) return "Every species is switched off in the legend.";
    return { x: this._history.ticks, lines, log: this._choices["population.scale"].value === "log", format: count };
  }

  _variable() {
    const nothing = this._nothing();
    if (nothing !== null) return nothing;
    const { species } = this._history;
    const names = [...species.keys()].filter((name) => species.get(name).size);
    if (!names.length) return "No species has a state variable.";
    const chooseSpecies = this._choices["variable.species"];
    const chooseVariable = this._choices["variable.variable"];
    const first = names.find((name) => this._world.lookOf(name).label === "animal") ?? names[0];
    fillSelect(chooseSpecies, names.map((name) => [name, words(name)]), first);
    const name = chooseSpecies.value;
    fillSelect(chooseVariable, [...species.get(name)].map((one) => [one, words(one)]));
    const variable = chooseVariable.value;
    const means = this._history.column("mean", name, variable);
    const stds = this._history.column("std", name, variable);
    const look = this._world.lookOf(name);
    const edge = (sign) => means.map((mean, index) => (mean === null ? null : mean + sign * stds[index]));
    const line = {
      label: words(variable), values: means, low: edge(-1), high: edge(1),
      colour: look.colours[this._theme], dash: [],
    };
    return { x: this._history.ticks, lines: [line], bounds: [0, 1], format: number };
  }

  _voxels() {
    const nothing = this._nothing();
    if (nothing !== null) return nothing;
    const layers = [...this._history.layers];
    if (!layers.length) return "This world has no soil layers.";
    const choice = this._choices["voxels.layer"];
    fillSelect(choice, layers.map((name) => [name, words(name)]), "moisture");
    const layer = choice.value;
    const line = {
      label: words(layer), values: this._history.column("mean", layer),
      low: this._history.column("min", layer), high: this._history.column("max", layer),
      colour: this._colour(LINES[2]), dash: [],
    };
    return { x: this._history.ticks, lines: [line], bounds: [0, 1], format: number };
  }

  _events() {
    const nothing = this._nothing();
    if (nothing !== null) return nothing;
    const choice = this._choices["events.type"];
    const types = [...this._history.types].sort();
    fillSelect(choice, [
      ["key", "births and deaths"], ["all", "all types"], ...types.map((type) => [`type ${type}`, eventWords(type)]),
    ], "key");
    const rows = {
      key: () => KEY_EVENTS.map((name) => [name, ["", name]]),
      all: () => types.map((type) => [eventWords(type), [type]]),
    }[choice.value]?.() ?? [[choice.selectedOptions[0].textContent, [choice.value.slice("type ".length)]]];
    if (!rows.length) return "No events yet.";
    const lines = rows.map(([label, parts], index) => ({
      label, values: this._history.rates(this._interval, ...parts),
      colour: this._colour(LINES[index % LINES.length]), dash: DASHES[Math.floor(index / LINES.length) % DASHES.length],
    }));
    return { x: this._history.ticks, lines, format: number, steps: true };
  }

  _costs() {
    if (this._interval === null) return "Telemetry is off: it costs nothing.";
    if (!this._cost.x.length) return "Nothing measured yet.";
    const { x, micros, share } = this._cost;
    const note = (index) => `µs a tick, ${percent(share[index])} of the computing up to then`;
    const line = { label: "emitter", values: micros, note, colour: this._colour(LINES[0]), dash: [] };
    return { x, lines: [line], format: number };
  }
}

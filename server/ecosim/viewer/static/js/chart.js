// One chart: lines over ticks, with a band where a value has a spread, and its values in words below.

import uPlot from "../vendor/uPlot/uPlot.esm.js";
import { make, themeColour } from "./dom.js";
import { count, tickLabel } from "./format.js";

const HEIGHT = 190;
const WIDE_HEIGHT = 240;
const WHOLE_STEPS = Array.from({ length: 12 }, (_, power) => [1, 2, 5].map((step) => step * 10 ** power)).flat();
const FONT = '12px Inter, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", Arial, sans-serif';

/** A short piece of line for the list of values. */
function swatch(line) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  const stroke = document.createElementNS(space, "line");
  const set = (node, values) => Object.entries(values).forEach(([name, value]) => node.setAttribute(name, value));
  set(svg, { width: 18, height: 8, "aria-hidden": "true" });
  set(stroke, { x1: 1, y1: 4, x2: 17, y2: 4, stroke: line.colour, "stroke-width": 2.5, "stroke-dasharray": line.dash.join(" ") });
  svg.append(stroke);
  return svg;
}

export class Chart {
  /**
   * `view()` returns what to draw, or a text that says why there is nothing:
   * `{x, lines: [{label, values, colour, dash, width, low, high, note}], log, bounds, format, steps}`; `low` and
   * `high` are the edges of a band, `note(index)` is told behind the value. `span()` returns how many ticks to show, 0 for all.
   */
  constructor(root, view, span) {
    this._view = view;
    this._span = span;
    this._plot = root.querySelector(".plot");
    this._empty = root.querySelector(".empty");
    this._readout = root.querySelector(".readout");
    this._height = root.classList.contains("wide") ? WIDE_HEIGHT : HEIGHT;
    this._title = root.querySelector("h3").textContent;
    this._shape = null;
    this._chart = null;
    this._cursor = null;
    new ResizeObserver(() => this._resize()).observe(root);
  }

  /** Draw the present data; `anew` also when only colours changed. */
  refresh(anew = false) {
    const view = this._view();
    const nothing = typeof view === "string";
    this._empty.hidden = !nothing;
    this._plot.hidden = this._readout.hidden = nothing;
    if (nothing) {
      this._remove();
      this._readout.replaceChildren();
      if (this._empty.textContent !== view) this._empty.textContent = view;
      return;
    }
    this._now = view;
    const columns = [view.x];
    for (const line of view.lines) {
      columns.push(line.values);
      if (line.low) columns.push(line.low, line.high);
    }
    const shape = JSON.stringify([view.log, view.bounds, view.steps, view.lines.map((line) => [line.label, line.colour, line.dash, Boolean(line.low)])]);
    if (anew || shape !== this._shape) {
      this._remove();
      this._shape = shape;
      this._chart = new uPlot(this._options(view), columns, this._plot);
    } else this._chart.setData(columns);
    this._tell();
  }

  _remove() {
    this._chart?.destroy();
    this._chart = null;
    this._shape = null;
    this._cursor = null;
  }

  _resize() {
    const width = this._plot.clientWidth;
    if (this._chart !== null && width > 0 && width !== this._chart.width) {
      this._chart.setSize({ width, height: this._height });
    }
  }

  _options(view) {
    const axis = {
      stroke: themeColour("quiet"),
      font: FONT,
      grid: { stroke: themeColour("grid"), width: 1 },
      ticks: { show: false },
    };
    const series = [{}];
    const bands = [];
    for (const line of view.lines) {
      series.push({
        label: line.label, stroke: line.colour, width: line.width ?? 1.75, dash: line.dash, points: { show: (chart) => chart.data[0].length < 3 },
        paths: view.steps ? uPlot.paths.stepped({ align: -1 }) : undefined,
      });
      if (line.low) {
        const at = series.length;
        const edge = { label: "", stroke: `${line.colour}55`, width: 1, points: { show: false } };
        series.push({ ...edge }, { ...edge });
        bands.push({ series: [at + 1, at], fill: `${line.colour}2b` });
      }
    }
    return {
      width: Math.max(200, this._plot.clientWidth),
      height: this._height,
      padding: [10, 22, 0, 0],
      legend: { show: false },
      cursor: { drag: { x: false, y: false }, sync: { key: "run" }, points: { size: 6 } },
      hooks: { setCursor: [(chart) => this._point(chart.cursor.idx)] },
      scales: {
        x: { time: false, range: (chart, low, high) => this._range(low, high) },
        y: view.log ? { distr: 4, asinh: 1 } : { range: (chart, low, high) => this._bounds(low, high) },
      },
      axes: [
        { ...axis, size: 30, gap: 6, space: 64, incrs: WHOLE_STEPS, values: (chart, ticks) => ticks.map(count) },
        { ...axis, size: 46, gap: 6, values: (chart, ticks) => ticks.map(tickLabel) },
      ],
      series,
      bands,
    };
  }

  _range(low, high) {
    const span = this._span();
    const from = span > 0 ? Math.max(low, high - span) : low;
    return high > from ? [from, high] : [from, from + 1];
  }

  _bounds(low, high) {
    const { bounds } = this._now;
    if (low === null || (low === 0 && high === 0)) return [0, 1];
    if (bounds) return [Math.min(bounds[0], low), Math.max(bounds[1], high)];
    const margin = (high - low || Math.abs(high) || 1) * 0.08;
    return [low >= 0 ? Math.max(0, low - margin) : low - margin, high + margin];
  }

  _point(index) {
    if (index === this._cursor) return;
    this._cursor = index ?? null;
    this._tell();
  }

  /** The values under the cursor, or the latest, as text. */
  _tell() {
    const { x, lines, format } = this._now;
    const index = this._cursor !== null && this._cursor < x.length ? this._cursor : x.length - 1;
    const items = lines.map((line) => {
      const range = line.low ? ` (${format(line.low[index])} to ${format(line.high[index])})` : "";
      const note = line.note ? ` ${line.note(index)}` : "";
      return make("li", {}, swatch(line), `${line.label} `, make("b", {}, format(line.values[index])), range, note);
    });
    this._readout.replaceChildren(make("li", {}, "tick ", make("b", {}, count(x[index]))), ...items);
    this._plot.setAttribute("role", "img");
    this._plot.setAttribute("aria-label", `Chart: ${this._title}, tick ${count(x[0])} to ${count(x.at(-1))}`);
  }
}

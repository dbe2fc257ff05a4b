// The surface of one voxel layer as an image of one pixel a cell, and its scale.

import { ask } from "./connection.js";
import { ANY_WASH, WASHES } from "./palette.js";

const PERIOD_MS = 1000;
//: A layer is asked for at most this share of the time, so that large grids do not fill the line.
const SHARE = 0.05;
//: Narrower ranges are widened to this, so that the last digits of an even layer do not look like a pattern.
const NARROWEST = 0.02;

const channels = (hex) => [1, 3, 5].map((start) => Number.parseInt(hex.slice(start, start + 2), 16));

export class Wash {
  /** `changed(wash)` is called after every answer, `failed(message)` when there is none. */
  constructor(changed, failed) {
    this._changed = changed;
    this._failed = failed;
    this._timer = null;
    this._asked = 0;
    this.layer = "";
    this.image = null;
    this.low = 0;
    this.high = 1;
    this._field = null;
  }

  /** Show a layer from now on; an empty name shows none. */
  choose(layer) {
    this.layer = layer;
    this.image = null;
    this._field = null;
    this._changed(this);
    this.refresh();
  }

  /** Ask for the layer now and go on asking until `rest`. */
  async refresh() {
    clearTimeout(this._timer);
    this._asked += 1;
    const asked = this._asked;
    if (!this.layer) return;
    const began = performance.now();
    try {
      const field = await ask(`layers/${encodeURIComponent(this.layer)}`);
      if (asked !== this._asked) return;
      this._field = field;
      this.paint(this._theme);
    } catch (error) {
      if (asked === this._asked) this._failed(error.message);
    }
    if (asked !== this._asked) return;
    const pause = Math.max(PERIOD_MS, (performance.now() - began) / SHARE);
    this._timer = setTimeout(() => this.refresh(), pause);
  }

  /** Stop asking; the image stays. */
  rest() {
    clearTimeout(this._timer);
    this._asked += 1;
  }

  /** Draw the field anew in the colours of a theme. */
  paint(theme) {
    this._theme = theme;
    const field = this._field;
    if (field === null || theme === undefined) return;
    const { dimensions: [nx, nz], values } = field;
    let [low, high] = [Infinity, -Infinity];
    for (const value of values) {
      if (value === null) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
    if (!(high >= low)) [low, high] = [0, 1];
    if (high - low < NARROWEST) {
      const middle = (low + high) / 2;
      [low, high] = [middle - NARROWEST / 2, middle + NARROWEST / 2];
    }
    [this.low, this.high] = [low, high];
    const [from, to] = this.ends(theme).map(channels);
    const pixels = new ImageData(nx, nz);
    for (let x = 0; x < nx; x += 1) {
      for (let z = 0; z < nz; z += 1) {
        const share = (values[x * nz + z] - low) / (high - low);
        const at = 4 * (z * nx + x);
        for (let channel = 0; channel < 3; channel += 1) {
          pixels.data[at + channel] = from[channel] + share * (to[channel] - from[channel]);
        }
        pixels.data[at + 3] = values[x * nz + z] === null ? 0 : 255;
      }
    }
    this.image ??= document.createElement("canvas");
    [this.image.width, this.image.height] = [nx, nz];
    this.image.getContext("2d").putImageData(pixels, 0, 0);
    this._changed(this);
  }

  /** The two colours between which the layer is drawn. */
  ends(theme) {
    return (Object.hasOwn(WASHES, this.layer) ? WASHES[this.layer] : ANY_WASH)[theme];
  }
}

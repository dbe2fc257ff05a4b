// Draws the world on the canvas: wash, water, those who live there, marks, and who is chosen.

import { Camera } from "./camera.js";
import { themeColour } from "./dom.js";
import { drawLook } from "./shapes.js";

const SMALLEST_UNIT = 6;
const LARGEST_UNIT = 34;
//: Frames that take longer are drawn once a packet, without the motion in between.
const SLOW_FRAME_MS = 14;
const LONGEST_STEP_MS = 300;
const FADED = new Set(["WILTING", "DORMANT", "DYING", "DEAD"]);

export class WorldMap {
  /** `parts`: world, wash, marks; `hidden` is the set of species left out. */
  constructor(canvas, { world, wash, marks, hidden }) {
    this.canvas = canvas;
    this.camera = new Camera();
    this.chosen = null;
    this._world = world;
    this._wash = wash;
    this._marks = marks;
    this._hidden = hidden;
    this._still = window.matchMedia("(prefers-reduced-motion: reduce)");
    this._sprites = new Map();
    this._step = 100;
    this._drawMs = 0;
    this._asked = false;
    this._moving = false;
    new ResizeObserver(() => this.resize()).observe(canvas);
    this.setTheme();
  }

  /** Pixels that stand for one unit in the sizes of markers, which stay legible in large worlds. */
  get unit() {
    return Math.min(LARGEST_UNIT, Math.max(SMALLEST_UNIT, this.camera.scale * this._world.cellSize));
  }

  setTheme() {
    this.theme = document.documentElement.dataset.theme;
    this._colours = Object.fromEntries(
      ["map", "map-line", "water", "text", "surface", "focus"].map((name) => [name, themeColour(name)]),
    );
    this._sprites.clear();
    this.draw();
  }

  resize() {
    const width = this.canvas.clientWidth;
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = this.canvas.height = Math.round(width * ratio);
    this.camera.resize(width, this._world.size);
    this._sprites.clear();
    this.draw();
  }

  /** Note that a packet has moved everyone, and draw the way there. */
  moved(now) {
    if (this._movedAt) {
      const step = Math.min(LONGEST_STEP_MS, now - this._movedAt);
      this._step += 0.2 * (step - this._step);
    }
    this._movedAt = now;
    this.draw();
  }

  /** Ask for a frame. */
  draw() {
    if (this._asked) return;
    this._asked = true;
    requestAnimationFrame((now) => {
      this._asked = false;
      this._frame(now);
    });
  }

  /** Where an entity is drawn at a time, in world units. */
  place(entity, now) {
    const share = this._share(now);
    return [entity.fromX + share * (entity.x - entity.fromX), entity.fromZ + share * (entity.z - entity.fromZ)];
  }

  /** Entity nearest to a pixel, at most `reach` pixels away; null when there is none. */
  nearest(px, py, reach) {
    const now = performance.now();
    let [found, best] = [null, Infinity];
    for (const entity of this._world.entities.values()) {
      if (this._hidden.has(entity.species.name)) continue;
      const [x, y] = this.camera.toScreen(...this.place(entity, now));
      const radius = entity.species.look.radius * this.unit;
      const distance = Math.max(0, Math.hypot(px - x, py - y) - radius * 0.5);
      if (distance < best && distance <= reach) [found, best] = [entity, distance];
    }
    return found;
  }

  _share(now) {
    if (this._still.matches || this._drawMs > SLOW_FRAME_MS) return 1;
    return Math.min(1, Math.max(0, (now - this._world.movedAt) / this._step));
  }

  _frame(now) {
    const began = performance.now();
    const context = this.canvas.getContext("2d");
    const ratio = window.devicePixelRatio || 1;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const { camera } = this;
    if (camera.size !== this._world.size) camera.resize(this.canvas.clientWidth, this._world.size);
    context.fillStyle = this._colours.map;
    context.fillRect(0, 0, camera.width, camera.width);
    this._ground(context);
    this._inhabitants(context, now);
    const still = this._still.matches;
    this._marks.draw(context, camera, { now, theme: this.theme, still, unit: this.unit });
    this._ring(context, now);
    this._drawMs += 0.2 * (performance.now() - began - this._drawMs);
    this.canvas.classList.toggle("zoomed", camera.zoom > 1);
    const lively = this._marks.lively(now);
    if (!still && (this._share(now) < 1 || lively)) this.draw();
    else if (lively) setTimeout(() => this.draw(), 250);
  }

  _ground(context) {
    const { camera, _world: world } = this;
    const [left, top] = camera.toScreen(0, 0);
    const [right, bottom] = camera.toScreen(...world.size);
    if (this._wash.image !== null) {
      context.imageSmoothingEnabled = true;
      context.drawImage(this._wash.image, left, top, right - left, bottom - top);
    }
    context.strokeStyle = this._colours["map-line"];
    context.lineWidth = 1;
    context.strokeRect(left + 0.5, top + 0.5, right - left - 1, bottom - top - 1);
    for (const source of world.water) {
      const [x, y] = camera.toScreen(source.position[0], source.position[2]);
      const level = Math.min(1, Math.max(0, source.level ?? 1));
      context.beginPath();
      context.arc(x, y, source.radius * camera.scale, 0, 2 * Math.PI);
      context.fillStyle = this._colours.water;
      context.globalAlpha = 0.15 + 0.45 * level;
      context.fill();
      context.globalAlpha = 0.9;
      context.strokeStyle = this._colours.water;
      context.lineWidth = 1.5;
      context.stroke();
      context.globalAlpha = 1;
    }
  }

  _inhabitants(context, now) {
    const rows = [];
    for (const entity of this._world.entities.values()) {
      if (this._hidden.has(entity.species.name)) continue;
      (rows[entity.species.look.order] ??= []).push(entity);
    }
    const { camera } = this;
    const side = camera.width;
    for (const entity of rows.flat()) {
      const [x, y] = camera.toScreen(...this.place(entity, now));
      const { image, half } = this._sprite(entity.species, FADED.has(entity.state));
      if (x > -half && y > -half && x < side + half && y < side + half) {
        context.drawImage(image, x - half, y - half, 2 * half, 2 * half);
      }
    }
  }

  _ring(context, now) {
    const entity = this.chosen === null ? undefined : this._world.entities.get(this.chosen);
    if (entity === undefined) return;
    const [x, y] = this.camera.toScreen(...this.place(entity, now));
    const radius = entity.species.look.radius * this.unit + 5;
    for (const [colour, width] of [[this._colours.surface, 5], [this._colours.focus, 2.5]]) {
      context.beginPath();
      context.arc(x, y, radius, 0, 2 * Math.PI);
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.stroke();
    }
  }

  /** Looks are drawn once for each size and copied; the store is emptied as the zoom changes. */
  _sprite(species, faded) {
    if (this._spriteUnit !== this.unit) {
      this._sprites.clear();
      this._spriteUnit = this.unit;
    }
    const key = `${faded ? 1 : 0}${species.name}`;
    let sprite = this._sprites.get(key);
    if (sprite === undefined) {
      const radius = species.look.radius * this.unit;
      const half = Math.ceil(radius * 1.3 + 2);
      const ratio = window.devicePixelRatio || 1;
      const image = document.createElement("canvas");
      image.width = image.height = Math.ceil(2 * half * ratio);
      const context = image.getContext("2d");
      context.scale(image.width / (2 * half), image.height / (2 * half));
      context.translate(half, half);
      drawLook(context, species.look, {
        radius, faded, colour: species.look.colours[this.theme], halo: this._colours.map,
      });
      sprite = { image, half };
      this._sprites.set(key, sprite);
    }
    return sprite;
  }
}

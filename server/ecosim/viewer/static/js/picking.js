// Choosing an entity and moving the view, with the pointer, with fingers and with keys.

const REACH = 14;
const TOUCH_REACH = 22;
const DRAG_BEGINS = 4;
const ZOOM_STEP = 1.4;

const DIRECTIONS = {
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
};

export class Picking {
  /**
   * `handlers`: `hover(entity | null, x, y)`, `choose(id | null, byKey)`.
   */
  constructor(map, world, hidden, handlers) {
    this._map = map;
    this._world = world;
    this._hidden = hidden;
    this._on = handlers;
    this._pointers = new Map();
    this._dragged = false;
    const { canvas } = map;
    canvas.addEventListener("pointermove", (event) => this._move(event));
    canvas.addEventListener("pointerdown", (event) => this._down(event));
    canvas.addEventListener("pointerup", (event) => this._up(event));
    canvas.addEventListener("pointercancel", (event) => this._forget(event));
    canvas.addEventListener("pointerleave", () => handlers.hover(null));
    canvas.addEventListener("wheel", (event) => this._wheel(event), { passive: false });
    canvas.addEventListener("keydown", (event) => this._key(event));
  }

  zoom(steps) {
    const chosen = this._world.entities.get(this._map.chosen);
    const at = chosen === undefined ? [] : this._map.camera.toScreen(chosen.x, chosen.z);
    this._map.camera.zoomAt(ZOOM_STEP ** steps, ...at);
    this._map.draw();
  }

  fit() {
    this._map.camera.fit();
    this._map.draw();
  }

  _spot(event) {
    const box = this._map.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  _down(event) {
    this._pointers.set(event.pointerId, this._spot(event));
    this._start = this._spot(event);
    this._dragged = this._pointers.size > 1;
  }

  _move(event) {
    const spot = this._spot(event);
    const before = this._pointers.get(event.pointerId);
    if (before === undefined) {
      this._on.hover(this._map.nearest(...spot, REACH), ...spot);
      return;
    }
    const { camera } = this._map;
    if (this._pointers.size === 2) this._pinch(event.pointerId, before, spot);
    else if (camera.zoom > 1) {
      const far = Math.hypot(spot[0] - this._start[0], spot[1] - this._start[1]) > DRAG_BEGINS;
      if (far && !this._dragged) {
        this._dragged = true;
        this._map.canvas.setPointerCapture(event.pointerId);
      }
      if (this._dragged) camera.pan(spot[0] - before[0], spot[1] - before[1]);
      this._map.canvas.classList.toggle("dragging", this._dragged);
    }
    this._pointers.set(event.pointerId, spot);
    this._on.hover(null);
    this._map.draw();
  }

  _pinch(id, before, spot) {
    const [other] = [...this._pointers].filter(([key]) => key !== id).map(([, value]) => value);
    const apart = (from) => Math.max(1, Math.hypot(from[0] - other[0], from[1] - other[1]));
    this._map.camera.zoomAt(apart(spot) / apart(before), (spot[0] + other[0]) / 2, (spot[1] + other[1]) / 2);
    this._map.camera.pan((spot[0] - before[0]) / 2, (spot[1] - before[1]) / 2);
  }

  _up(event) {
    const reach = event.pointerType === "mouse" ? REACH : TOUCH_REACH;
    if (this._pointers.has(event.pointerId) && !this._dragged) {
      this._on.choose(this._map.nearest(...this._spot(event), reach)?.id ?? null, false);
    }
    this._forget(event);
  }

  _forget(event) {
    this._pointers.delete(event.pointerId);
    this._map.canvas.classList.remove("dragging");
  }

  _wheel(event) {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    this._map.camera.zoomAt(Math.exp(-event.deltaY / 300), ...this._spot(event));
    this._map.draw();
  }

  _key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    let next;
    if (Object.hasOwn(DIRECTIONS, event.key)) next = this._towards(DIRECTIONS[event.key]);
    else if (event.key === "." || event.key === ",") next = this._beside(event.key === "." ? 1 : -1);
    else if (event.key === "Escape") {
      this._on.choose(null, true);
      return;
    } else return;
    event.preventDefault();
    if (next === undefined) return;
    this._on.choose(next.id, true);
    this._map.camera.show(next.x, next.z);
    this._map.draw();
  }

  _visible() {
    return [...this._world.entities.values()].filter((one) => !this._hidden.has(one.species.name));
  }

  /** The nearest entity within 45 degrees of a direction, from the chosen one or the middle. */
  _towards([dx, dz]) {
    const from = this._world.entities.get(this._map.chosen);
    const { camera } = this._map;
    const [x, z] = from === undefined ? camera.toWorld(camera.width / 2, camera.width / 2) : [from.x, from.z];
    let [found, best] = [undefined, Infinity];
    for (const one of this._visible()) {
      if (one === from) continue;
      const along = (one.x - x) * dx + (one.z - z) * dz;
      const aside = Math.abs((one.x - x) * dz) + Math.abs((one.z - z) * dx);
      if (from !== undefined && (along <= 0 || aside > along)) continue;
      const distance = Math.hypot(along, aside);
      if (distance < best) [found, best] = [one, distance];
    }
    return found;
  }

  _beside(step) {
    const all = this._visible().sort(
      (a, b) => a.species.look.order - b.species.look.order || (a.id < b.id ? -1 : 1),
    );
    const at = all.findIndex((one) => one.id === this._map.chosen);
    if (at < 0) return all.at(step > 0 ? 0 : -1);
    return all[(at + step + all.length) % all.length];
  }
}

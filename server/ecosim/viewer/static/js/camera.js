// From world units to pixels of the canvas: the whole world fits at zoom 1, x to the right, z down.

const LARGEST_ZOOM = 16;

export class Camera {
  constructor() {
    this.zoom = 1;
    this.centre = [0.5, 0.5];
    this.width = 1;
    this.size = [1, 1];
  }

  /** Pixels per world unit. */
  get scale() {
    return (this.width / Math.max(...this.size)) * this.zoom;
  }

  /** Set the width of the canvas in pixels and the size of the world in units. */
  resize(width, size) {
    this.width = width;
    this.size = size;
    this._hold();
  }

  toScreen(x, z) {
    const { scale, width, centre, size } = this;
    return [(x - centre[0] * size[0]) * scale + width / 2, (z - centre[1] * size[1]) * scale + width / 2];
  }

  toWorld(px, py) {
    const { scale, width, centre, size } = this;
    return [(px - width / 2) / scale + centre[0] * size[0], (py - width / 2) / scale + centre[1] * size[1]];
  }

  /** Zoom by a factor, keeping the world's point under a pixel where it is. */
  zoomAt(factor, px = this.width / 2, py = this.width / 2) {
    const before = this.toWorld(px, py);
    this.zoom = Math.min(LARGEST_ZOOM, Math.max(1, this.zoom * factor));
    const after = this.toWorld(px, py);
    this.centre = this.centre.map((value, axis) => value + (before[axis] - after[axis]) / this.size[axis]);
    this._hold();
  }

  pan(dx, dy) {
    const move = [dx, dy];
    this.centre = this.centre.map((value, axis) => value - move[axis] / (this.scale * this.size[axis]));
    this._hold();
  }

  fit() {
    this.zoom = 1;
    this.centre = [0.5, 0.5];
  }

  /** Bring a point into view. */
  show(x, z) {
    const [px, py] = this.toScreen(x, z);
    const margin = this.width * 0.08;
    if (px < margin || py < margin || px > this.width - margin || py > this.width - margin) {
      this.centre = [x / this.size[0], z / this.size[1]];
      this._hold();
    }
  }

  /** Keep the world on the canvas. */
  _hold() {
    const longest = Math.max(...this.size);
    this.centre = this.centre.map((value, axis) => {
      const half = longest / this.size[axis] / this.zoom / 2;
      return half >= 0.5 ? 0.5 : Math.min(1 - half, Math.max(half, value));
    });
  }
}

// Outlines of the classes, centred on the origin, for the map, the legend and its marks.

const polygon = (corners, turn) => (path, radius) => {
  for (let corner = 0; corner < corners; corner += 1) {
    const angle = turn + (corner * 2 * Math.PI) / corners;
    path.lineTo(radius * Math.cos(angle), radius * Math.sin(angle));
  }
  path.closePath();
};

const OUTLINES = {
  circle: (path, radius) => path.arc(0, 0, radius * 0.92, 0, 2 * Math.PI),
  square: (path, radius) => path.rect(-radius * 0.85, -radius * 0.85, radius * 1.7, radius * 1.7),
  triangle: polygon(3, -Math.PI / 2),
  diamond: polygon(4, -Math.PI / 2),
  hexagon: polygon(6, 0),
  plus: (path, radius) => arms(path, radius, 0),
  cross: (path, radius) => arms(path, radius, Math.PI / 4),
};

function arms(path, radius, turn) {
  const half = radius * 0.32;
  const corners = [
    [half, -radius], [half, -half], [radius, -half], [radius, half], [half, half], [half, radius],
    [-half, radius], [-half, half], [-radius, half], [-radius, -half], [-half, -half], [-half, -radius],
  ];
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
  for (const [x, y] of corners) path.lineTo(x * cos - y * sin, x * sin + y * cos);
  path.closePath();
}

/** Return the outline of a shape as a path. */
export function outline(shape, radius) {
  const path = new Path2D();
  OUTLINES[shape](path, radius);
  return path;
}

/** Draw one look at the origin of the context: filled, or hollow after the first round. */
export function drawLook(context, look, { radius, colour, halo, faded = false }) {
  const path = outline(look.shape, radius);
  context.globalAlpha = faded ? 0.4 : 1;
  context.lineJoin = "round";
  context.lineWidth = Math.max(1, radius * 0.28);
  context.strokeStyle = halo;
  context.stroke(path);
  if (look.round === 0) {
    context.fillStyle = colour;
    context.fill(path);
  } else {
    context.fillStyle = halo;
    context.fill(path);
    context.strokeStyle = colour;
    context.stroke(path);
  }
  context.globalAlpha = 1;
}

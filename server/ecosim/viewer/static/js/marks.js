// Events as marks that fade: what happened where in the last second.

const LASTS_MS = 1400;
const MOST = 600;

/** The kinds of events on the map, as [light, dark] colours; the last takes every type without a kind. */
export const KINDS = [
  { key: "birth", label: "Birth", glyph: "ring", colour: ["#14675a", "#6cc9b6"], matches: (type) => type === "REPRODUCTION" },
  { key: "death", label: "Death", glyph: "cross", colour: ["#33383a", "#e5ebe7"], matches: (type) => type.startsWith("DEATH") },
  { key: "predation", label: "Predation", glyph: "burst", colour: ["#b3200e", "#ff8a75"], matches: (type) => type === "PREDATION" },
  { key: "pollination", label: "Pollination", glyph: "ring", colour: ["#a87900", "#ffd24a"], matches: (type) => type === "POLLINATION" },
  { key: "consumption", label: "Consumption", glyph: "dot", colour: ["#8a4b1c", "#e0a878"], matches: (type) => type === "CONSUMPTION" },
  { key: "decomposition", label: "Decomposition", glyph: "dot", colour: ["#7a4fb5", "#c3a6f2"], matches: (type) => type === "DECOMPOSITION" },
  { key: "state", label: "Change of state", glyph: "dot", colour: ["#5a665f", "#9daba3"], matches: (type) => type === "STATE_CHANGE", off: true },
  { key: "other", label: "Other", glyph: "ring", colour: ["#3d5fb8", "#93b1ff"], matches: () => true },
];

export class Marks {
  constructor() {
    this.hidden = new Set(KINDS.filter((kind) => kind.off).map((kind) => kind.key));
    this.clear();
  }

  clear() {
    this._marks = [];
  }

  /** Whether something is still to be seen at a time. */
  lively(now) {
    return this._marks.length > 0 && now - this._marks.at(-1).at < LASTS_MS;
  }

  /** Take the events of a packet that have a place. */
  add(events, now) {
    for (const event of events) {
      const [x, , z] = event.position ?? [];
      if (!Number.isFinite(x) || !Number.isFinite(z)) continue;
      const kind = KINDS.find((one) => one.matches(String(event.type)));
      if (!this.hidden.has(kind.key)) this._marks.push({ kind, x, z, at: now });
    }
    if (this._marks.length > MOST) this._marks.splice(0, this._marks.length - MOST);
  }

  draw(context, camera, { now, theme, still, unit }) {
    this._marks = this._marks.filter((mark) => now - mark.at < LASTS_MS && !this.hidden.has(mark.kind.key));
    for (const mark of this._marks) {
      const age = (now - mark.at) / LASTS_MS;
      context.save();
      context.translate(...camera.toScreen(mark.x, mark.z));
      context.globalAlpha = still ? 0.85 : 1 - age;
      drawGlyph(context, mark.kind, { theme, radius: unit * (still ? 0.8 : 0.4 + 0.6 * Math.sqrt(age)) });
      context.restore();
    }
  }
}

/** Draw the mark of a kind at the origin. */
export function drawGlyph(context, kind, { theme, radius }) {
  context.strokeStyle = context.fillStyle = kind.colour[theme === "dark" ? 1 : 0];
  context.lineWidth = Math.max(1.5, radius * 0.16);
  context.lineCap = "round";
  context.beginPath();
  if (kind.glyph === "dot") {
    context.arc(0, 0, radius * 0.36, 0, 2 * Math.PI);
    context.fill();
    return;
  }
  if (kind.glyph === "ring") context.arc(0, 0, radius, 0, 2 * Math.PI);
  else {
    const spokes = kind.glyph === "cross" ? 4 : 8;
    const from = kind.glyph === "cross" ? 0 : radius * 0.45;
    for (let spoke = 0; spoke < spokes; spoke += 1) {
      const angle = Math.PI / 4 + (spoke * 2 * Math.PI) / spokes;
      context.moveTo(from * Math.cos(angle), from * Math.sin(angle));
      context.lineTo(radius * Math.cos(angle), radius * Math.sin(angle));
    }
  }
  context.stroke();
}

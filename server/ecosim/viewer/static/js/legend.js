// Who is on the map and how many, with switches; the same for the marks of events.

import { byId, make, setText } from "./dom.js";
import { count, words } from "./format.js";
import { drawGlyph, KINDS } from "./marks.js";
import { drawLook } from "./shapes.js";

const SIDE = 18;

/** Return a small canvas on which `draw(context)` has drawn around its middle. */
function icon(draw) {
  const ratio = Math.max(2, window.devicePixelRatio || 1);
  const canvas = make("canvas", { width: SIDE * ratio, height: SIDE * ratio, "aria-hidden": "true" });
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  context.translate(SIDE / 2, SIDE / 2);
  draw(context);
  return canvas;
}

/** A switch with an icon; `flip(shown)` is called when it is used. */
function toggle(picture, name, shown, flip) {
  const label = make("span", { class: "name", title: name }, name);
  const amount = make("span", { class: "count" });
  const button = make("button", { type: "button", "aria-pressed": String(shown) }, picture, label, amount);
  button.addEventListener("click", () => {
    const next = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(next));
    flip(next);
  });
  return { item: make("li", {}, button), amount };
}

export class Legend {
  /** `hidden`: the set of species left out; `changed()` is called when it changes. */
  constructor(world, hidden, changed) {
    this._world = world;
    this._hidden = hidden;
    this._changed = changed;
    this._list = byId("legend");
    this._amounts = new Map();
    this._drawn = null;
  }

  /** Bring the counts up to date, and the list when species came or the theme changed. */
  refresh(theme) {
    const drawn = `${this._world.runId} ${this._world.revision} ${theme}`;
    if (drawn !== this._drawn) {
      this._drawn = drawn;
      this._build(theme);
    }
    for (const [name, amount] of this._amounts) setText(amount, count(this._world.species.get(name).count));
  }

  _build(theme) {
    this._amounts.clear();
    const items = this._world.speciesInOrder().map((species) => {
      const picture = icon((context) =>
        drawLook(context, species.look, { radius: 7, colour: species.look.colours[theme], halo: "transparent" }),
      );
      const { item, amount } = toggle(picture, words(species.name), !this._hidden.has(species.name), (shown) => {
        if (shown) this._hidden.delete(species.name);
        else this._hidden.add(species.name);
        this._changed();
      });
      item.dataset.species = species.name;
      this._amounts.set(species.name, amount);
      return item;
    });
    this._list.replaceChildren(...items);
  }
}

/** Fill the list of event marks. */
export function fillMarks(marks, theme) {
  byId("marks").replaceChildren(
    ...KINDS.map((kind) => {
      const picture = icon((context) => drawGlyph(context, kind, { theme, radius: 6.5 }));
      return toggle(picture, kind.label, !marks.hidden.has(kind.key), (shown) => {
        if (shown) marks.hidden.delete(kind.key);
        else marks.hidden.add(kind.key);
      }).item;
    }),
  );
}

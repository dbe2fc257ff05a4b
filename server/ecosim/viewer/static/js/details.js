// What is known of one entity: beside the pointer, and in the panel of the chosen one.

import { byId, make, setText } from "./dom.js";
import { count, number, words } from "./format.js";

const place = (entity) => `${entity.x.toFixed(1)}, ${entity.z.toFixed(1)}`;

/** The entity in one sentence, for those who hear the page. */
export function sentence(entity) {
  const values = Object.entries(entity.variables).map(([name, value]) => `${words(name)} ${number(value)}`);
  return [`${entity.id}, ${words(entity.species.name)}`, words(entity.state).toLowerCase(), `at ${place(entity)}`, ...values].join(", ");
}

/** Show the values of an entity beside a place on the map; null hides them. */
export function showTip(tip, entity, x = 0, y = 0) {
  tip.hidden = entity === null;
  if (entity === null) return;
  const rows = [["species", words(entity.species.name)], ["state", words(entity.state).toLowerCase()]];
  for (const [name, value] of Object.entries(entity.variables)) rows.push([words(name), number(value)]);
  tip.replaceChildren(
    make("strong", {}, entity.id),
    make("dl", {}, ...rows.flatMap(([term, value]) => [make("dt", {}, term), make("dd", {}, value)])),
  );
  const room = tip.parentElement.getBoundingClientRect();
  const right = x + 16 + tip.offsetWidth > room.width;
  const low = y + 16 + tip.offsetHeight > room.height;
  const left = Math.max(0, right ? x - 12 - tip.offsetWidth : x + 16);
  const top = Math.max(0, low ? y - 12 - tip.offsetHeight : y + 16);
  tip.style.transform = `translate(${left}px, ${top}px)`;
}

/** The panel of the chosen entity; it keeps its elements and changes their values. */
export class Inspector {
  constructor(letGo) {
    this._root = byId("inspector");
    this._letGo = letGo;
    this._id = null;
  }

  /** Show an entity as it is now; undefined hides the panel. */
  show(entity) {
    this._root.hidden = entity === undefined;
    if (entity === undefined) {
      this._id = null;
      return;
    }
    if (this._id !== entity.id) this._build(entity);
    setText(this._state, `${words(entity.species.name)}, ${entity.species.look.label}: ${words(entity.state).toLowerCase()}`);
    setText(this._place, place(entity));
    for (const [name, value] of Object.entries(entity.variables)) {
      const row = this._rows.get(name);
      if (row === undefined) continue;
      setText(row.text, Math.abs(value) >= 100 ? count(value) : number(value));
      if (row.meter !== null) row.meter.value = Number.isFinite(value) ? value : 0;
    }
  }

  _build(entity) {
    this._id = entity.id;
    this._rows = new Map();
    const close = make("button", { type: "button" }, "Let go");
    close.addEventListener("click", () => this._letGo());
    this._state = make("p", { class: "quiet" });
    this._place = make("span");
    const list = make("dl", {}, make("dt", {}, "place"), make("dd", {}, this._place));
    for (const name of Object.keys(entity.variables)) {
      const text = make("span");
      const meter = name === "age" ? null : make("meter", { min: 0, max: 1, "aria-hidden": "true" });
      this._rows.set(name, { text, meter });
      list.append(make("dt", {}, words(name)), make("dd", {}, ...(meter === null ? [text] : [meter, text])));
    }
    this._root.replaceChildren(make("header", {}, make("h3", {}, entity.id), close), this._state, list);
  }
}

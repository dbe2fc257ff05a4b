// The buttons and keys that steer a run.

import { byId, make } from "./dom.js";
import { number } from "./format.js";

const RATES = [0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];
const STEERING = ["pause", "slower", "speed", "faster", "intensity", "rain", "stop"];

export class Controls {
  /**
   * `actions`: `pause(on)`, `rain(intensity)`, `rate(ticksPerSecond)`, `stop()`, and for the keys
   * `zoom(steps)`, `fit()`, `letGo()`.
   */
  constructor(actions) {
    this._act = actions;
    this.paused = false;
    this._rate = 10;
    byId("pause").addEventListener("click", () => actions.pause(!this.paused));
    byId("rain").addEventListener("click", () => this._rain());
    byId("slower").addEventListener("click", () => this._step(-1));
    byId("faster").addEventListener("click", () => this._step(1));
    byId("speed").addEventListener("change", (event) => actions.rate(Number(event.target.value)));
    byId("intensity").addEventListener("input", () => this._tellIntensity());
    byId("zoom-in").addEventListener("click", () => actions.zoom(1));
    byId("zoom-out").addEventListener("click", () => actions.zoom(-1));
    byId("zoom-fit").addEventListener("click", () => actions.fit());
    this._dialogs();
    this._themes();
    this._tellIntensity();
    document.addEventListener("keydown", (event) => this._key(event));
  }

  /** Take what the server says; `steerable` is false while there is no run to steer. */
  show({ paused, rate, steerable, stoppable = steerable }) {
    this.paused = paused;
    byId("pause").textContent = paused ? "Resume" : "Pause";
    this._showRate(rate);
    for (const id of STEERING) byId(id).disabled = !(id === "stop" ? stoppable : steerable);
    if (steerable) {
      byId("slower").disabled = !RATES.some((one) => one < rate);
      byId("faster").disabled = !RATES.some((one) => one > rate);
    }
  }

  _showRate(rate) {
    this._rate = rate;
    const select = byId("speed");
    const rates = [...new Set([...RATES, rate])].sort((a, b) => a - b);
    if (select.options.length !== rates.length || ![...select.options].some((one) => Number(one.value) === rate)) {
      select.replaceChildren(...rates.map((one) => make("option", { value: one }, `${number(one)} a second`)));
    }
    if (document.activeElement !== select || select.value === "") select.value = String(rate);
  }

  _step(direction) {
    const next = direction > 0 ? RATES.find((one) => one > this._rate) : RATES.findLast((one) => one < this._rate);
    if (next !== undefined) this._act.rate(next);
  }

  _rain() {
    this._act.rain(Number(byId("intensity").value));
  }

  _tellIntensity() {
    byId("intensity-value").textContent = Number(byId("intensity").value).toFixed(2);
  }

  _dialogs() {
    const stop = byId("stop-dialog");
    byId("stop").addEventListener("click", () => {
      stop.returnValue = "";
      stop.showModal();
    });
    stop.addEventListener("close", () => stop.returnValue === "stop" && this._act.stop());
    byId("help").addEventListener("click", () => byId("help-dialog").showModal());
  }

  _themes() {
    const names = { system: "as the system", light: "light", dark: "dark" };
    const tell = (chosen) => {
      byId("theme-name").textContent = `Theme: ${names[chosen]}`;
      byId("theme").title = `Theme: ${names[chosen]}`;
    };
    byId("theme").addEventListener("click", () => tell(window.ecosimTheme.next()));
    tell(window.ecosimTheme.chosen);
  }

  _key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const { target } = event;
    // A list takes letters and a button takes the space bar: theirs come first.
    if (target.closest("select, textarea, input:not([type=range])")) return;
    if (event.key === " " && target.closest("button, a, input")) return;
    const press = (id) => () => byId(id).disabled || byId(id).click();
    const action = {
      " ": press("pause"), r: press("rain"), "+": press("faster"), "=": press("faster"), "-": press("slower"),
      "?": press("help"), "[": press("zoom-out"), "]": press("zoom-in"), 0: press("zoom-fit"),
      m: () => byId("map").focus(), Escape: () => this._act.letGo(),
    }[event.key];
    if (action === undefined) return;
    if (event.key !== "Escape") event.preventDefault();
    // A key held down steers the run once.
    if (event.repeat && [" ", "r"].includes(event.key)) return;
    action();
  }
}

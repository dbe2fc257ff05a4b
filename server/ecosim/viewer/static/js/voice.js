// What the page says in words: where the run stands, what went wrong, and what screen readers hear.

import { byId, setText } from "./dom.js";

const PHASES = {
  connecting: "Connecting", running: "Running", paused: "Paused", ended: "Ended", lost: "Connection lost",
};

export class Voice {
  /** `retry()` is called when somebody does not want to wait. */
  constructor(retry) {
    this._phase = "";
    byId("banner-action").addEventListener("click", retry);
    byId("notice-close").addEventListener("click", () => this.notice(null));
  }

  get phase() {
    return this._phase;
  }

  /** Show where the run stands, and say it when it is new. */
  setPhase(phase, spoken = PHASES[phase]) {
    if (phase === this._phase) return;
    this._phase = phase;
    byId("phase").dataset.phase = phase;
    setText(byId("phase-text"), PHASES[phase]);
    this.say(spoken);
  }

  /** Tell it once to those who hear the page. */
  say(text) {
    byId("live").textContent = text;
  }

  /** A lasting remark under the controls; null takes it away. `retry` offers not to wait. */
  banner(text, { kind = "warn", retry = false } = {}) {
    const banner = byId("banner");
    banner.hidden = text === null;
    banner.dataset.kind = kind;
    byId("banner-action").hidden = !retry;
    setText(byId("banner-text"), text ?? "");
  }

  /** Something that went wrong and that a person may put away; null puts it away. */
  notice(text) {
    byId("notice").hidden = text === null;
    setText(byId("notice-text"), text ?? "");
  }
}

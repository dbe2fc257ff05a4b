// Puts the page together: one connection, one world, one history, and those who show them.

import { ask, Connection } from "./connection.js";
import { Charts } from "./charts.js";
import { Controls } from "./controls.js";
import { Inspector, sentence, showTip } from "./details.js";
import { byId, fillSelect, setText } from "./dom.js";
import { count, fraction, number, words, worldName } from "./format.js";
import { History } from "./history.js";
import { fillMarks, Legend } from "./legend.js";
import { WorldMap } from "./map.js";
import { Marks } from "./marks.js";
import { Pace } from "./pace.js";
import { Picking } from "./picking.js";
import { Voice } from "./voice.js";
import { Wash } from "./wash.js";
import { World } from "./world.js";

const POLL_MS = 2000;
const WORDS_MS = 200;
const RAIN_SIGN_MS = 4000;
const RESYNC_MS = 2000;
/** How the reason begins with which the server closes a connection when the run is over. */
const RUN_ENDED = "run ended: ";

class Page {
  constructor() {
    this.hidden = new Set();
    this.world = new World();
    this.history = new History();
    this.marks = new Marks();
    this.pace = new Pace();
    this.state = null;
    this.end = null;
    this.wash = new Wash(() => this.showWash(), (message) => this.voice.notice(`The layer cannot be shown: ${message}`));
    this.map = new WorldMap(byId("map"), this);
    this.charts = new Charts(this.world, this.history, this.hidden);
    this.legend = new Legend(this.world, this.hidden, () => this.switched());
    this.inspector = new Inspector(() => this.choose(null, false));
    this.voice = new Voice(() => this.connection.connect());
    this.picking = new Picking(this.map, this.world, this.hidden, {
      hover: (entity, x, y) => showTip(byId("tip"), entity, x, y),
      choose: (id, byKey) => this.choose(id, byKey),
    });
    this.controls = new Controls({
      pause: (on) => this.send({ type: on ? "pause" : "resume" }),
      rain: (intensity) => this.send({ type: "rain", intensity }) && this.voice.say(`Rain of ${intensity} asked for`),
      rate: (rate) => this.setRate(rate),
      stop: () => this.send({ type: "stop" }),
      zoom: (steps) => this.picking.zoom(steps),
      fit: () => this.picking.fit(),
      letGo: () => this.choose(null, false),
    });
    this.connection = new Connection({
      state: (state) => this.takeState(state),
      packet: (packet) => this.takePacket(packet),
      record: (record) => this.takeRecord(record),
      refused: (message) => this.voice.notice(`The server refused: ${message}`),
      connecting: () => this.state === null && this.voice.setPhase("connecting"),
      lost: (seconds, reason) => this.lost(seconds, reason),
    });
    byId("layer").addEventListener("change", (event) => this.wash.choose(event.target.value));
    document.addEventListener("themechange", () => this.setTheme());
    document.addEventListener("visibilitychange", () => (document.hidden ? this.wash.rest() : this.wash.refresh()));
    this.setTheme();
  }

  begin() {
    this.connection.connect();
    setInterval(() => this.poll(), POLL_MS);
    setInterval(() => this.tell(), WORDS_MS);
  }

  // ---- what comes from the server ---------------------------------------------------------------

  takeState(state) {
    if (this.state?.run_id !== state.run_id) this.startFresh(state);
    this.world.load(state);
    this.takeStanding(state);
    if (byId("layer").dataset.run !== state.run_id) this.offerLayers(state);
    this.wash.refresh();
    this.map.resize();
    this.tell();
    this.charts.refresh();
    byId("map-empty").hidden = true;
    this.map.canvas.setAttribute("aria-label", `World of ${number(this.world.size[0])} by ${number(this.world.size[1])} units, seen from above`);
  }

  /** Take where the run stands: the small part of a state. */
  takeStanding(state) {
    this.state = { ...this.state, ...state };
    const ended = state.finished;
    this.voice.setPhase(ended ? "ended" : state.paused ? "paused" : "running");
    this.voice.banner(ended ? this.endInWords() : null, { kind: state.status === "failed" ? "warn" : "info" });
    this.controls.show({
      paused: state.paused, rate: state.rate, steerable: !ended, stoppable: true,
    });
    const { telemetry, interval } = this.state;
    this.charts.setInterval(telemetry ? interval : null);
    if (telemetry) this.charts.addCost(this.state);
    setText(byId("charts-note"), telemetry ? `one sample every ${count(interval)} ticks` : "off");
  }

  takePacket(packet) {
    const now = performance.now();
    if (!this.world.apply(packet, now) && !(now - this.resyncedAt < RESYNC_MS)) {
      this.resyncedAt = now;
      this.connection.resynchronise();
    }
    this.pace.note(packet.tick, now);
    const events = packet.events ?? [];
    if (!document.hidden) this.marks.add(events, now);
    const rain = events.findLast((event) => event.type === "RAIN");
    if (rain !== undefined) this.showRain(rain.intensity);
    this.map.moved(now);
  }

  takeRecord(record) {
    if (record.record === "sample" && this.history.add(record)) this.askForCharts();
    if (record.record === "end") {
      this.end = record;
      this.poll();
    }
  }

  lost(seconds, reason) {
    if (reason.startsWith(RUN_ENDED)) this.takeEnd(reason.slice(RUN_ENDED.length));
    const over = this.end !== null || Boolean(this.state?.finished);
    this.voice.setPhase(over ? "ended" : "lost");
    // The server of a run that is completed stays.
    const gone = over && reason !== `${RUN_ENDED}completed` ? " The server is gone; looking for a new one." : "";
    const what = over ? this.endInWords() : this.lossInWords(reason);
    this.voice.banner(`${what}${gone} Trying again in ${seconds} s.`, { kind: over ? "info" : "warn", retry: true });
    this.controls.show({ paused: this.controls.paused, rate: this.state?.rate ?? 10, steerable: false });
    this.wash.rest();
    this.pace.clear();
  }

  /** Take how the run ended from the last word of the packets, if nothing has told it before. */
  takeEnd(word) {
    if (this.end !== null || this.state?.finished) return;
    const status = ["completed", "failed"].includes(word) ? word : "stopped";
    this.end = { tick: this.state === null ? null : this.world.tick, status };
  }

  /** Ask where the run stands, since another client may steer it too. */
  async poll() {
    if (!this.connection.live || document.hidden) return;
    try {
      const state = await ask("status");
      if (!this.connection.live) return;
      if (state.run_id === this.state.run_id) this.takeStanding(state);
      this.askForCharts();
    } catch (error) {
      if (this.connection.live) this.voice.notice(`The server did not say where the run stands: ${error.message}`);
    }
  }

  // ---- what goes to the server ------------------------------------------------------------------

  send(message) {
    const sent = this.connection.send(message);
    if (sent) setTimeout(() => this.poll(), 150);
    else this.voice.notice("Not sent: there is no connection to the server.");
    return sent;
  }

  async setRate(rate) {
    try {
      await ask("rate", { method: "PUT", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ rate }) });
      this.voice.say(`${number(rate)} ticks a second`);
    } catch (error) {
      this.voice.notice(`The speed stays as it is: ${error.message}`);
    }
    this.poll();
  }

  // ---- what is shown ----------------------------------------------------------------------------

  startFresh(state) {
    this.history.clear();
    this.marks.clear();
    this.charts.clearCost();
    this.pace.clear();
    this.hidden.clear();
    this.state = null;
    this.end = null;
    this.choose(null, false);
    this.voice.notice(null);
    const name = worldName(state.world ?? state.session_id);
    setText(byId("world-name"), name);
    setText(byId("run-name"), `${state.run_id}, seed ${state.seed}`);
    document.title = `${name} · EcoSim`;
  }

  offerLayers(state) {
    const select = byId("layer");
    select.dataset.run = state.run_id;
    fillSelect(select, [["", "none"], ...state.layers.map((name) => [name, words(name)])], "moisture");
    if (!select.dataset.chosen && state.layers.includes("moisture")) select.value = "moisture";
    select.dataset.chosen = "yes";
    this.wash.choose(select.value);
  }

  endInWords() {
    const { tick, status, error } = this.end ?? this.state;
    const at = tick === null ? "" : ` at tick ${count(tick)}`;
    return `The run has ended${at}: ${status}${error ? `, ${error}` : ""}.`;
  }

  lossInWords(reason) {
    if (this.state === null) return reason ? `No connection: ${reason}.` : "No connection to the server.";
    return reason ? `The connection was lost: ${reason}.` : "The connection was lost.";
  }

  showRain(intensity) {
    const sign = byId("rain-sign");
    sign.hidden = false;
    setText(sign, `Rain, intensity ${number(intensity)}`);
    clearTimeout(this.rainTimer);
    this.rainTimer = setTimeout(() => (sign.hidden = true), RAIN_SIGN_MS);
  }

  /** Text that changes with every tick is written a few times a second only. */
  tell() {
    if (this.state === null) return;
    setText(byId("fact-tick"), count(this.world.tick));
    setText(byId("fact-entities"), count(this.world.entities.size));
    setText(byId("fact-rate"), this.voice.phase === "running" ? number(this.pace.rate(performance.now())) : "–");
    this.legend.refresh(this.map.theme);
    const chosen = this.map.chosen === null ? undefined : this.world.entities.get(this.map.chosen);
    if (this.map.chosen !== null && chosen === undefined) {
      this.voice.say(`${this.map.chosen} is gone`);
      this.map.chosen = null;
    }
    this.inspector.show(chosen);
  }

  choose(id, byKey) {
    this.map.chosen = id;
    const entity = id === null ? undefined : this.world.entities.get(id);
    this.inspector.show(entity);
    if (byKey) this.voice.say(entity === undefined ? "No entity chosen" : sentence(entity));
    this.map.draw();
  }

  switched() {
    this.map.draw();
    this.charts.refresh();
  }

  showWash() {
    const { wash } = this;
    const shown = wash.image !== null;
    byId("scale").hidden = !shown;
    if (shown) {
      setText(byId("scale-low"), fraction(wash.low));
      setText(byId("scale-high"), fraction(wash.high));
      setText(byId("scale-name"), `${words(wash.layer)} at the surface`);
      const ramp = byId("scale-ramp");
      const context = ramp.getContext("2d");
      const fill = context.createLinearGradient(0, 0, ramp.width, 0);
      wash.ends(this.map.theme).forEach((colour, end) => fill.addColorStop(end, colour));
      context.fillStyle = fill;
      context.fillRect(0, 0, ramp.width, ramp.height);
    }
    this.map.draw();
  }

  setTheme() {
    this.map.setTheme();
    this.wash.paint(this.map.theme);
    this.charts.setTheme(this.map.theme);
    fillMarks(this.marks, this.map.theme);
    this.legend.refresh(this.map.theme);
  }

  /** Draw the charts once for all the samples that came together. */
  askForCharts() {
    if (this.chartsAsked) return;
    this.chartsAsked = true;
    requestAnimationFrame(() => {
      this.chartsAsked = false;
      this.charts.refresh();
    });
  }
}

new Page().begin();

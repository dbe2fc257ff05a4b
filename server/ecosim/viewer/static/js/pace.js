// How many ticks a second arrive, over the last few seconds.

const OVER_MS = 3000;

export class Pace {
  constructor() {
    this.clear();
  }

  clear() {
    this._notes = [];
  }

  note(tick, now) {
    this._notes.push([tick, now]);
    while (this._notes.length > 2 && now - this._notes[0][1] > OVER_MS) this._notes.shift();
  }

  /** Ticks a second; NaN when too little has arrived. */
  rate(now) {
    const notes = this._notes;
    if (notes.length < 2 || now - notes.at(-1)[1] > OVER_MS) return NaN;
    const [[firstTick, firstAt], [lastTick, lastAt]] = [notes[0], notes.at(-1)];
    return ((lastTick - firstTick) / (lastAt - firstAt)) * 1000;
  }
}

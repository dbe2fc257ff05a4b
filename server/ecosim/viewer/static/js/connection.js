// The two sockets of a page: packets first, then the state that they continue, then the telemetry.

const FIRST_WAIT_S = 1;
const LONGEST_WAIT_S = 15;
const ANSWER_MS = 10000;
const BUFFERED = 2000;
const REPLAY = 1000;

/** Return the address of a path of this server, with the scheme of a socket. */
function socketUrl(path) {
  const url = new URL(path, document.baseURI);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url;
}

/** Ask the server; resolves with its JSON, rejects with its message in words. */
export async function ask(path, options = {}) {
  const answer = await fetch(path, {
    cache: "no-store", signal: AbortSignal.timeout(ANSWER_MS), ...options,
  });
  if (answer.ok) return answer.json();
  const said = await answer.json().catch(() => ({}));
  throw new Error(said.message ?? `the server answered ${answer.status} to ${path}`);
}

export class Connection {
  /**
   * `handlers`: `state(state)`, `packet(packet)`, `record(record)`, `refused(message)`,
   * `connecting()`, `lost(seconds, reason)`, called with `seconds` anew as they run down.
   */
  constructor(handlers) {
    this._on = handlers;
    this._wait = FIRST_WAIT_S;
    this._attempt = 0;
    this._timer = null;
    this._socket = null;
    this._telemetry = null;
    this._waiting = null;
  }

  get live() {
    return this._socket !== null && this._waiting === null && this._socket.readyState === WebSocket.OPEN;
  }

  connect() {
    clearTimeout(this._timer);
    this._drop();
    const attempt = this._attempt;
    const current = () => attempt === this._attempt;
    this._on.connecting();
    const socket = new WebSocket(socketUrl("ws?lag=skip"));
    this._socket = socket;
    this._waiting = [];
    socket.onopen = () => current() && this._synchronise(current);
    socket.onmessage = (message) => current() && this._take(message.data);
    socket.onclose = (event) => current() && this._closed(event.reason);
  }

  /** Send a control message; false when there is no connection to send it over. */
  send(message) {
    if (!this.live) return false;
    this._socket.send(JSON.stringify(message));
    return true;
  }

  /** Read the state again, as after lost packets. */
  resynchronise() {
    if (!this.live) return;
    this._waiting = [];
    const attempt = this._attempt;
    this._synchronise(() => attempt === this._attempt);
  }

  async _synchronise(current) {
    try {
      const state = await ask("state");
      if (!current()) return;
      this._on.state(state);
      const packets = this._waiting;
      this._waiting = null;
      for (const packet of packets) if (packet.tick > state.tick) this._on.packet(packet);
      this._wait = FIRST_WAIT_S;
      if (state.telemetry && this._telemetry === null) this._listen(current);
    } catch (error) {
      if (current()) this._closed(error.message);
    }
  }

  _listen(current) {
    const socket = new WebSocket(socketUrl(`telemetry?replay=${REPLAY}`));
    this._telemetry = socket;
    socket.onmessage = (message) => {
      if (!current()) return;
      const record = JSON.parse(message.data);
      if (record.type === "error") this._on.refused(String(record.message));
      else this._on.record(record);
    };
    // The end of the run closes it in order; anything else is tried again while packets come.
    socket.onclose = (event) => {
      if (!current() || event.code === 1000) return;
      setTimeout(() => current() && this._listen(current), LONGEST_WAIT_S * 1000);
    };
  }

  _take(text) {
    const message = JSON.parse(text);
    if (message.type === "error") this._on.refused(String(message.message));
    else if (this._waiting === null) this._on.packet(message);
    else {
      this._waiting.push(message);
      if (this._waiting.length > BUFFERED) this._waiting.shift();
    }
  }

  _closed(reason) {
    this._drop();
    const until = Date.now() + this._wait * 1000;
    this._wait = Math.min(LONGEST_WAIT_S, this._wait * 2);
    const count = () => {
      const left = Math.ceil((until - Date.now()) / 1000);
      if (left <= 0) {
        this.connect();
        return;
      }
      this._on.lost(left, reason);
      this._timer = setTimeout(count, 250);
    };
    count();
  }

  /** Close both sockets; what they still say is not listened to. */
  _drop() {
    this._attempt += 1;
    for (const socket of [this._socket, this._telemetry]) socket?.close();
    this._socket = null;
    this._telemetry = null;
    this._waiting = null;
  }
}

// A widget's model as JupyterLab has it, whose kernel is as slow as a test wants: a state waits while another one is on
// its way, and a message does not.
export class Model {
  /** @param {Record<string, any>} state @param {Record<string, any>} pictures by the ids of their models */
  constructor(state, pictures) {
    Object.assign(this, { state, pictures, changed: {}, held: null, busy: false, live: true });
    /** What was sent, in order. @type {any[]} */
    this.sent = [];
    /** @type {[string, () => void][]} */
    this.watchers = [];
    this.widget_manager = { get_model: async (id) => ({ get: () => this.pictures[id] }) };
  }

  get(name) {
    return this.state[name];
  }

  set(name, value) {
    const same = JSON.stringify(this.state[name]) === JSON.stringify(value);
    this.state[name] = this.changed[name] = value;
    if (!same) this.fire(`change:${name}`);
  }

  save_changes() {
    if (!this.live) throw new Error("no comm channel defined");
    this.held = { ...this.held, ...this.changed };
    this.changed = {};
    this.flush();
  }

  /** The kernel has answered what was sent. */
  idle() {
    this.busy = false;
    this.flush();
  }

  flush() {
    if (this.busy || !this.held) return;
    this.sent.push({ state: this.held });
    [this.held, this.busy] = [null, true];
  }

  send(message) {
    this.sent.push({ message });
  }

  /** Python sets traits, all of one message. */
  receive(state) {
    const names = Object.keys(state).filter((name) => JSON.stringify(this.state[name]) !== JSON.stringify(state[name]));
    Object.assign(this.state, state);
    for (const name of names) this.fire(`change:${name}`);
  }

  /** Python closes the widget. */
  destroy() {
    this.live = false;
    this.fire("destroy");
  }

  on(names, watcher) {
    for (const name of names.split(" ")) this.watchers.push([name, watcher]);
  }

  off(name, watcher) {
    this.watchers = this.watchers.filter((each) => each[0] !== name || each[1] !== watcher);
  }

  fire(name) {
    for (const [each, watcher] of [...this.watchers]) if (each === name) watcher();
  }
}

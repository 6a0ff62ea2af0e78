import { channel } from 'node:diagnostics_channel';

/** A `node:diagnostics_channel` for the application, and watchers of this library on the same events. */
export class EventChannel<Event extends object> {
  readonly #channel;
  readonly #watchers = new Set<(event: Event) => void>();

  constructor(name: string) {
    this.#channel = channel(name);
  }

  /** Whether anything receives an event that is published now. */
  get isHeard(): boolean {
    return this.#channel.hasSubscribers || this.#watchers.size > 0;
  }

  publish(event: Event): void {
    if (this.#channel.hasSubscribers) this.#channel.publish(event);
    for (const watcher of this.#watchers) watcher(event);
  }

  /** Calls `watcher` for every event. Returns a function that ends the watch. */
  watch(watcher: (event: Event) => void): () => void {
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }
}

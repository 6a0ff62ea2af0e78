import type { MemoryTokenStore } from '../store/memory/memory-token-store.js';
import type { NowggTokenService } from '../nowgg-token-service.js';

/** A process that can die or be frozen: all its outside operations then wait, for ever or until it is thawed. */
export class SimulatedProcess {
  service!: NowggTokenService;
  dead = false;
  /** Token sets that were handed out to it and that it has not tried to store yet. */
  unstored = 0;
  #thawed: Promise<void> | undefined;
  #thaw: () => void = () => undefined;

  freeze(): void {
    this.#thawed ??= new Promise((resolve) => {
      this.#thaw = resolve;
    });
  }

  thaw(): void {
    this.#thawed = undefined;
    this.#thaw();
  }

  /** Resolves as soon as the process runs; never, once it is dead. */
  async runs(): Promise<void> {
    await this.#thawed;
    if (this.dead) await new Promise(() => undefined);
  }
}

/** A store as one process reaches it. */
export function gated(store: MemoryTokenStore, process: SimulatedProcess): MemoryTokenStore {
  return new Proxy(store, {
    get(target, name) {
      const member = Reflect.get(target, name) as unknown;
      if (typeof member !== 'function') return member;
      const operation = member.bind(target) as (...args: unknown[]) => Promise<unknown>;
      return async (...args: unknown[]) => {
        await process.runs();
        const result = await operation(...args);
        if (name === 'commitTokens') process.unstored -= 1;
        await process.runs();
        return result;
      };
    },
  });
}

import type { BindingSettings } from './scripted-proofs.js';

/** A request that the scripted backend got, preflights left out. */
export interface LoggedRequest {
  readonly method: string;
  readonly path: string;
  readonly body: string;
  readonly authorization?: string | undefined;
  readonly dpop?: string | undefined;
}

/** What befalls requests for a path. Without a status, and neither hung nor reset, they are answered in the end. */
export interface RouteFault {
  readonly path: string;
  readonly status?: number;
  /** Text is sent as it is, everything else as JSON. */
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  /** Never answered. */
  readonly hang?: boolean;
  /** The connection is cut. */
  readonly reset?: boolean;
  /** Carried out, and the connection is cut instead of the answer. */
  readonly lost?: boolean;
  /** Answered when `release` is called. */
  readonly hold?: boolean;
  /** How often; always when absent. */
  times?: number;
}

/** Sets a scripted backend from a page or from Node.js. */
export class BackendControls {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  async reset(now: number, lifeMs: number): Promise<void> {
    await this.#post('reset', { now, lifeMs });
  }

  async advance(ms: number): Promise<void> {
    await this.#post('advance', { ms });
  }

  async fault(fault: RouteFault): Promise<void> {
    await this.#post('fault', fault);
  }

  /** Takes back all faults. */
  async mend(): Promise<void> {
    await this.#post('mend', {});
  }

  /** Lets go what is held. */
  async release(): Promise<void> {
    await this.#post('release', {});
  }

  /** Ends all sessions. */
  async revoke(): Promise<void> {
    await this.#post('revoke', {});
  }

  /** Whether sessions are bound to keys, and what becomes of proofs. */
  async binding(settings: BindingSettings): Promise<void> {
    await this.#post('binding', settings);
  }

  /** Refuses the tokens that are out; the sessions go on. */
  async refuseTokens(): Promise<void> {
    await this.#post('refuse-tokens', {});
  }

  /** Resolves when so many requests for a path have come. */
  async seen(path: string, count = 1): Promise<void> {
    await this.#post('await', { path, count });
  }

  /** The requests that came, all or those for a path. */
  async requests(path?: string): Promise<LoggedRequest[]> {
    const log = await this.#post('log', {});
    return path === undefined ? log : log.filter((request) => request.path === path);
  }

  async #post(command: string, input: object): Promise<LoggedRequest[]> {
    const init = { method: 'POST', body: JSON.stringify(input) };
    const response = await fetch(`${this.#url}/_control/${command}`, init);
    return (await response.json()) as LoggedRequest[];
  }
}

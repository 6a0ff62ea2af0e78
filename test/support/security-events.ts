import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { NOWGG_SECURITY_CHANNEL, type NowggSecurityEvent } from '../../libs/nowgg-auth/src/security-events.js';

/** The types of the security events that this process publishes, from the call on until {@link stop}. */
export class SecurityEventRecord {
  readonly types: string[] = [];
  readonly #listen = (event: unknown) => void this.types.push((event as NowggSecurityEvent).type);

  constructor() {
    subscribe(NOWGG_SECURITY_CHANNEL, this.#listen);
  }

  /** What was published since the last call. */
  take(): string[] {
    return this.types.splice(0);
  }

  stop(): void {
    unsubscribe(NOWGG_SECURITY_CHANNEL, this.#listen);
  }
}

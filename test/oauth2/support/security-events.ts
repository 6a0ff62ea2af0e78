import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { NOWGG_SECURITY_CHANNEL, type NowggSecurityEvent } from 'nestjs-nowgg-auth';

/** Collects the security events that are published while it is open. */
export class SecurityEvents implements Disposable {
  readonly all: NowggSecurityEvent[] = [];
  readonly #listener = (event: unknown) => {
    this.all.push(event as NowggSecurityEvent);
  };

  constructor() {
    subscribe(NOWGG_SECURITY_CHANNEL, this.#listener);
  }

  of(type: NowggSecurityEvent['type']): NowggSecurityEvent[] {
    return this.all.filter((event) => event.type === type);
  }

  [Symbol.dispose](): void {
    unsubscribe(NOWGG_SECURITY_CHANNEL, this.#listener);
  }
}

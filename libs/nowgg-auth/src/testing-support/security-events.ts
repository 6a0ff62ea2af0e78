import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { NOWGG_SECURITY_CHANNEL, type NowggSecurityEvent } from '../events/security-events.js';

/** Collects security events until it is disposed. */
export function captureSecurityEvents(): Disposable & { readonly seen: readonly NowggSecurityEvent[] } {
  const seen: NowggSecurityEvent[] = [];
  const onEvent = (event: unknown) => seen.push(event as NowggSecurityEvent);
  subscribe(NOWGG_SECURITY_CHANNEL, onEvent);
  return { seen, [Symbol.dispose]: () => unsubscribe(NOWGG_SECURITY_CHANNEL, onEvent) };
}

import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterAll, beforeAll, beforeEach } from '@jest/globals';
import { NOWGG_SECURITY_CHANNEL, type NowggSecurityEvent } from '../../libs/nowgg-auth/src/events/security-events.js';

/** The types of the security events that this process publishes. */
export interface SecurityEventRecord {
  /** What was published since the last call, or else since the test began. */
  take(): string[];
}

/** Gives the tests of a file a record that is empty when a test begins. */
export function useSecurityEvents(): SecurityEventRecord {
  const types: string[] = [];
  const listen = (event: unknown) => void types.push((event as NowggSecurityEvent).type);
  const take = () => types.splice(0);
  beforeAll(() => subscribe(NOWGG_SECURITY_CHANNEL, listen));
  beforeEach(() => void take());
  afterAll(() => void unsubscribe(NOWGG_SECURITY_CHANNEL, listen));
  return { take };
}

import { describe, expect, it } from '@jest/globals';
import { STATE_CAUSES, stateCause } from './state-causes.js';

describe('the cause of a state', () => {
  it.each([
    ['verify: timeout', 'timeout'],
    ['no reply in time', 'timeout'],
    ['57014', 'timeout'],
    ['refresh: status 502', 'status_5xx'],
    ['code: status 429', 'status_429'],
    ['verify: status 302', 'status_other'],
    ['53100', 'full'],
    ['25006', 'read_only'],
    ['53300', 'connections'],
    ['42501', 'refused'],
    ['28P01', 'refused'],
    ['WRONGPASS', 'refused'],
    ['42P01', 'schema'],
    ['over_rate', 'over_rate'],
    ['verify: CERT_HAS_EXPIRED', 'tls'],
    ['verify: ERR_TLS_CERT_ALTNAME_INVALID', 'tls'],
    ['ECONNREFUSED', 'unreachable'],
    ['verify: ENOTFOUND', 'unreachable'],
    ['57P01', 'unreachable'],
    ['XX000', 'other'],
    ['verify', 'other'],
    [undefined, ''],
  ])('of %p is %p', (detail, cause) => {
    expect(stateCause(detail)).toBe(cause);
    expect(STATE_CAUSES).toContain(cause);
  });
});

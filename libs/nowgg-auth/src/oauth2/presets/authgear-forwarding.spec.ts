import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { NowggConfigurationError } from '../../errors.js';
import type { ForwardedRequest } from '../../identity/forwarding/forwarded-identity.js';
import type { IdentityHttp } from '../../identity/identity-http.js';
import { ManualClock } from '../../testing-support/manual-clock.js';
import { authgear, type AuthgearOptions } from './authgear.js';
import { HEADER_NAMES } from './authgear-headers.js';

const SECRET = 'a-secret-between-proxy-and-app-0123456789';
const PROXY = { remoteAddress: '10.0.0.1' };

function readerOf(forwarded: AuthgearOptions['forwarded'] = { peers: ['10.0.0.1'], secret: SECRET }) {
  const definition = authgear({ endpoint: 'https://a.example', clientId: 'game', ...(forwarded && { forwarded }) });
  const clock = new ManualClock();
  const provider = definition.create({ http: {} as IdentityHttp, clock, clockSkewMs: 5_000 });
  return provider.forwarding;
}

const reader = readerOf();
const read = (request: ForwardedRequest) => reader?.read(request);
const lines = (...headers: ReadonlyArray<readonly [string, string]>) => headers.flat();
const FROM_PROXY = ['X-Nowgg-Proxy-Secret', SECRET] as const;

describe('the headers of a forwarded session', () => {
  it('are the facts of a token', () => {
    const rawHeaders = lines(
      FROM_PROXY,
      ['X-Authgear-Session-Valid', 'true'],
      ['X-Authgear-User-Id', 'player-1'],
      ['X-Authgear-User-Roles', 'a, b'],
      ['X-Authgear-Session-Authenticated-At', '1900000000'],
    );
    expect(read({ rawHeaders, socket: PROXY })).toEqual({
      outcome: 'identity',
      facts: expect.objectContaining({
        provider: 'authgear',
        userId: 'player-1',
        tokenType: 'token',
        scopes: [],
        issuedAtMs: 1_900_000_000_000,
        authTimeMs: 1_900_000_000_000,
        expiresAtMs: 1_900_000_000_000 + 31_449_600_000,
      }),
    });
  });

  it.each<[string, ForwardedRequest]>([
    ['there are none', { rawHeaders: lines(FROM_PROXY, ['X-Authgear', 'true']), socket: PROXY }],
    ['only another one is there', { rawHeaders: lines(FROM_PROXY, ['X-Authgear-User-Name', 'x']), socket: PROXY }],
    ['an adapter has no list of headers', { socket: PROXY }],
    [
      'a user is named without a session',
      { rawHeaders: lines(FROM_PROXY, ['x-authgear-user-id', 'a']), socket: PROXY },
    ],
  ])('state nothing where %s', (_where, request) => {
    expect(read(request)).toEqual({ outcome: 'none' });
  });

  it.each<[string, ForwardedRequest['socket']]>([
    ['an adapter has no socket', undefined],
    ['the socket is null', null],
    ['the connection has no address', {}],
  ])('are not believed where %s', (_where, socket) => {
    const rawHeaders = lines(FROM_PROXY, ['x-authgear-session-valid', 'true'], ['x-authgear-user-id', 'a']);
    expect(read({ rawHeaders, socket })).toEqual({ outcome: 'untrusted', fault: 'peer' });
  });

  it('of a connection that has ended do not count as those of a unix socket', () => {
    const overUnix = readerOf({ peers: ['unix'], secret: SECRET });
    const rawHeaders = lines(FROM_PROXY, ['x-authgear-session-valid', 'true'], ['x-authgear-user-id', 'a']);
    expect(overUnix?.read({ rawHeaders, socket: { destroyed: true } })?.outcome).toBe('untrusted');
    expect(overUnix?.read({ rawHeaders, socket: { destroyed: false } })?.outcome).toBe('identity');
  });

  const name = fc.oneof(
    fc.constantFrom(...HEADER_NAMES.map((each) => `x-authgear-${each}`)),
    fc.constantFrom('X-AUTHGEAR-USER-ID', 'x-authgear', 'x_authgear_user_id', 'x-nowgg-proxy-secret', 'authorization'),
  );
  const value = fc.oneof(fc.constantFrom('true', 'false', '', 'a', 'a,b', '1', SECRET), fc.string({ maxLength: 20 }));
  const headers = fc.array(fc.tuple(name, value), { maxLength: 12 });

  it('give an identity to the proxy only, whatever they are', () => {
    const address = fc.option(fc.oneof(fc.ipV4(), fc.ipV6()), { nil: undefined });
    fc.assert(
      fc.property(headers, address, (sent, remoteAddress) => {
        fc.pre(remoteAddress !== '10.0.0.1');
        const outcome = read({ rawHeaders: lines(...sent, FROM_PROXY), socket: { remoteAddress } })?.outcome;
        expect(['none', 'untrusted']).toContain(outcome);
      }),
    );
  });

  it('of the proxy are an identity only if each occurs once, and is in its form', () => {
    fc.assert(
      fc.property(headers, (sent) => {
        const reading = read({ rawHeaders: lines(...sent), socket: PROXY });
        if (reading?.outcome !== 'identity') return;
        const of = (wanted: string) => sent.filter(([each]) => each.toLowerCase() === wanted).map(([, text]) => text);
        expect(of('x-nowgg-proxy-secret')).toEqual([SECRET]);
        expect(of('x-authgear-session-valid')).toEqual(['true']);
        expect(of('x-authgear-user-id')).toEqual([reading.facts.userId]);
        expect(reading.facts.userId).toMatch(/^[^\s,]+$/);
        for (const each of HEADER_NAMES) expect(of(`x-authgear-${each}`).length).toBeLessThanOrEqual(1);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('the option forwarded', () => {
  it('is off by default', () => {
    const definition = authgear({ endpoint: 'https://a.example', clientId: 'game' });
    const context = { http: {} as IdentityHttp, clock: new ManualClock(), clockSkewMs: 0 };
    expect(definition.create(context).forwarding).toBeUndefined();
  });

  it.each<[string, unknown]>([
    ['forwarded', true],
    ['forwarded.peers', {}],
    ['forwarded.sessionLifeMs', { peers: ['10.0.0.1'], sessionLifeMs: 1 }],
    ['unknown option forwarded.trust', { peers: ['10.0.0.1'], trust: true }],
  ])('names %s when it is at fault', (name, forwarded) => {
    const define = () => authgear({ endpoint: 'https://a.example', clientId: 'c', forwarded: forwarded as never });
    expect(define).toThrow(NowggConfigurationError);
    expect(define).toThrow(name);
  });
});

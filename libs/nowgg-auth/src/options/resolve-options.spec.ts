import { describe, expect, it } from '@jest/globals';
import { NowggConfigurationError } from '../errors.js';
import { resolveOptions } from './resolve-options.js';
import { strongKey } from '../testing-support/strong-key.js';

const key = strongKey;
const messageOf = (...args: Parameters<typeof resolveOptions>): string => {
  try {
    resolveOptions(...args);
  } catch (error) {
    expect(error).toBeInstanceOf(NowggConfigurationError);
    return (error as Error).message;
  }
  return '';
};
const frozenDeeply = (value: unknown): boolean =>
  typeof value !== 'object' || value === null || (Object.isFrozen(value) && Object.values(value).every(frozenDeeply));

describe('resolveOptions', () => {
  it('fills in every default', () => {
    const resolved = resolveOptions({ clientId: 'game' });
    expect(resolved).toEqual({
      identityProviders: [expect.objectContaining({ name: 'nowgg' })],
      realm: 'nowgg',
      verification: {
        maxAgeMs: 30_000,
        staleIfErrorMs: 300_000,
        maxEntries: 100_000,
        negativeMaxEntries: 20_000,
        timeoutMs: 3_000,
        clockSkewMs: 5_000,
        maxInFlight: 256,
        circuit: { openAfter: 20, maxPauseMs: 1_000 },
        refusalsAreDefinite: false,
        budget: undefined,
        acceptTokenTypes: ['token', 'id_token'],
      },
      revocation: {
        beforeFirstLoad: 'refuse',
        onUnknown: 'serve',
        longestTokenLifeMs: undefined,
        explainBans: 'everywhere',
      },
      tokens: undefined,
      shutdown: { graceMs: 25_000, awaitReplies: false },
      credentials: {},
      logging: { level: 'log' },
    });
    const tokens = { encryptionKeys: [{ id: 'k1', key: key(1) }] };
    expect(resolveOptions({ clientId: 'game', tokens }).tokens).toEqual({
      ...tokens,
      keepAlive: { isScheduled: false, idleMs: {}, perSecond: 2, everyMs: 3_600_000 },
      refreshMarginMs: 60_000,
      softDeadlineMs: 4_000,
      leaseMs: 8_000,
      lateReplyMs: 60_000,
      exchangeReplayMs: 30_000,
      openFirstVersion: true,
      forcedRefreshMs: 10_000,
      maxExchangesInFlight: 64,
      maxRefreshesInFlight: 256,
      refusedCodesPerMinute: 30,
      sessions: {
        idleMs: 2_592_000_000,
        absoluteMs: 15_552_000_000,
        endGrant: false,
        rotation: true,
        whenFull: 'end_oldest',
        per: 'client',
        devices: true,
        binding: 'off',
        publicUrls: [],
      },
    });
  });

  it('keeps the other defaults of keepAlive when it is given, and refuses what is not a life or a rate', () => {
    const tokens = { encryptionKeys: [{ id: 'k1', key: key(1) }] };
    const given = (keepAlive: object) => ({ clientId: 'game', tokens: { ...tokens, keepAlive } });
    expect(resolveOptions(given({})).tokens?.keepAlive).toEqual({
      isScheduled: true,
      idleMs: {},
      perSecond: 2,
      everyMs: 3_600_000,
    });
    const idleMs = { web: 86_400_000 };
    expect(resolveOptions(given({ idleMs, perSecond: 0.5 })).tokens?.keepAlive).toMatchObject({
      idleMs,
      perSecond: 0.5,
    });
    expect(() => resolveOptions(given({ idleMs: { web: 1 }, perSecond: 0, everyMs: 1, at: 3 }))).toThrow(
      'NowggAuthModule: unknown option tokens.keepAlive.at; tokens.keepAlive.idleMs must have for each provider a whole ' +
        'number of milliseconds, one day to ten years; tokens.keepAlive.perSecond must be a number, 0.01 to 1,000; ' +
        'tokens.keepAlive.everyMs must be a whole number of milliseconds, one minute to one day',
    );
  });

  it('keeps the other defaults of sessions when one is given, and refuses what is not a life', () => {
    const tokens = { encryptionKeys: [{ id: 'k1', key: key(1) }] };
    const given = (sessions: object) => ({ clientId: 'game', tokens: { ...tokens, sessions } });
    const resolved = resolveOptions(given({ idleMs: false, absoluteMs: undefined })).tokens?.sessions;
    expect(resolved).toEqual({
      idleMs: false,
      absoluteMs: 15_552_000_000,
      endGrant: false,
      rotation: true,
      whenFull: 'end_oldest',
      per: 'client',
      devices: true,
      binding: 'off',
      publicUrls: [],
    });
    expect(messageOf(given({ idleMs: 0, absoluteMs: true, endGrant: 1, rotation: 'on', bound: 'off' }))).toBe(
      'NowggAuthModule: unknown option tokens.sessions.bound; tokens.sessions.idleMs must be a whole number of ' +
        'milliseconds, one minute to ten years, or false; tokens.sessions.absoluteMs must be a whole number of ' +
        'milliseconds, one minute to ten years, or false; tokens.sessions.endGrant must be true or false; ' +
        'tokens.sessions.rotation must be true or false',
    );
    expect(messageOf(given({ max: 0, whenFull: 'ask', per: 'user', devices: 1, placeOf: 'SE' }))).toBe(
      'NowggAuthModule: tokens.sessions.max must be a whole number, 1 to 100; tokens.sessions.whenFull must be ' +
        'end_oldest or refuse; tokens.sessions.per must be client or provider; tokens.sessions.devices ' +
        'must be true or false; tokens.sessions.placeOf must be a function',
    );
  });

  it('offers a session key where the public URL is known, and demands it where a key is asked for', () => {
    const tokens = { encryptionKeys: [{ id: 'k1', key: key(1) }] };
    const given = (sessions: object) => ({ clientId: 'game', tokens: { ...tokens, sessions } });
    const url = 'https://api.example/v1';
    const bound = (sessions: object, routesUrl?: string | string[]) => {
      const { binding, publicUrls } = resolveOptions(given(sessions), [], true, routesUrl).tokens?.sessions ?? {};
      return [binding, publicUrls];
    };
    expect(bound({ publicUrl: url })).toEqual(['offered', [url]]);
    expect(bound({}, [url, 'http://localhost:3000'])).toEqual(['offered', [url, 'http://localhost:3000']]);
    expect(bound({ binding: 'required' }, url)).toEqual(['required', [url]]);
    expect(bound({ binding: 'off' }, url)).toEqual(['off', [url]]);
    expect(bound({ binding: null, publicUrl: null }, url)).toEqual(['offered', [url]]);
    for (const binding of ['required', 'offered']) {
      expect(messageOf(given({ binding }))).toBe(
        `NowggAuthModule: tokens.sessions.binding ${binding} needs routes.publicUrl or tokens.sessions.publicUrl`,
      );
    }
    expect(messageOf(given({ publicUrl: url }), [], true, url)).toContain('give the address once');
    for (const publicUrl of [
      'api.example',
      'http://api.example',
      `${url}?x`,
      `${url}#x`,
      'https://u:p@a.example',
      [],
      7,
    ]) {
      expect(messageOf(given({ publicUrl }))).toBe(
        'NowggAuthModule: tokens.sessions.publicUrl must be the address of this API, https or loopback, without query ' +
          'or fragment',
      );
    }
    expect(messageOf(given({ binding: 'on' }))).toContain('tokens.sessions.binding must be off, offered or required');
  });

  it('keeps what is given, zero included, and takes undefined for absent', () => {
    const verification = { maxAgeMs: 0, timeoutMs: undefined, acceptTokenTypes: ['token'] };
    const resolved = resolveOptions({ clientId: 'game', clientSecret: undefined, realm: 'a realm', verification });
    expect(resolved).toMatchObject({
      realm: 'a realm',
      verification: { maxAgeMs: 0, timeoutMs: 3_000, acceptTokenTypes: ['token'] },
    });
  });

  it('refuses what is not an option of revocations, and names it', () => {
    const revocation = {
      beforeFirstLoad: 'wait',
      onUnknown: true,
      longestTokenLifeMs: 5,
      explainBans: true,
      until: 1,
    } as never;
    expect(messageOf({ clientId: 'game', revocation })).toBe(
      'NowggAuthModule: unknown option revocation.until; revocation.beforeFirstLoad must be refuse or serve; ' +
        'revocation.onUnknown must be refuse or serve; ' +
        'revocation.longestTokenLifeMs must be a whole number of milliseconds, one minute to ten years; ' +
        'revocation.explainBans must be everywhere or sign_in',
    );
    const given = { beforeFirstLoad: 'serve', longestTokenLifeMs: 3_600_000 } as const;
    expect(resolveOptions({ clientId: 'game', revocation: given }).revocation).toEqual({
      ...given,
      onUnknown: 'serve',
      explainBans: 'everywhere',
    });
  });

  it('takes a longest age of maxAgeMs or more', () => {
    const verification = { maxAgeMs: 5_000, longestAgeMs: 5_000 };
    expect(resolveOptions({ clientId: 'game', verification }).verification).toMatchObject(verification);
    expect(resolveOptions({ clientId: 'game' }).verification.longestAgeMs).toBeUndefined();
  });

  it('takes a circuit in part, or none at all', () => {
    const circuitOf = (circuit: object | false) =>
      resolveOptions({ clientId: 'game', verification: { circuit } }).verification.circuit;
    expect(circuitOf({ openAfter: 9 })).toEqual({ openAfter: 9, maxPauseMs: 1_000 });
    expect(circuitOf(false)).toBe(false);
  });

  it('is frozen all the way down, and apart from what was given', () => {
    const given = { clientId: 'game', tokens: { encryptionKeys: [{ id: 'k1', key: key(1) }] } };
    const resolved = resolveOptions(given);
    given.tokens.encryptionKeys.length = 0;
    expect(frozenDeeply(resolved)).toBe(true);
    expect(resolved.tokens?.encryptionKeys).toHaveLength(1);
  });

  it('puts further identity providers beside the one that clientId makes', () => {
    const other = { name: 'other', create: () => undefined };
    expect(resolveOptions({ clientId: 'game', identityProviders: [other] }).identityProviders).toHaveLength(2);
    expect(resolveOptions({ identityProviders: [other] }).identityProviders).toEqual([other]);
  });

  it.each([
    [{}, 'clientId or identityProviders'],
    [{ clientId: '' }, 'clientId'],
    [{ clientId: 5 }, 'clientId'],
    [{ clientId: 'game', clientSecret: '' }, 'clientSecret'],
    [{ clientSecret: 'hunter2' }, 'clientSecret needs clientId'],
    [{ clientId: 'game', baseUrl: 'http://now.example' }, 'baseUrl'],
    [{ clientId: 'game', baseUrl: 'now.gg' }, 'baseUrl'],
    [{ clientId: 'game', issuer: '' }, 'issuer'],
    [{ clientId: 'game', allowInsecureBaseUrl: 'yes' }, 'allowInsecureBaseUrl'],
    [{ clientId: 'game', realm: 'a\r\nb' }, 'realm'],
    [{ clientId: 'game', realm: 7 }, 'realm'],
    [{ clientId: 'game', clientID: 'x' }, 'unknown option clientID'],
    [{ clientId: 'game', routes: true }, 'unknown option routes'],
    [{ clientId: 'game', identityProviders: {} }, 'identityProviders'],
    [{ clientId: 'game', identityProviders: [{ name: 'x' }] }, 'identityProviders[0]'],
    [{ clientId: 'game', identityProviders: [{ name: 'nowgg', create() {} }] }, 'identityProviders[0]'],
    [{ clientId: 'game', verification: 5 }, 'verification must be an object'],
    [{ clientId: 'game', verification: { maxAgeMs: Number.NaN } }, 'verification.maxAgeMs'],
    [{ clientId: 'game', verification: { longestAgeMs: 1.5 } }, 'verification.longestAgeMs must be a whole number'],
    [{ clientId: 'game', verification: { longestAgeMs: 29_999 } }, 'verification.longestAgeMs must not be less than'],
    [{ clientId: 'game', verification: { maxAgeMs: 60_000, longestAgeMs: 59_999 } }, 'verification.longestAgeMs must'],
    [{ clientId: 'game', verification: { staleIfErrorMs: -1 } }, 'verification.staleIfErrorMs'],
    [{ clientId: 'game', verification: { timeoutMs: 0 } }, 'verification.timeoutMs'],
    [{ clientId: 'game', verification: { timeoutMs: Number.POSITIVE_INFINITY } }, 'verification.timeoutMs'],
    [{ clientId: 'game', verification: { maxEntries: 0 } }, 'verification.maxEntries'],
    [{ clientId: 'game', verification: { clockSkewMs: '5000' } }, 'verification.clockSkewMs'],
    [{ clientId: 'game', verification: { acceptTokenTypes: [] } }, 'verification.acceptTokenTypes'],
    [{ clientId: 'game', verification: { acceptTokenTypes: ['jwt'] } }, 'verification.acceptTokenTypes'],
    [{ clientId: 'game', verification: { maxAge: 5 } }, 'unknown option verification.maxAge'],
    [{ clientId: 'game', verification: { circuit: true } }, 'verification.circuit must be an object'],
    [{ clientId: 'game', verification: { circuit: { openAfter: 4 } } }, 'verification.circuit.openAfter'],
    [{ clientId: 'game', verification: { circuit: { maxPauseMs: 90_000 } } }, 'verification.circuit.maxPauseMs'],
    [{ clientId: 'game', verification: { maxInFlight: 0 } }, 'verification.maxInFlight'],
    [{ clientId: 'game', verification: { refusalsAreDefinite: 1 } }, 'verification.refusalsAreDefinite must be true'],
    [{ clientId: 'game', verification: { budget: 5 } }, 'verification.budget must be a function'],
    [{ clientId: 'game', tokens: {} }, 'tokens.encryptionKeys'],
    [{ clientId: 'game', tokens: { encryptionKeys: [] } }, 'tokens.encryptionKeys'],
    [{ clientId: 'game', tokens: { encryptionKeys: ['x'] } }, 'tokens.encryptionKeys[0]'],
    [{ clientId: 'game', tokens: { encryptionKeys: [{ id: 'k 1', key: key(1) }] } }, 'tokens.encryptionKeys[0].id'],
    [
      { clientId: 'game', tokens: { encryptionKeys: [{ id: 'k1', key: key(1).slice(4) }] } },
      'tokens.encryptionKeys[0].key',
    ],
    [
      { clientId: 'game', tokens: { encryptionKeys: [{ id: 'k1', key: `${key(1)}AAAA` }] } },
      'tokens.encryptionKeys[0].key',
    ],
    [{ clientId: 'game', tokens: { encryptionKeys: [{ id: 'k1', key: key(1) }], leaseMs: 0 } }, 'tokens.leaseMs'],
    [null, 'the options must be an object'],
    ['game', 'the options must be an object'],
    [[], 'the options must be an object'],
  ])('refuses %j and names the option', (options, named) => {
    expect(messageOf(options)).toContain(named);
  });

  it('finds one key under two ids, and one id for two keys', () => {
    const ring = (...encryptionKeys: object[]) => ({ clientId: 'game', tokens: { encryptionKeys } });
    expect(messageOf(ring({ id: 'k1', key: key(1) }, { id: 'k2', key: key(1) }))).toContain('one key under two ids');
    expect(messageOf(ring({ id: 'k1', key: key(1) }, { id: 'k1', key: key(2) }))).toContain('one id twice');
  });

  it('tells all faults at once and no value of any', () => {
    const secrets = ['hunter2-realm\n', 'hunter2-key', 'http://hunter2.example', 'hunter2-kind'];
    const message = messageOf(
      {
        clientId: ' ',
        clientSecret: '',
        baseUrl: secrets[2],
        realm: secrets[0],
        hint: 'hunter2',
        verification: { maxAgeMs: -31_337, acceptTokenTypes: [secrets[3]] },
        tokens: { encryptionKeys: [{ id: 'k1', key: secrets[1] }] },
      },
      ['strategyName must be a name, or false'],
    );
    for (const name of [
      'strategyName',
      'clientId',
      'clientSecret',
      'baseUrl',
      'realm',
      'hint',
      'verification.maxAgeMs',
      'verification.acceptTokenTypes',
      'tokens.encryptionKeys[0].key',
    ]) {
      expect(message).toContain(name);
    }
    expect(message).not.toMatch(/hunter2|31.?337/);
  });

  it('wants keys for a token store', () => {
    expect(messageOf({ clientId: 'game' }, [], true)).toContain('tokens.encryptionKeys');
    expect(messageOf({ clientId: 'game' }, [], false)).toBe('');
  });

  it.each(['__proto__', 'constructor', 'toString'])('does not take %s for an option that it knows', (name) => {
    const options = JSON.parse(`{ "clientId": "game", "${name}": { "realm": "x" } }`) as object;
    expect(messageOf(options)).toContain(name);
  });

  it('refuses a first key that is plainly not random, and takes one behind a strong key', () => {
    const weak = { id: 'weak', key: Buffer.alloc(32, 1).toString('base64') };
    const strong = { id: 'strong', key: key(1) };
    const resolve = (...encryptionKeys: object[]) => resolveOptions({ clientId: 'game', tokens: { encryptionKeys } });
    expect(() => resolve(weak, strong)).toThrow(
      /tokens\.encryptionKeys\[0\]\.key has too few different bytes: use 32 random bytes/,
    );
    expect(resolve(strong, weak).tokens?.encryptionKeys).toHaveLength(2);
  });
});

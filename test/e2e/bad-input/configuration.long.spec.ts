import { randomBytes } from 'node:crypto';
import { Module, type LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { describe, expect, it } from '@jest/globals';
import { memoryTokenStore, NowggAuthModule, NowggConfigurationError, nowgg } from 'nestjs-nowgg-auth';
import { platforms } from '../../support/game/app-under-test.js';
import { Planted, shown } from '../../support/seeded-secrets/planted.js';

type Settings = Record<string, unknown>;

const key = () => randomBytes(32).toString('base64');
const oneKey = key();
const good = { clientId: 'client', clientSecret: 'planted-secret-of-the-client' };
const withKeys = (encryptionKeys: unknown) => ({ tokens: { encryptionKeys } });
const inVerification = (name: string, values: readonly unknown[]) =>
  values.map((value): Row => [`verification.${name}`, { verification: { [name]: value } }]);
const inTokens = (name: string, values: readonly unknown[]) =>
  values.map((value): Row => [name, { tokens: { encryptionKeys: [{ id: 'k1', key: key() }], [name]: value } }]);

/** What the message has to name, and the options that are wrong. */
type Row = readonly [named: string, options: Settings];

const notDurations = [Number.NaN, -1, Number.POSITIVE_INFINITY, '30000', {}, '1s', true];

const faults: readonly Row[] = [
  ...[
    'http://now.gg',
    'http://127.0.0.1.example',
    'http://localhost.example',
    'http://[::2]',
    'ftp://now.gg',
    'now.gg',
    '',
    '//now.gg',
    5,
    {},
  ].map((baseUrl): Row => ['baseUrl', { baseUrl }]),
  ['baseUrl', { baseUrl: 'https://user:planted@now.gg' }],
  ['clientSecret', { clientSecret: '' }],
  ['clientSecret', { clientSecret: '   ' }],
  ['clientSecret', { clientSecret: 5 }],
  ['clientId', { clientId: '' }],
  ['clientId', { clientId: ['client'] }],
  ['clientId', { clientId: undefined, clientSecret: undefined }],
  ['issuer', { issuer: '' }],
  ['realm', { realm: 'a\r\nb' }],
  ['identityProviders', { identityProviders: {} }],
  ['identityProviders', { identityProviders: [nowgg({ clientId: 'x' })] }],
  ['identityProviders', { identityProviders: [{ name: 'x' }] }],
  ...inVerification('maxAgeMs', notDurations),
  ...inVerification('staleIfErrorMs', notDurations),
  ...inVerification('timeoutMs', [...notDurations, 0]),
  ...inVerification('clockSkewMs', notDurations),
  ...inVerification('maxEntries', [Number.NaN, -1, 0, 1.5, '5']),
  ...inVerification('negativeMaxEntries', [Number.NaN, -1, 1.5]),
  ...inVerification('acceptTokenTypes', [[], 'token', ['refresh_token'], [undefined], {}]),
  ['verification', { verification: 5 }],
  ['verification', { verification: [] }],
  ['encryptionKeys', withKeys([])],
  ['encryptionKeys', withKeys({})],
  ['encryptionKeys', { tokens: {} }],
  ['encryptionKeys', withKeys([{ id: 'k1', key: randomBytes(31).toString('base64') }])],
  ['encryptionKeys', withKeys([{ id: 'k1', key: randomBytes(33).toString('base64') }])],
  ['encryptionKeys', withKeys([{ id: 'k1', key: randomBytes(32).toString('hex') }])],
  ['encryptionKeys', withKeys([{ id: 'k1', key: `${key().slice(0, -2)}!=` }])],
  ['encryptionKeys', withKeys([{ id: 'k1', key: '' }])],
  ['encryptionKeys', withKeys([{ id: 'k1' }])],
  ['encryptionKeys', withKeys([{ id: '', key: key() }])],
  ['encryptionKeys', withKeys([{ id: 'a b', key: key() }])],
  ['encryptionKeys', withKeys([{ id: 'k'.repeat(33), key: key() }])],
  [
    'encryptionKeys',
    withKeys([
      { id: 'k1', key: key() },
      { id: 'k1', key: key() },
    ]),
  ],
  [
    'encryptionKeys',
    withKeys([
      { id: 'k1', key: oneKey },
      { id: 'k2', key: oneKey },
    ]),
  ],
  ...inTokens('refreshMarginMs', notDurations),
  ...inTokens('softDeadlineMs', notDurations),
  ...inTokens('leaseMs', notDurations),
  ...inTokens('lateReplyMs', notDurations),
  ...inTokens('exchangeReplayMs', notDurations),
  ...inTokens('forcedRefreshMs', notDurations),
  ['clientSecrets', { clientSecrets: 'x' }],
  ['baseURL', { baseURL: 'https://now.gg' }],
  ['maxAge', { verification: { maxAge: 5 } }],
  ['encryptionKey', { tokens: { encryptionKeys: [{ id: 'k1', key: key() }], encryptionKey: 'x' } }],
];

describe('configuration', () => {
  it.each(faults)('refuses to start and names %s', async (named, options) => {
    for (const start of [sync, async]) {
      const { error, output } = await refusal(start, { ...good, ...options });
      expect(error).toBeInstanceOf(NowggConfigurationError);
      expect((error as Error).message).toContain(named);
      expect(output).not.toContain(good.clientSecret);
    }
  });

  it.each(platforms)('names every fault at once and no value on %s', async (platform) => {
    const planted = new Planted();
    const options = {
      clientId: 'client',
      clientSecret: planted.plant('client-secret'),
      baseUrl: `http://${planted.plant('host')}.example`,
      realm: `${planted.plant('realm')}\n`,
      [planted.plant('unknown')]: planted.plant('value'),
      verification: { maxAgeMs: -77_777, timeoutMs: planted.plant('timeout') },
      tokens: {
        encryptionKeys: [{ id: planted.plant('id').padEnd(40, 'x'), key: planted.plant('key') }],
        leaseMs: Number.NaN,
      },
    };
    const unknown = Object.keys(options).find((name) => name.startsWith('planted-unknown')) ?? '';
    planted.forget(unknown);
    const { error, output } = await refusal(sync, options, platform);
    for (const name of ['baseUrl', 'realm', unknown, 'maxAgeMs', 'timeoutMs', 'encryptionKeys', 'leaseMs'])
      expect((error as Error).message).toContain(name);
    expect(planted.foundIn(output)).toEqual([]);
    expect(output).not.toContain('77777');
  });

  it.each(['tokenStore', 'strategyName', 'clock', 'globalGuard', 'isGlobal'])(
    'refuses the wiring key %s in what a factory returns',
    async (name) => {
      const { error } = await refusal(async, { ...good, [name]: true });
      expect(error).toBeInstanceOf(NowggConfigurationError);
      expect((error as Error).message).toContain(name);
    },
  );

  it('refuses a token store without keys', async () => {
    const { error } = await refusal(
      (options) => NowggAuthModule.forRoot({ ...options, tokenStore: memoryTokenStore(), strategyName: false }),
      good,
    );
    expect(error).toBeInstanceOf(NowggConfigurationError);
    expect((error as Error).message).toContain('encryptionKeys');
  });

  it.each([undefined, null, 5, 'options', []])('refuses a factory that returns %p', async (options) => {
    const { error } = await refusal(async, options as unknown as Settings);
    expect(error).toBeInstanceOf(NowggConfigurationError);
  });

  it.each([
    { baseUrl: 'http://localhost:4000' },
    { baseUrl: 'http://[::1]:4000' },
    { baseUrl: 'http://now.example', allowInsecureBaseUrl: true },
    { clientSecret: undefined },
    { verification: { maxAgeMs: 0, staleIfErrorMs: 0 } },
    withKeys([
      { id: 'k1', key: key() },
      { id: 'k2', key: key() },
    ]),
  ])('starts with %j', async (options) => {
    expect((await refusal(sync, { ...good, ...options })).error).toBeUndefined();
  });
});

type Start = (options: Settings) => ReturnType<typeof NowggAuthModule.forRoot>;
const sync: Start = (options) => NowggAuthModule.forRoot({ ...options, strategyName: false });
const async: Start = (options) => NowggAuthModule.forRootAsync({ strategyName: false, useFactory: () => options });

@Module({})
class Root {}

/** Boots an application and tells what it died of, and everything that was said on the way. */
async function refusal(start: Start, options: Settings, platform: (typeof platforms)[number] = 'express') {
  const said: unknown[] = [];
  const write = (...parts: unknown[]) => void said.push(...parts);
  const logger: LoggerService = { log: write, error: write, warn: write };
  const adapter = platform === 'express' ? new ExpressAdapter() : new FastifyAdapter();
  let error: unknown;
  try {
    const app = await NestFactory.create({ module: Root, imports: [start(options)] }, adapter, {
      logger,
      abortOnError: false,
    });
    await app.init();
    await app.close();
  } catch (caught) {
    error = caught;
  }
  return { error, output: [...said, error].map(shown).join('\n') };
}

import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { EnvironmentError, readEnvironment } from './environment.js';

const key = createHash('sha256').update('key').digest('base64');
const realNowgg = {
  NOWGG_CLIENT_ID: 'id-1',
  NOWGG_CLIENT_SECRET: 'planted-secret',
  NOWGG_ENCRYPTION_KEYS: `k1:${key}`,
};

function faultsOf(variables: Record<string, string>): string {
  try {
    readEnvironment(variables);
  } catch (error) {
    if (error instanceof EnvironmentError) return error.message;
    throw error;
  }
  throw new Error('the environment was accepted');
}

describe('readEnvironment', () => {
  it('needs nothing: emulator, embedded database, port 3000 on loopback', () => {
    expect(readEnvironment({})).toEqual({
      http: { host: '127.0.0.1', port: 3000, platform: 'express' },
      publicUrl: undefined,
      database: undefined,
      redisUrl: undefined,
      nowgg: undefined,
      web: undefined,
      encryptionKeys: undefined,
      dataDirectory: '.data',
      emulatorPort: undefined,
      webSignInPort: undefined,
      profileSyncIntervalMs: 900_000,
      signInsPerMinute: 60,
      gameServerKey: undefined,
      metricsKey: undefined,
    });
  });

  it('takes an empty variable for an absent one', () => {
    const empty = { PORT: '', DATABASE_URL: ' ', NOWGG_CLIENT_ID: '', NOWGG_ENCRYPTION_KEYS: '', PLATFORM: '' };
    expect(readEnvironment(empty)).toEqual(readEnvironment({}));
  });

  it('takes port 0, Fastify and another address', () => {
    const { http } = readEnvironment({ PORT: '0', PLATFORM: 'fastify', HOST: '0.0.0.0' });
    expect(http).toEqual({ host: '0.0.0.0', port: 0, platform: 'fastify' });
  });

  it('switches to the real services', () => {
    const environment = readEnvironment({
      ...realNowgg,
      DATABASE_URL: 'postgres://u:p@db/game',
      DATABASE_POOL_SIZE: '25',
    });
    expect(environment.database).toEqual({
      url: 'postgres://u:p@db/game',
      poolSize: 25,
      shared: true,
      queryTimeoutMs: 10_000,
    });
    expect(environment.nowgg).toEqual({
      clientId: 'id-1',
      clientSecret: 'planted-secret',
      baseUrl: 'https://now.gg',
    });
    expect(environment.encryptionKeys).toEqual([{ id: 'k1', key }]);
  });

  it('reads several encryption keys, the sealing one first', () => {
    const other = createHash('sha256').update('other').digest('base64');
    const { encryptionKeys } = readEnvironment({ NOWGG_ENCRYPTION_KEYS: `k2:${other}, k1:${key}` });
    expect(encryptionKeys).toEqual([
      { id: 'k2', key: other },
      { id: 'k1', key },
    ]);
  });

  it('refuses real now.gg without an encryption key and says how to make one', () => {
    const message = faultsOf({ ...realNowgg, NOWGG_ENCRYPTION_KEYS: '' });
    expect(message).toContain('NOWGG_ENCRYPTION_KEYS="k1:$(openssl rand -base64 32)"');
  });

  it.each(['k1', `k 1:${key}`, 'k1:c2hvcnQ=', `k1:${key},`, `:${key}`])('refuses the keys %j', (keys) => {
    expect(faultsOf({ NOWGG_ENCRYPTION_KEYS: keys })).toContain('NOWGG_ENCRYPTION_KEYS cannot be read');
  });

  it.each([
    { NOWGG_CLIENT_ID: 'id-1' },
    { NOWGG_CLIENT_SECRET: 'planted-secret' },
    { NOWGG_BASE_URL: 'https://staging.example' },
  ])('refuses a half-configured now.gg app: %j', (variables) => {
    expect(faultsOf(variables)).toContain('NOWGG_CLIENT_ID and NOWGG_CLIENT_SECRET have to be set together');
  });

  it('takes a client at a real OpenID provider, public or with a secret', () => {
    const variables = {
      OIDC_ISSUER: 'https://id.example',
      OIDC_CLIENT_ID: 'game',
      OIDC_AUDIENCE: 'https://api.example',
    };
    const web = { issuer: 'https://id.example', clientId: 'game', audience: 'https://api.example' };
    const rest = { algorithm: 'RS256', prompt: undefined };
    expect(readEnvironment(variables).web).toEqual({ ...web, clientSecret: undefined, ...rest });
    const withSecret = readEnvironment({ ...variables, OIDC_CLIENT_SECRET: 'planted-secret' });
    expect(withSecret.web).toEqual({ ...web, clientSecret: 'planted-secret', ...rest });
  });

  it.each([
    { OIDC_ISSUER: 'https://id.example' },
    { OIDC_CLIENT_ID: 'game', OIDC_AUDIENCE: 'https://api.example' },
    { OIDC_CLIENT_SECRET: 'planted-secret' },
  ])('refuses a half-configured OpenID client: %j', (variables) => {
    expect(faultsOf(variables)).toContain('OIDC_ISSUER, OIDC_CLIENT_ID and OIDC_AUDIENCE have to be set together');
  });

  it('takes a public address with or without its slash, and nothing beyond an origin', () => {
    expect(readEnvironment({ PUBLIC_URL: 'https://game.example/' }).publicUrl).toBe('https://game.example');
    for (const address of ['game.example', 'https://game.example/play', 'ftp://game.example', 'https://u@game.example'])
      expect(faultsOf({ PUBLIC_URL: address })).toContain('PUBLIC_URL has to be an origin');
  });

  it('names all faults at once, and no value', () => {
    const message = faultsOf({
      PORT: '70000',
      PLATFORM: 'planted-koa',
      DATABASE_URL: 'mysql://planted-password@db',
      DATABASE_POOL_SIZE: '0',
      DATABASE_QUERY_TIMEOUT_MS: 'x',
      REDIS_URL: 'http://planted-password@cache',
      GAME_SERVER_API_KEY: 'planted-too-short',
      METRICS_KEY: 'planted-with spaces-0123456789abcdef',
      NOWGG_CLIENT_SECRET: 'planted-secret',
      PROFILE_SYNC_INTERVAL_MS: '-1',
    });
    const variables = [
      'DATABASE_URL',
      'DATABASE_POOL_SIZE',
      'DATABASE_QUERY_TIMEOUT_MS',
      'REDIS_URL',
      'GAME_SERVER_API_KEY',
      'METRICS_KEY',
    ];
    for (const name of ['PORT', 'PLATFORM', ...variables, 'PROFILE_SYNC_INTERVAL_MS']) expect(message).toContain(name);
    expect(message).not.toMatch(/planted|70000/);
  });
});

import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { jwt, oauth2 } from 'nestjs-nowgg-auth/oauth2';
import { CLIENT_ID, CLIENT_SECRET, REDIRECT_URI } from './support/identity-system.js';
import { ScriptedSystem } from './support/scripted-system.js';
import { SecurityEvents } from './support/security-events.js';
import { WebGame } from './support/web-game.js';

jest.setTimeout(60_000);

const REFERENCE = 'urn:ietf:params:oauth:request_uri:abc';

describe('a pushed authorization request', () => {
  let system: ScriptedSystem;
  let game: WebGame;
  let events: SecurityEvents;

  beforeEach(async () => {
    system = await ScriptedSystem.start();
    events = new SecurityEvents();
    game = await WebGame.start([
      oauth2({
        name: 'web',
        issuer: system.url,
        endpoints: {
          authorization: `${system.url}/authorize`,
          token: `${system.url}/token`,
          jwks: `${system.url}/jwks`,
          pushedAuthorization: `${system.url}/par`,
        },
        clientId: CLIENT_ID,
        clientSecret: CLIENT_SECRET,
        redirectUri: REDIRECT_URI,
        pushedAuthorizationRequests: true,
        verification: jwt({ audience: 'https://api.example.com' }),
      }),
    ]);
  });
  afterEach(async () => {
    await game[Symbol.asyncDispose]();
    events[Symbol.dispose]();
    await system[Symbol.asyncDispose]();
  });

  const start = async () => game.authorization.authorizationUrl('web').catch((error: unknown) => error);

  it('leaves the browser a reference only, and authenticates the client', async () => {
    system.reply = { status: 201, body: { request_uri: REFERENCE, expires_in: 60 } };
    const { url } = await game.authorization.authorizationUrl('web');
    expect(Object.fromEntries(new URL(url).searchParams)).toEqual({ client_id: CLIENT_ID, request_uri: REFERENCE });
    expect(system.seen).toEqual([{ path: '/par', authorization: expect.stringMatching(/^Basic /) }]);
  });

  it.each<[string, object]>([
    ['without a reference', { status: 201, body: { expires_in: 60 } }],
    ['with a reference that is a number', { status: 201, body: { request_uri: 7, expires_in: 60 } }],
    ['without a lifetime', { status: 201, body: { request_uri: REFERENCE } }],
    ['with status 200', { status: 200, body: { request_uri: REFERENCE, expires_in: 60 } }],
    ['that is a page', { status: 201, headers: { 'content-type': 'text/html' }, body: '<html>' }],
    ['that leads elsewhere', { status: 302, headers: { location: 'https://evil.example' } }],
    ['with status 500', { status: 500, body: { request_uri: REFERENCE, expires_in: 60 } }],
    ['with status 429', { status: 429, headers: { 'retry-after': '7' } }],
    ['with status 400 and no code', { status: 400, body: {} }],
  ])('with a reply %s is an outage: no browser is sent out', async (_name, reply) => {
    system.reply = reply;
    expect(await start()).toMatchObject({ status: 503 });
    expect(events.of('misconfigured_provider')).toEqual([]);
    expect(system.seen).toHaveLength(1);
  });

  it.each<[number, string, string]>([
    [400, 'invalid_request', 'authorizationParameters'],
    [403, 'unauthorized_client', 'authorizationParameters'],
    [401, 'invalid_client', 'clientSecret'],
  ])('that is refused (%d %s) is a fault of the configuration', async (status, error, option) => {
    system.reply = { status, body: { error, error_description: `no ${CLIENT_SECRET}` } };
    const thrown = await start();
    expect(thrown).toMatchObject({ status: 500, message: expect.stringContaining(option) });
    expect(inspect(thrown, { depth: 9, showHidden: true })).not.toContain(CLIENT_SECRET);
    expect(events.of('misconfigured_provider')).toHaveLength(1);
  });
});

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { introspection, jwt, oauth2, type OAuth2ProviderOptions, userinfo } from 'nestjs-nowgg-auth/oauth2';
import { CLIENT_ID, REDIRECT_URI } from '../support/identity-system.js';
import { SecurityEvents } from '../support/security-events.js';
import { WebGame } from '../support/web-game.js';
import { API } from './configuration.js';

jest.setTimeout(60_000);

interface Token {
  readonly header: Record<string, unknown>;
  readonly payload: Record<string, unknown>;
}

interface Reply {
  body: Record<string, unknown>;
  statusCode: number;
}

interface MockServer {
  readonly issuer: { readonly url: string; readonly keys: { generate(algorithm: string): Promise<unknown> } };
  readonly service: { on(event: string, listener: (changeable: never) => void): void };
  start(port: number, host: string): Promise<void>;
  stop(): Promise<void>;
}

/** A development dependency: loaded here, so that nothing else needs it. */
const packageName: string = 'oauth2-mock-server';

const byJwt = (options: object = {}) => jwt({ audience: API, typ: false, sameClient: false, ...options });

interface SetUp {
  readonly name: string;
  /** More claims of access tokens. */
  readonly claims?: Record<string, unknown>;
  readonly header?: Record<string, unknown>;
  readonly reply?: (reply: Reply) => void;
  readonly introspected?: Record<string, unknown>;
  readonly options?: Partial<OAuth2ProviderOptions>;
}

const WORKING: readonly SetUp[] = [
  { name: 'access tokens with an audience', claims: { aud: API } },
  {
    name: 'access tokens of RFC 9068',
    claims: { aud: API, client_id: CLIENT_ID, jti: 'j1' },
    header: { typ: 'at+jwt' },
    options: { verification: jwt({ audience: API }) },
  },
  {
    name: 'the client in cid',
    claims: { aud: API, cid: CLIENT_ID },
    options: { verification: byJwt({ sameClient: true, clientClaim: 'cid' }) },
  },
  {
    name: 'no audience but a use',
    claims: { token_use: 'access', client_id: CLIENT_ID },
    options: { verification: jwt({ audience: false, typ: false, tokenUse: 'access' }) },
  },
  { name: 'userinfo()', options: { verification: userinfo() } },
  {
    name: 'introspection()',
    introspected: { sub: 'johndoe', client_id: CLIENT_ID, token_type: 'Bearer' },
    options: { clientSecret: 'secret', verification: introspection() },
  },
  { name: 'a scope list', claims: { aud: API }, reply: ({ body }) => void (body.scope = ['openid', 'read']) },
  {
    name: 'a reply with status 201 and without token_type',
    claims: { aud: API },
    reply: (reply) => {
      reply.statusCode = 201;
      delete reply.body.token_type;
    },
  },
];

describe('oauth2-mock-server', () => {
  let server: MockServer;
  let game: WebGame | undefined;

  beforeEach(async () => {
    const { OAuth2Server } = (await import(packageName)) as { OAuth2Server: new () => MockServer };
    server = new OAuth2Server();
    await server.issuer.keys.generate('RS256');
    await server.start(0, '127.0.0.1');
  });
  afterEach(async () => {
    await game?.[Symbol.asyncDispose]();
    game = undefined;
    await server.stop();
  });

  const start = async ({ claims, header, reply, introspected, options }: SetUp) => {
    server.service.on('beforeTokenSigning', ({ header: head, payload }: Token) => {
      // The id_token has the client as its audience already.
      if (payload.aud === undefined) Object.assign(payload, claims);
      if (payload.aud !== CLIENT_ID) Object.assign(head, header);
    });
    server.service.on('beforeResponse', (changeable: Reply) => reply?.(changeable));
    server.service.on('beforeIntrospect', ({ body }: Reply) => Object.assign(body, introspected));
    game = await WebGame.start([
      oauth2({
        name: 'web',
        issuer: server.issuer.url,
        clientId: CLIENT_ID,
        redirectUri: REDIRECT_URI,
        verification: byJwt(),
        ...options,
      }),
    ]);
    return game;
  };

  it.each(WORKING.map((setUp) => [setUp.name, setUp] as const))(
    'with %s signs a player in, recognises and refreshes them',
    async (_name, setUp) => {
      const started = await start(setUp);
      const { accessToken, grant, principal } = await started.signIn();
      expect(principal.userId).toBe('johndoe');
      expect((await started.fetch('/guarded', accessToken.token)).status).toBe(200);
      const refreshed = await started.tokens.refresh(grant.id);
      expect(refreshed.generation).toBe(2);
      expect((await started.fetch('/guarded', refreshed.token)).status).toBe(200);
      await started.tokens.revoke(grant.id);
    },
  );

  it('as it is, without an audience in its tokens, is refused, and the cause is named', async () => {
    using events = new SecurityEvents();
    const started = await start({ name: 'as it is' });
    await expect(started.signIn()).rejects.toMatchObject({
      status: 500,
      message: expect.stringContaining('jwt audience'),
    });
    expect(events.of('misconfigured_provider')).toHaveLength(1);
    expect(await started.tokens.listGrants('johndoe')).toEqual([]);
  });
});

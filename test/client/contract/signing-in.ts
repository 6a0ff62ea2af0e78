import { NoSessionError, RequestRefusedError, SessionUnavailableError } from 'nowgg-auth-client';
import { equal, failure, type Facts } from '../support/facts.js';

export const signingIn: Facts = {
  'a code makes a session, an event and a player': async (world) => {
    const client = world.client();
    equal(await client.ready, 'NO_SESSION');
    equal(await client.login('code-of-asha', { provider: 'nowgg' }), { provider: 'nowgg', userId: 'asha' });
    equal([client.sessionState, client.accessToken], ['AUTHENTICATED', 'token-asha.1']);
    equal(client.heard, ['NO_SESSION NOT_FOUND', 'AUTHENTICATED LOGIN']);
    const [login] = await world.backend.requests();
    const { attemptId, ...body } = JSON.parse(login?.body as string) as Record<string, string>;
    equal([body, login?.authorization], [{ code: 'code-of-asha', provider: 'nowgg' }, undefined]);
    equal(/^[\d-]{43,128}$/.test(attemptId as string), true);
  },

  'a refused code leaves the session that there is': async (world) => {
    const client = await world.signedIn();
    const error = await failure(client.login('stolen'));
    equal([error instanceof RequestRefusedError, error['status'], error['errorCode']], [true, 400, 'invalid_grant']);
    equal([client.sessionState, client.accessToken], ['AUTHENTICATED', 'token-asha.1']);
  },

  'a banned player is told why and until when at a sign-in': async (world) => {
    const body = { errorCode: 'user_banned', reasonCode: 'cheating', text: 'Aim help', until: '2099-01-01' };
    await world.backend.fault({ path: '/auth/login', status: 403, body: { ...body, text2: 7, reasonCode2: 'x' } });
    const error = await failure(world.client().login('code-of-asha'));
    equal([error instanceof RequestRefusedError, error['status'], error['errorCode']], [true, 403, 'user_banned']);
    equal(error['details'], body);
  },

  'a code can be tried again after an outage': async (world) => {
    const client = world.client();
    await world.backend.fault({ path: '/auth/login', status: 503, headers: { 'retry-after': '7' }, times: 1 });
    const error = await failure(client.login('code-of-asha'));
    equal([error instanceof SessionUnavailableError, error['retryAfterSeconds']], [true, 7]);
    equal(client.sessionState, 'NO_SESSION');
    await client.login('code-of-asha');
    equal(client.sessionState, 'AUTHENTICATED');
    await client.login('code-of-ravi');
    await world.client().login('code-of-ravi');
    const logins = await world.backend.requests('/auth/login');
    const ids = logins.map(({ body }) => (JSON.parse(body) as { attemptId: string }).attemptId);
    // The same attempt for the same code of one page, and for nothing else.
    equal([ids[0] === ids[1], new Set(ids).size], [true, 3]);
  },

  'a reply without a session, a token or a generation is an outage': async (world) => {
    const client = world.client();
    const whole = { token: 'a', generation: 1, session: 'h' };
    const replies = [
      { ...whole, session: 1 },
      { ...whole, token: 'a b' },
      { ...whole, generation: '1' },
      [],
      'no JSON',
    ];
    for (const body of replies) {
      await world.backend.fault({ path: '/auth/login', status: 200, body });
      equal((await failure(client.login('code-of-asha'))) instanceof SessionUnavailableError, true);
    }
    equal(client.sessionState, 'NO_SESSION');
  },

  'a sign-in that is aborted makes no session': async (world) => {
    const client = world.client();
    await world.backend.fault({ path: '/auth/login', hold: true });
    const stop = new AbortController();
    const login = failure(client.login('code-of-asha', { signal: stop.signal }));
    await world.backend.seen('/auth/login');
    stop.abort();
    equal((await login).name, 'AbortError');
    await world.backend.release();
    equal([await client.ready, client.accessToken], ['NO_SESSION', undefined]);
  },

  'a session that is cleared during a sign-in stays cleared': async (world) => {
    const client = world.client();
    await world.backend.fault({ path: '/auth/login', hold: true });
    const login = failure(client.login('code-of-asha'));
    await world.backend.seen('/auth/login');
    await client.clearSessionState();
    await world.backend.release();
    equal((await login) instanceof NoSessionError, true);
    equal(client.sessionState, 'NO_SESSION');
  },

  'logout ends the session at the backend and here': async (world) => {
    const client = await world.signedIn();
    await client.logout();
    equal([client.sessionState, client.accessToken], ['NO_SESSION', undefined]);
    equal(client.heard.at(-1), 'NO_SESSION LOGOUT');
    const [logout] = await world.backend.requests('/auth/logout');
    equal(logout?.body, '{"session":"handle-asha-0"}');
    await client.logout();
    equal((await world.backend.requests('/auth/logout')).length, 1, 'logouts sent');
  },

  'logout that cannot be told keeps the session, unless it is forced': async (world) => {
    const client = await world.signedIn();
    await world.backend.fault({ path: '/auth/logout', status: 503 });
    equal((await failure(client.logout())) instanceof SessionUnavailableError, true);
    equal(client.sessionState, 'AUTHENTICATED');
    await client.logout({ force: true });
    equal(client.sessionState, 'NO_SESSION');
  },

  'logout of a session that the backend has ended before succeeds': async (world) => {
    const client = await world.signedIn();
    const body = { statusCode: 401, message: 'refused', errorCode: 'reauthentication_required' };
    await world.backend.fault({ path: '/auth/logout', status: 401, body });
    await client.logout();
    equal(client.sessionState, 'NO_SESSION');
  },

  'a session that is cleared is forgotten here, without a request': async (world) => {
    const client = await world.signedIn();
    await client.clearSessionState();
    equal([client.sessionState, client.heard.at(-1)], ['NO_SESSION', 'NO_SESSION CLEAR']);
    equal(
      (await world.backend.requests()).map(({ path }) => path),
      ['/auth/login'],
    );
  },

  'a listener hears nothing after it has been taken away': async (world) => {
    const client = world.client();
    await client.ready;
    const heard: string[] = [];
    const stop = client.onSessionStateChange((state) => heard.push(state));
    await client.login('code-of-asha');
    stop();
    await client.clearSessionState();
    equal(heard, ['AUTHENTICATED']);
  },

  'the player, the account and the device are asked for with the token': async (world) => {
    const client = await world.signedIn();
    const asked = [await client.fetchPrincipal(), await client.fetchUserInfo(), await client.fetchSessionInfo()];
    equal(
      asked.map((info) => info['path']),
      ['/auth/me', '/auth/userinfo', '/auth/sessioninfo'],
    );
  },

  'the account is not asked for without a session': async (world) => {
    const client = world.client();
    equal((await failure(client.fetchUserInfo())) instanceof NoSessionError, true);
    equal(await world.backend.requests(), []);
  },

  'an account that does not exist for this token is told from an outage': async (world) => {
    const client = await world.signedIn();
    const body = { statusCode: 403, message: 'none', errorCode: 'information_unavailable' };
    await world.backend.fault({ path: '/auth/userinfo', status: 403, body });
    const error = await failure(client.fetchUserInfo());
    equal([error.name, error['status'], error['errorCode']], ['RequestRefusedError', 403, 'information_unavailable']);
    equal(client.sessionState, 'AUTHENTICATED');
  },

  'the account cannot be had in an outage, and the session stays': async (world) => {
    const client = await world.signedIn();
    await world.backend.fault({ path: '/auth/userinfo', status: 503, headers: { 'retry-after': '99' } });
    const error = await failure(client.fetchUserInfo());
    equal([error.name, error['retryAfterSeconds']], ['SessionUnavailableError', 60]);
    equal(client.sessionState, 'AUTHENTICATED');
  },

  'options that cannot be used are refused at once': async (world) => {
    const wrong = [
      { baseUrl: 'http://' },
      { baseUrl: 'file:///srv' },
      { allowedOrigins: ['https://api.example.com/v1'] },
      { allowedOrigins: ['*'] },
      { allowedOrigins: ['https://*.good.example'] },
      { timeoutMs: 0 },
      { timeoutMs: Number.NaN },
    ];
    for (const options of wrong) equal((await failure((async () => world.client(options))())).name, 'TypeError');
  },

  'plain http beyond this machine is refused unless it was opted for': async (world) => {
    const refusal = async (options: object) => (await failure((async () => world.client(options))())).message;
    const addresses = [
      'http://game.example',
      'http://192.168.1.5:3000',
      'http://127.0.0.1.evil.example',
      'http://[::2]',
      'http://localhost.evil.example',
      'http://1270.0.0.1.example',
    ];
    for (const address of addresses) {
      equal(await refusal({ baseUrl: address }), 'plain http needs allowInsecure');
      equal(await refusal({ allowedOrigins: [address] }), 'plain http needs allowInsecure');
      world.client({ baseUrl: address, allowInsecure: true });
    }
    for (const baseUrl of ['http://localhost:3000', 'http://127.0.0.1', 'http://[::1]:8080', 'https://game.example'])
      world.client({ baseUrl });
  },

  'allowed origins are exact: no pattern, path, credential or forgiven spelling': async (world) => {
    const wrong = [
      'https://*.good.example',
      'https://good.example*',
      'https://*',
      '*',
      'https://%2a.good.example',
      'https://a.example,b.example',
      'https://a.example b.example',
      'https://good.example/api',
      'https://good.example?',
      'https://good.example#',
      'https://good.example//',
      'https://user@good.example',
      'https://@good.example',
      'https:good.example',
      'https:\\\\good.example',

      ' https://good.example',
      'https://good.example\n',
      'https://go\tod.example',
      '//good.example',
      'good.example',
      'null',
      '',
      null,
      undefined,
      /good/,
      {},
      'file:///',
      'blob:https://good.example',
      'wss://good.example',
    ];
    for (const origin of wrong) {
      const error = await failure((async () => world.client({ allowedOrigins: [origin as string] }))());
      equal([error.name, error.message], ['TypeError', 'allowedOrigins must be exact origins']);
    }
    const good = ['https://good.example', 'https://good.example/', 'HTTPS://Good.Example:443', 'https://[::1]:8443'];
    for (const origin of [...good, 'https://m\u00fcller.example', 'https://a_b.example.'])
      world.client({ allowedOrigins: [origin] });
  },

  'no error speaks of codes, handles or tokens': async (world) => {
    const client = await world.signedIn();
    const secrets = /asha|secret-code/;
    const failures = [await failure(client.login('secret-code'))];
    await world.backend.revoke();
    await world.advance(100_000);
    failures.push(await failure(client.refreshAccessTokenIfNeeded()));
    for (const error of failures) equal(secrets.test(`${error} ${JSON.stringify(error)}`), false);
  },
};

import { NoSessionError } from 'nowgg-auth-client';
import { equal, failure, type Facts } from '../support/facts.js';
import { lifeMs, sharedStorage, startMs, type World } from '../support/world.js';

/** The answer of a sign-in that the page has got otherwise. */
const signedInElsewhere = async (world: World) => {
  const init = { method: 'POST', body: '{"code":"code-of-asha"}' };
  const reply = await fetch(`${world.url}/auth/login`, init);
  return (await reply.json()) as { token: string; tokenExpiresAt: string; generation: number; session: string };
};

export const adopting: Facts = {
  'a session that was got otherwise is as one of a login': async (world) => {
    const storage = sharedStorage();
    const client = world.client({ storage });
    await client.adopt(await signedInElsewhere(world));
    equal([client.sessionState, client.accessToken], ['AUTHENTICATED', 'token-asha.1']);
    equal(client.heard.at(-1), 'AUTHENTICATED LOGIN');
    await world.advance(lifeMs);
    equal((await client.fetch('/guarded')).status, 200);
    equal(client.accessToken, 'token-asha.2');
    equal(await world.client({ storage }).ready, 'AUTHENTICATED');
    await client.logout();
    equal((await world.backend.requests('/auth/logout')).length, 1, 'logouts sent');
  },

  'something else is refused by name, and changes nothing': async (world) => {
    const storage = sharedStorage();
    const client = await world.signedIn({ storage });
    const whole = { token: 'a', generation: 1, session: 'h' };
    const hostile = [
      null,
      undefined,
      'token',
      [],
      {},
      { ...whole, token: '' },
      { ...whole, token: 'a b' },
      { ...whole, token: 'a\r\nX: y' },
      { ...whole, token: 7 },
      { ...whole, generation: '1' },
      { ...whole, generation: null },
      { ...whole, session: '' },
      { ...whole, session: 7 },
      { ...whole, session: null },
    ];
    for (const session of hostile) {
      const error = await failure(client.adopt(session as never));
      equal([error.name, error.message], ['TypeError', 'this is not a session']);
    }
    equal(client.accessToken, 'token-asha.1');
    equal([...storage.items.values()].length, 1);
  },

  'a token alone ends by its time, without a request': async (world) => {
    const client = world.client({ storage: sharedStorage() });
    const { token } = await signedInElsewhere(world);
    await client.adopt({ token, tokenExpiresAt: new Date(startMs + lifeMs).toISOString() });
    await world.advance(lifeMs - 1);
    equal((await client.fetch('/guarded')).status, 200);
    await world.advance(1);
    equal((await failure(client.fetch('/guarded'))) instanceof NoSessionError, true);
    equal([client.sessionState, client.heard.at(-1)], ['NO_SESSION', 'NO_SESSION ENDED']);
    equal(await world.refreshCount(), 0, 'refreshes');
  },

  'a token alone that is revoked ends when the backend says so, and not by a 401 of a route': async (world) => {
    const client = world.client();
    const { token } = await signedInElsewhere(world);
    await client.adopt({ token });
    await world.backend.fault({ path: '/guarded', status: 401 });
    equal(
      [(await client.fetch('/guarded')).status, (await client.fetch('/guarded')).status, client.sessionState],
      [401, 401, 'AUTHENTICATED'],
    );
    equal((await world.backend.requests('/auth/me')).length, 1, 'looks at the token within half a minute');
    await world.advance(30_000);
    await world.backend.fault({ path: '/auth/me', status: 503, times: 1 });
    equal([(await client.fetch('/guarded')).status, client.sessionState], [401, 'AUTHENTICATED']);
    await world.advance(30_000);
    await world.backend.revoke();
    equal([(await client.fetch('/guarded')).status, client.sessionState], [401, 'NO_SESSION']);
    equal(await world.refreshCount(), 0, 'refreshes');
  },

  'a token alone goes to allowed origins only, and its sign-out is told to no one': async (world) => {
    const client = world.client({ allowedOrigins: [world.otherUrl] });
    await client.adopt({ token: 'token-of-another-system' });
    equal((await client.fetch(`${world.otherUrl}/guarded`)).status, 401);
    equal(
      (await world.other.requests()).map(({ authorization }) => authorization),
      ['Bearer token-of-another-system'],
    );
    await client.logout();
    equal([client.sessionState, await world.backend.requests()], ['NO_SESSION', []]);
  },
};

import { equal, failure, type Facts } from '../support/facts.js';

export const fetching: Facts = {
  'the token is added, and relative addresses start at the backend': async (world) => {
    const { fetch } = await world.signedIn();
    const answer = await fetch('guarded');
    equal(await answer.json(), { userId: 'asha', generation: 1, path: '/guarded' });
    await fetch(new URL('/guarded', world.url));
    await fetch(new Request(`${world.url}/guarded`));
    const sent = await world.backend.requests('/guarded');
    equal(new Set(sent.map(({ authorization }) => authorization)).size, 1, 'kinds of credentials');
    equal(sent.at(-1)?.authorization, 'Bearer token-asha.1');
  },

  'without a session nothing is added': async (world) => {
    await world.client().fetch('/public');
    equal((await world.backend.requests())[0]?.authorization, undefined);
  },

  'credentials of the caller are left alone': async (world) => {
    const client = await world.signedIn();
    await client.fetch('/guarded', { headers: { Authorization: 'Basic abc' } });
    await client.fetch(new Request(`${world.url}/guarded`, { headers: { Authorization: 'Basic abc' } }));
    const sent = await world.backend.requests('/guarded');
    equal(
      sent.map(({ authorization }) => authorization),
      ['Basic abc', 'Basic abc'],
    );
  },

  'a 401 is met with one refresh and one more try of the same request': async (world) => {
    const client = await world.signedIn();
    await world.backend.refuseTokens();
    const answer = await client.fetch('/guarded', { method: 'PUT', body: 'move 7' });
    equal(answer.status, 200);
    const [refresh, ...others] = await world.backend.requests('/auth/refresh');
    equal([refresh?.body, others.length], ['{"session":"handle-asha-0","generation":1}', 0]);
    const sent = await world.backend.requests('/guarded');
    equal(
      sent.map(({ method, body, authorization }) => [method, body, authorization]),
      [
        ['PUT', 'move 7', 'Bearer token-asha.1'],
        ['PUT', 'move 7', 'Bearer token-asha.2'],
      ],
    );
  },

  'a Request with a body is tried once more as well': async (world) => {
    const client = await world.signedIn();
    await world.backend.refuseTokens();
    const answer = await client.fetch(new Request(`${world.url}/guarded`, { method: 'POST', body: 'move 7' }));
    equal(answer.status, 200);
    const sent = await world.backend.requests('/guarded');
    equal(
      sent.map(({ body }) => body),
      ['move 7', 'move 7'],
    );
  },

  'many 401s at once make one refresh': async (world) => {
    const client = await world.signedIn();
    await world.backend.refuseTokens();
    const answers = await Promise.all(Array.from({ length: 40 }, async () => client.fetch('/guarded')));
    equal(new Set(answers.map(({ status }) => status)).size, 1);
    equal([answers[0]?.status, await world.refreshCount()], [200, 1]);
  },

  'a token that is refused fresh from a refresh is not refreshed again for a while': async (world) => {
    const client = await world.signedIn();
    await world.backend.fault({ path: '/guarded', status: 401 });
    for (let calls = 0; calls < 3; calls += 1) equal((await client.fetch('/guarded')).status, 401);
    equal([await world.refreshCount(), client.sessionState], [1, 'AUTHENTICATED']);
    equal((await world.backend.requests('/guarded')).length, 4, 'requests');
    await world.advance(30_001);
    await client.fetch('/guarded');
    equal(await world.refreshCount(), 2);
  },

  'a 401 that ends the session is handed to the caller': async (world) => {
    const client = await world.signedIn();
    await world.backend.revoke();
    equal((await client.fetch('/guarded')).status, 401);
    equal([client.sessionState, client.heard.at(-1)], ['NO_SESSION', 'NO_SESSION ENDED']);
  },

  'a request of one player is not tried again as another': async (world) => {
    const client = await world.signedIn();
    await world.backend.fault({ path: '/guarded', status: 401, hold: true, times: 1 });
    const answer = client.fetch('/guarded', { method: 'POST' });
    await world.backend.seen('/guarded');
    await client.login('code-of-ravi');
    await world.backend.release();
    equal((await answer).status, 401);
    equal([(await world.backend.requests('/guarded')).length, await world.refreshCount()], [1, 0]);
  },

  'other answers are handed on as they are': async (world) => {
    const client = await world.signedIn();
    for (const status of [403, 404, 429, 500, 503]) {
      await world.backend.fault({ path: '/guarded', status, times: 1 });
      equal((await client.fetch('/guarded')).status, status);
    }
    equal([await world.refreshCount(), client.sessionState], [0, 'AUTHENTICATED']);
  },

  'an abort of the caller ends the request': async (world) => {
    const client = await world.signedIn();
    await world.backend.fault({ path: '/guarded', hang: true });
    const stop = new AbortController();
    const call = failure(client.fetch('/guarded', { signal: stop.signal }));
    await world.backend.seen('/guarded');
    stop.abort();
    equal((await call).name, 'AbortError');
    const again = failure(client.fetch(new Request(`${world.url}/guarded`, { signal: AbortSignal.abort() })));
    equal((await again).name, 'AbortError');
    equal((await world.backend.requests('/guarded')).length, 1, 'requests');
  },
};

import { NoSessionError } from 'nowgg-auth-client';
import { equal, failure, type Facts } from '../support/facts.js';
import { lifeMs, ManualSessionClock, sharedStorage, startMs } from '../support/world.js';

const keyOf = (items: Map<string, string>) => [...items.keys()].find((key) => !key.endsWith('lease')) as string;

export const refreshing: Facts = {
  'a token is refreshed when 90 % of its life have passed, and not before': async (world) => {
    const client = await world.signedIn();
    await world.advance(lifeMs * 0.9 - 1);
    await client.fetch('/guarded');
    equal(await world.refreshCount(), 0);
    await world.advance(1);
    await client.fetch('/guarded');
    equal([await world.refreshCount(), client.accessToken], [1, 'token-asha.2']);
    const [refresh] = await world.backend.requests('/auth/refresh');
    equal(refresh?.body, '{"session":"handle-asha-0"}');
  },

  'a hundred requests at expiry make one refresh': async (world) => {
    const client = await world.signedIn();
    await world.advance(lifeMs);
    await world.backend.fault({ path: '/auth/refresh', hold: true });
    const answers = Array.from({ length: 100 }, async () => (await client.fetch('/guarded')).status);
    await world.backend.seen('/auth/refresh');
    await world.backend.release();
    equal(new Set(await Promise.all(answers)).size, 1);
    equal([await answers[0], await world.refreshCount()], [200, 1]);
    equal((await world.backend.requests('/guarded')).length, 100, 'requests');
  },

  'a slow refresh does not hold up requests whose token still serves': async (world) => {
    const client = await world.signedIn();
    await world.advance(lifeMs * 0.95);
    await world.backend.fault({ path: '/auth/refresh', hold: true });
    const answer = client.fetch('/guarded');
    await world.backend.seen('/auth/refresh');
    world.clock.advance(1_000);
    equal(await (await answer).json(), { userId: 'asha', generation: 1, path: '/guarded' });
    await world.backend.release();
    equal(await client.refreshAccessTokenIfNeeded(), 'token-asha.2');
    equal(await world.refreshCount(), 1);
  },

  'a fresh token is not refreshed on demand': async (world) => {
    const client = await world.signedIn();
    equal([await client.refreshAccessTokenIfNeeded(), await world.refreshCount()], ['token-asha.1', 0]);
  },

  'without a session there is nothing to refresh': async (world) => {
    equal(await world.client().refreshAccessTokenIfNeeded(), undefined);
    equal(await world.backend.requests(), []);
  },

  'an abort ends the waiting of its caller and not the refresh': async (world) => {
    const client = await world.signedIn();
    await world.advance(lifeMs);
    await world.backend.fault({ path: '/auth/refresh', hold: true });
    const stop = new AbortController();
    const first = failure(client.fetch('/guarded', { signal: stop.signal }));
    const second = client.fetch('/guarded');
    const third = failure(client.refreshAccessTokenIfNeeded({ signal: stop.signal }));
    await world.backend.seen('/auth/refresh');
    stop.abort();
    equal([(await first).name, (await third).name], ['AbortError', 'AbortError']);
    await world.backend.release();
    equal([(await second).status, await world.refreshCount()], [200, 1]);
    const late = await failure(client.refreshAccessTokenIfNeeded({ signal: AbortSignal.abort() }));
    equal(late.name, 'AbortError');
  },

  'a refresh that no caller waits for any more is kept': async (world) => {
    const client = await world.signedIn();
    await world.advance(lifeMs);
    await world.backend.fault({ path: '/auth/refresh', hold: true });
    const stop = new AbortController();
    const only = failure(client.fetch('/guarded', { signal: stop.signal }));
    await world.backend.seen('/auth/refresh');
    stop.abort();
    await only;
    await world.backend.release();
    equal([await client.refreshAccessTokenIfNeeded(), await world.refreshCount()], ['token-asha.2', 1]);
  },

  'a 401 during a refresh that the backend finds needless makes one that is not': async (world) => {
    const client = await world.signedIn();
    // Due by the client's clock, of which the backend knows nothing.
    world.clock.advance(lifeMs * 0.95);
    await world.backend.refuseTokens();
    equal((await client.fetch('/guarded')).status, 200);
    const bodies = (await world.backend.requests('/auth/refresh')).map(({ body }) => JSON.parse(body).generation);
    equal(bodies, [undefined, 1]);
  },

  'a session that the backend has ended is over, with one event': async (world) => {
    for (const errorCode of [
      'reauthentication_required',
      'session_superseded',
      'signed_in_elsewhere',
      'invalid_token',
      'revoked_token',
    ]) {
      const storage = sharedStorage();
      const client = await world.signedIn({ storage });
      await world.advance(lifeMs);
      await world.backend.fault({ path: '/auth/refresh', status: 401, body: { errorCode } });
      const errors = await Promise.all([failure(client.fetch('/guarded')), failure(client.fetchUserInfo())]);
      equal(
        errors.map((error) => error instanceof NoSessionError),
        [true, true],
      );
      equal([client.sessionState, storage.items.has(keyOf(storage.items) ?? '')], ['NO_SESSION', false]);
      equal(client.heard.slice(-1), ['NO_SESSION ENDED']);
      client.close();
    }
    equal(await world.backend.requests('/guarded'), []);
  },

  'a ban ends the session with its reason and end, found by a refresh or by a route': async (world) => {
    const body = { errorCode: 'user_banned', reasonCode: 'cheating', text: 'Aim <b>help</b>', until: '2099-01-01' };
    for (const path of ['/auth/refresh', '/guarded']) {
      const client = await world.signedIn();
      const told: unknown[] = [];
      client.onSessionStateChange((state, reason, details) => void told.push([state, reason, details]));
      if (path === '/auth/refresh') await world.advance(lifeMs);
      await world.backend.fault({ path: '/auth/refresh', status: 403, body });
      await world.backend.fault({ path, status: 403, body });
      const answer = await client.fetch('/guarded').catch((error: unknown) => error);
      if (path === '/guarded') equal(await (answer as Response).json(), body);
      else equal((answer as NoSessionError).details, body);
      equal(client.sessionState, 'NO_SESSION');
      equal(told, [['NO_SESSION', 'ENDED', body]]);
      client.close();
    }
  },

  'a 403 that is not a ban ends nothing and asks for nothing': async (world) => {
    for (const body of [{ errorCode: 'forbidden' }, { errorCode: 'feature_banned', feature: 'chat' }, 'user_banned']) {
      const client = await world.signedIn();
      await world.backend.fault({ path: '/guarded', status: 403, body, times: 1 });
      equal((await client.fetch('/guarded')).status, 403);
      equal([client.sessionState, await world.refreshCount()], ['AUTHENTICATED', 0]);
      client.close();
    }
  },

  'a 401 that wants a new sign-in is returned at once': async (world) => {
    const client = await world.signedIn();
    const body = { errorCode: 'insufficient_user_authentication', maxAgeSeconds: 300 };
    await world.backend.fault({ path: '/guarded', status: 401, body, times: 1 });
    const answer = await client.fetch('/guarded');
    equal([answer.status, await answer.json()], [401, body]);
    equal([client.sessionState, await world.refreshCount()], ['AUTHENTICATED', 0]);
    client.close();
  },

  'a new handle takes the place of the old': async (world) => {
    const client = await world.signedIn();
    await world.advance(lifeMs);
    const tokenExpiresAt = new Date(startMs + 2 * lifeMs).toISOString();
    const body = { token: 'b', generation: 2, tokenExpiresAt, session: 'handle-new' };
    await world.backend.fault({ path: '/auth/refresh', status: 200, body, times: 1 });
    equal(await client.refreshAccessTokenIfNeeded(), 'b');
    await client.logout();
    equal((await world.backend.requests('/auth/logout'))[0]?.body, '{"session":"handle-new"}');
    equal(client.heard.slice(-2), ['AUTHENTICATED LOGIN', 'NO_SESSION LOGOUT']);
  },

  'an answer never takes the place of a newer generation': async (world) => {
    const storage = sharedStorage();
    const client = await world.signedIn({ storage });
    await world.advance(lifeMs);
    await world.backend.fault({ path: '/auth/refresh', hold: true });
    const answer = client.refreshAccessTokenIfNeeded();
    await world.backend.seen('/auth/refresh');
    const key = keyOf(storage.items);
    const newer = { ...JSON.parse(storage.items.get(key) as string), token: 'of-another-tab', generation: 9 };
    storage.items.set(key, JSON.stringify(newer));
    await world.backend.release();
    equal(await answer, 'of-another-tab');
    equal(JSON.parse(storage.items.get(key) as string).generation, 9);
  },

  'a refusal does not end a session that has moved on meanwhile': async (world) => {
    const storage = sharedStorage();
    const client = await world.signedIn({ storage });
    await world.advance(lifeMs);
    const body = { errorCode: 'reauthentication_required' };
    await world.backend.fault({ path: '/auth/refresh', hold: true, status: 401, body });
    const answer = client.refreshAccessTokenIfNeeded();
    await world.backend.seen('/auth/refresh');
    const key = keyOf(storage.items);
    const newer = { ...JSON.parse(storage.items.get(key) as string), token: 'of-another-tab', generation: 9 };
    storage.items.set(key, JSON.stringify(newer));
    await world.backend.release();
    equal([await answer, client.sessionState], ['of-another-tab', 'AUTHENTICATED']);
  },

  'a refresh that is under way does not bring back a session that was cleared': async (world) => {
    const client = await world.signedIn();
    await world.advance(lifeMs);
    await world.backend.fault({ path: '/auth/refresh', hold: true });
    const answer = failure(client.fetch('/guarded'));
    await world.backend.seen('/auth/refresh');
    await client.clearSessionState();
    await world.backend.release();
    equal([(await answer) instanceof NoSessionError, client.accessToken], [true, undefined]);
  },

  'a refresh that is under way does not overwrite a new sign-in': async (world) => {
    const client = await world.signedIn();
    await world.advance(lifeMs);
    await world.backend.fault({ path: '/auth/refresh', hold: true });
    const answer = client.refreshAccessTokenIfNeeded();
    await world.backend.seen('/auth/refresh');
    await client.login('code-of-ravi');
    await world.backend.release();
    equal([await answer, client.accessToken], ['token-ravi.1', 'token-ravi.1']);
  },

  'a clock that is a day ahead or behind makes no storm of refreshes': async (world) => {
    for (const offMs of [86_400_000, -86_400_000]) {
      const client = await world.signedIn({ clock: new ManualSessionClock(startMs + offMs) });
      for (let calls = 0; calls < 5; calls += 1) equal((await client.fetch('/guarded')).status, 200);
      client.close();
    }
    equal(await world.refreshCount(), 0);
  },

  'a token of unknown life is refreshed after a 401 only': async (world) => {
    const client = world.client();
    const body = { token: 'a', generation: 1, session: 'handle-asha-0' };
    await client.login('code-of-asha');
    await world.backend.fault({ path: '/auth/login', status: 200, body });
    await client.login('code-of-asha');
    await world.advance(lifeMs * 1000);
    equal([await client.refreshAccessTokenIfNeeded(), await world.refreshCount()], ['a', 0]);
    equal((await client.fetch('/guarded')).status, 200);
    equal(await world.refreshCount(), 1);
  },
};

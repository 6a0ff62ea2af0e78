import { RequestRefusedError, SessionUnavailableError } from 'nowgg-auth-client';
import type { RouteFault } from '../support/backend-controls.js';
import { equal, failure, type Facts } from '../support/facts.js';
import { lifeMs } from '../support/world.js';

const path = '/auth/refresh';

/** What must never end a session. */
const silences: readonly Omit<RouteFault, 'path'>[] = [
  { status: 500 },
  { status: 502, body: '<html>', headers: { 'content-type': 'text/html' } },
  { status: 503, headers: { 'retry-after': '2' } },
  { status: 429, headers: { 'retry-after': 'soon' } },
  { status: 200, body: '<html>', headers: { 'content-type': 'text/html' } },
  { status: 200, body: '{"token":' },
  { status: 200, body: null },
  { status: 200, body: { token: '', generation: 2 } },
  { status: 204, body: '' },
  { status: 307, headers: { location: '/public' } },
  { reset: true },
];

/** Refusals by something that is not the ready-made route. */
const foreignRefusals: readonly Omit<RouteFault, 'path'>[] = [
  { status: 401, body: 'sign in to the network' },
  { status: 401, body: { errorCode: 'missing_token' } },
  { status: 403, body: { errorCode: 'reauthentication_required' } },
  { status: 404, body: { statusCode: 404, message: 'Not Found' } },
];

export const outages: Facts = {
  'no answer, a broken one or a busy backend never ends a session': async (world) => {
    const client = await world.signedIn();
    await world.advance(lifeMs);
    for (const fault of silences) {
      await world.backend.fault({ path, ...fault });
      const error = await failure(client.fetch('/guarded'));
      equal([error instanceof SessionUnavailableError, client.sessionState], [true, 'AUTHENTICATED']);
      await world.advance(60_000);
    }
    await world.backend.mend();
    equal((await client.fetch('/guarded')).status, 200);
    equal(client.heard.slice(-1), ['AUTHENTICATED LOGIN']);
  },

  'a session in doubt stays, and the page may offer a sign-in that replaces it': async (world) => {
    const client = await world.signedIn();
    await world.advance(lifeMs);
    const body = { statusCode: 503, errorCode: 'grant_in_doubt', signInAllowed: true };
    await world.backend.fault({ path, status: 503, headers: { 'retry-after': '2' }, body });
    const error = await failure(client.fetch('/guarded'));
    equal([error.name, error['retryAfterSeconds'], error['signInAllowed']], ['SessionUnavailableError', 2, true]);
    equal(client.sessionState, 'AUTHENTICATED');
    await world.backend.fault({ path, status: 503, body: { ...body, signInAllowed: 'true' } });
    await world.advance(60_000);
    equal((await failure(client.fetch('/guarded')))['signInAllowed'], false);
  },

  'a refusal that is not the backend’s own never ends a session': async (world) => {
    const client = await world.signedIn();
    await world.advance(lifeMs);
    for (const fault of foreignRefusals) {
      await world.backend.fault({ path, ...fault });
      const error = await failure(client.fetch('/guarded'));
      equal([error instanceof RequestRefusedError, error['status']], [true, fault.status]);
      equal(client.sessionState, 'AUTHENTICATED');
      await world.advance(60_000);
    }
    await world.backend.mend();
    equal((await client.fetch('/guarded')).status, 200);
  },

  'a refresh that takes too long is an outage': async (world) => {
    const client = await world.signedIn({ timeoutMs: 3_000 });
    await world.advance(lifeMs);
    await world.backend.fault({ path, hang: true, times: 1 });
    const call = failure(client.fetch('/guarded'));
    await world.backend.seen(path);
    await world.advance(3_000);
    const error = await call;
    equal([error.name, error['retryAfterSeconds']], ['SessionUnavailableError', 1]);
    equal(client.sessionState, 'AUTHENTICATED');
    await world.advance(1_000);
    equal((await client.fetch('/guarded')).status, 200);
  },

  'a token that still serves is used while a new one cannot be had': async (world) => {
    const client = await world.signedIn();
    await world.advance(lifeMs * 0.9);
    await world.backend.fault({ path, status: 503, headers: { 'retry-after': '5' } });
    for (let calls = 0; calls < 4; calls += 1) equal((await client.fetch('/guarded')).status, 200);
    equal([await client.refreshAccessTokenIfNeeded(), await world.refreshCount()], ['token-asha.1', 1]);
    await world.advance(5_000);
    await client.fetch('/guarded');
    equal(await world.refreshCount(), 2);
  },

  'the backend is not asked again before its Retry-After has passed': async (world) => {
    const client = await world.signedIn();
    await world.advance(lifeMs);
    await world.backend.fault({ path, status: 503, headers: { 'retry-after': '7' }, times: 1 });
    const errors = [await failure(client.fetch('/guarded')), await failure(client.fetch('/guarded'))];
    equal(
      errors.map((error) => error['retryAfterSeconds']),
      [7, 7],
    );
    equal(await world.refreshCount(), 1);
    await world.advance(7_000);
    equal((await client.fetch('/guarded')).status, 200);
  },

  'a hundred requests in an outage make one refresh': async (world) => {
    const client = await world.signedIn();
    await world.advance(lifeMs);
    await world.backend.fault({ path, status: 503, headers: { 'retry-after': '9' } });
    const errors = await Promise.all(Array.from({ length: 100 }, async () => failure(client.fetch('/guarded'))));
    equal([new Set(errors.map(({ name }) => name)).size, await world.refreshCount()], [1, 1]);
  },

  'a 401 in an outage is an outage': async (world) => {
    const client = await world.signedIn();
    await world.backend.refuseTokens();
    await world.backend.fault({ path, status: 503 });
    equal((await failure(client.fetch('/guarded'))).name, 'SessionUnavailableError');
    equal(client.sessionState, 'AUTHENTICATED');
  },
};

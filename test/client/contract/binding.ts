import type { SessionClient, SessionClientOptions } from 'nowgg-auth-client';
import { keyBinding } from 'nowgg-auth-client/binding';
import { inPage } from '../support/address.js';
import { equal, failure, type Facts, until } from '../support/facts.js';
import { withKeyDatabase } from '../support/key-database.js';
import { lifeMs, sharedStorage, type World } from '../support/world.js';
import { fragmentOf } from './coming-back.js';

interface Proof {
  readonly header: { readonly jwk: Record<string, string> };
  readonly claims: { readonly jti: string; readonly htu: string; readonly ath: string; readonly nonce?: string };
}

const parsed = (text: string) => JSON.parse(atob(text.replaceAll('-', '+').replaceAll('_', '/'))) as unknown;

/** The proofs that came with the requests for a route, and `undefined` for a request without one. */
const proofsOf = async (world: World, route: string) =>
  (await world.backend.requests(`/auth/${route}`)).map(({ dpop }) => {
    const [header, claims] = dpop?.split('.').slice(0, 2).map(parsed) ?? [];
    return header === undefined ? undefined : ({ header, claims } as Proof);
  });

const offering = async (world: World) => world.backend.binding({ mode: 'offered' });

const bound = async (world: World, options: Partial<SessionClientOptions> = {}) =>
  world.signedIn({ binding: keyBinding(), ...options });

const refreshed = async (world: World, client: SessionClient) => {
  await world.advance(lifeMs);
  return client.refreshAccessTokenIfNeeded();
};

export const binding: Facts = {
  'a sign-in, a refresh and a sign-out each have a proof of one key, good for this request': async (world) => {
    await offering(world);
    const client = await bound(world);
    equal(await refreshed(world, client), 'token-asha.2');
    await client.logout();
    const routes = ['login', 'refresh', 'logout'];
    const [login, ...others] = await Promise.all(routes.map(async (route) => (await proofsOf(world, route))[0]));
    equal(Object.keys(login?.header.jwk ?? {}), ['kty', 'crv', 'x', 'y']);
    for (const other of others) equal(other?.header, login?.header);
    const claims = [login, ...others].map((proof) => proof?.claims);
    equal(
      claims.map((each) => each?.htu),
      routes.map((route) => `${world.url}/auth/${route}`),
    );
    equal(new Set(claims.map((each) => each?.jti)).size, 3);
    equal(
      claims.map((each) => each?.nonce),
      [undefined, undefined, undefined],
    );
    equal((await world.backend.requests('/auth/logout'))[0]?.body, '{"session":"handle-asha-0"}');
    equal(client.sessionState, 'NO_SESSION');
  },

  'a client without binding sends no proof, and other requests have none either': async (world) => {
    await offering(world);
    const client = await world.signedIn();
    await refreshed(world, client);
    const keyed = await bound(world);
    await keyed.fetch('/guarded');
    await keyed.fetchPrincipal();
    const log = await world.backend.requests();
    equal(
      log.map(({ path, dpop }) => `${path} ${dpop !== undefined}`),
      ['/auth/login false', '/auth/refresh false', '/auth/login true', '/guarded false', '/auth/me false'],
    );
  },

  'a stolen handle is of no use without the key, and the session goes on': async (world) => {
    await offering(world);
    const client = await bound(world);
    const init = { method: 'POST', body: '{"session":"handle-asha-0"}' };
    const stolen = await fetch(`${world.url}/auth/refresh`, init);
    equal([stolen.status, ((await stolen.json()) as { errorCode: string }).errorCode], [401, 'invalid_dpop_proof']);
    const { dpop = '' } = (await world.backend.requests('/auth/login'))[0] ?? {};
    equal((await fetch(`${world.url}/auth/refresh`, { ...init, headers: { dpop } })).status, 401);
    equal(await refreshed(world, client), 'token-asha.2');
  },

  'a clock that is minutes off is mended by a nonce, with one more request at first': async (world) => {
    await world.backend.binding({ mode: 'offered', nonces: 'n1' });
    world.clock.advance(300_000);
    const client = await bound(world);
    equal(
      (await proofsOf(world, 'login')).map((proof) => proof?.claims.nonce),
      [undefined, 'n1'],
    );
    // So far ahead that only a refused token is refreshed.
    for (const nonces of ['n1', 'n2']) {
      await world.backend.binding({ mode: 'offered', nonces });
      await world.advance(lifeMs);
      equal((await client.fetch('/guarded')).status, 200);
    }
    await client.logout();
    equal(
      (await proofsOf(world, 'refresh')).map((proof) => proof?.claims.nonce),
      ['n1', 'n1', 'n2'],
    );
    equal((await proofsOf(world, 'logout')).length, 1);
    const proofs = (await world.backend.requests()).flatMap(({ dpop }) => dpop ?? []);
    equal([proofs.length, new Set(proofs).size], [6, 6], 'proofs');
  },

  'nonces without end make a call unavailable, and end nothing': async (world) => {
    await world.backend.binding({ mode: 'offered', nonces: 'n1' });
    const client = await bound(world);
    const fault = { status: 401, body: { errorCode: 'use_dpop_nonce', nonce: 'n1' } };
    for (const path of ['/auth/refresh', '/auth/logout', '/auth/login']) await world.backend.fault({ path, ...fault });
    equal((await failure(refreshed(world, client))).name, 'SessionUnavailableError');
    equal((await failure(client.logout())).name, 'SessionUnavailableError');
    equal((await failure(client.login('code-of-ravi'))).name, 'SessionUnavailableError');
    for (const route of ['refresh', 'logout']) equal((await proofsOf(world, route)).length, 2, route);
    equal(client.sessionState, 'AUTHENTICATED');
    await world.backend.mend();
    await world.advance(1_000);
    equal(await client.refreshAccessTokenIfNeeded(), 'token-asha.2');
  },

  'a refused proof of the right key ends nothing, and the page may offer a sign-in': async (world) => {
    await offering(world);
    const client = await bound(world);
    await world.backend.binding({ mode: 'offered', refusing: true });
    const error = await failure(refreshed(world, client));
    equal([error.name, error['signInAllowed']], ['SessionUnavailableError', true]);
    equal((await failure(client.logout())).name, 'SessionUnavailableError');
    const refused = await failure(client.login('code-of-ravi'));
    equal([refused.name, refused['errorCode']], ['RequestRefusedError', 'invalid_dpop_proof']);
    equal(client.sessionState, 'AUTHENTICATED');
    await offering(world);
    await world.advance(1_000);
    equal(await client.refreshAccessTokenIfNeeded(), 'token-asha.2');
  },

  'a backend that binds no sessions is as before, and the page is told': async (world) => {
    const reasons: string[] = [];
    const client = await bound(world, { binding: keyBinding({ onUnbound: (reason) => reasons.push(reason) }) });
    await until(() => reasons.length > 0);
    equal(reasons, ['NOT_OFFERED']);
    equal(await refreshed(world, client), 'token-asha.2');
    equal(await proofsOf(world, 'refresh'), [undefined]);
    await offering(world);
    await client.login('code-of-asha');
    await refreshed(world, client);
    equal((await proofsOf(world, 'refresh')).length, 2);
    equal(reasons, ['NOT_OFFERED']);
  },

  'a sign-in that leaves the page and comes back is bound too, also after a lost answer': async (world) =>
    withKeyDatabase(async () =>
      inPage(world.url, async (page) => {
        await offering(world);
        const client = world.client({ storage: sharedStorage(), binding: keyBinding() });
        page.comeBack(await fragmentOf(client));
        await world.backend.fault({ path: '/auth/handoff', lost: true, times: 1 });
        // A browser may repeat by itself a request whose connection was cut.
        await client.completeSignIn().catch(async (error: Error) => {
          equal(error.name, 'SessionUnavailableError');
          await world.advance(1_000);
          await client.completeSignIn();
        });
        equal(await refreshed(world, client), 'token-asha.2');
        const [first, ...others] = [...(await proofsOf(world, 'handoff')), ...(await proofsOf(world, 'refresh'))];
        equal([first?.claims.htu, others.length > 1], [`${world.url}/auth/handoff`, true]);
        for (const other of others) equal(other?.header, first?.header);
      }),
    ),

  'a sign-in that comes back to a backend that binds none is as before, and the page is told': async (world) =>
    withKeyDatabase(async () =>
      inPage(world.url, async (page) => {
        const reasons: string[] = [];
        const onUnbound = (reason: string) => reasons.push(reason);
        const client = world.client({ storage: sharedStorage(), binding: keyBinding({ onUnbound }) });
        page.comeBack(await fragmentOf(client));
        await client.completeSignIn();
        await until(() => reasons.length > 0);
        equal(reasons, ['NOT_OFFERED']);
        equal(await refreshed(world, client), 'token-asha.2');
        equal(await proofsOf(world, 'refresh'), [undefined]);
      }),
    ),

  'a bound session stays bound when the backend offers it no more': async (world) => {
    await offering(world);
    const client = await bound(world);
    await world.backend.binding({ mode: 'off' });
    equal(await refreshed(world, client), 'token-asha.2');
    equal((await proofsOf(world, 'refresh')).length, 1);
  },

  'two tabs that sign in at the same moment have one key, and it survives both': async (world) => {
    await offering(world);
    await withKeyDatabase(async () => {
      const storage = sharedStorage();
      const tabs = [1, 2, 3].map(() => world.client({ storage, binding: keyBinding() }));
      await Promise.all(tabs.map(async (tab, index) => tab.login(`code-of-player-${index}`)));
      const keys = (await proofsOf(world, 'login')).map((proof) => JSON.stringify(proof?.header.jwk));
      equal([keys.length, new Set(keys).size], [3, 1]);
      for (const tab of tabs) tab.close();
      const later = world.client({ storage, binding: keyBinding() });
      await later.ready;
      await refreshed(world, later);
      equal(JSON.stringify((await proofsOf(world, 'refresh'))[0]?.header.jwk), keys[0]);
      equal(later.sessionState, 'AUTHENTICATED');
    });
  },

  'a bound session whose key is gone ends in all tabs, and a new sign-in has a new key': async (world) => {
    await offering(world);
    await withKeyDatabase(async (database) => {
      const storage = sharedStorage();
      const client = await bound(world, { storage });
      const told: unknown[] = [];
      client.onSessionStateChange((_state, _reason, details) => void told.push(details?.errorCode));
      const other = world.client({ storage, binding: keyBinding() });
      equal(await other.ready, 'AUTHENTICATED');
      await database.clear();
      const error = await failure(refreshed(world, client));
      equal([error.name, client.heard.at(-1)], ['NoSessionError', 'NO_SESSION ENDED']);
      equal([told, await proofsOf(world, 'refresh')], [['invalid_dpop_proof'], [undefined]]);
      await until(() => other.sessionState === 'NO_SESSION');
      await client.login('code-of-asha');
      const [before, after] = await proofsOf(world, 'login');
      equal(before?.header.jwk['x'] !== after?.header.jwk['x'], true);
      await until(() => other.sessionState === 'AUTHENTICATED');
      equal(await refreshed(world, other), 'token-asha.2');
    });
  },

  'another key in the place of the one that a session is bound to does not help': async (world) => {
    await offering(world);
    await withKeyDatabase(async (database) => {
      const client = await bound(world, { storage: sharedStorage() });
      await database.clear();
      // A sign-in that fails leaves a new key.
      equal((await failure(client.login('unknown')))['errorCode'], 'invalid_grant');
      equal((await failure(refreshed(world, client))).name, 'NoSessionError');
      equal(await proofsOf(world, 'refresh'), [undefined]);
    });
  },

  'without IndexedDB a sign-in is not bound, and nothing fails': async (world) => {
    await offering(world);
    await withKeyDatabase(async (database) => {
      for (const how of ['absent', 'denied', 'full'] as const) {
        await database.without(how, async () => {
          const reasons: string[] = [];
          const onUnbound = (reason: string) => reasons.push(reason);
          const client = await bound(world, { storage: sharedStorage(), binding: keyBinding({ onUnbound }) });
          await until(() => reasons.length > 0);
          equal(reasons, ['NO_KEY'], how);
          await refreshed(world, client);
          await client.logout();
          equal(client.sessionState, 'NO_SESSION', how);
        });
      }
      equal(
        (await world.backend.requests()).filter(({ dpop }) => dpop !== undefined),
        [],
      );
    });
  },

  'a bound session waits while its key cannot be read': async (world) => {
    await offering(world);
    await withKeyDatabase(async (database) => {
      const client = await bound(world, { storage: sharedStorage() });
      for (const how of ['absent', 'denied', 'full'] as const) {
        await database.without(how, async () => {
          const error = await failure(refreshed(world, client));
          equal([error.name, error['signInAllowed']], ['SessionUnavailableError', true], how);
        });
      }
      equal([client.sessionState, await world.refreshCount()], ['AUTHENTICATED', 0]);
      equal(await refreshed(world, client), 'token-asha.2');
    });
  },

  'a lost answer costs one more proof, also where the browser itself repeats the request': async (world) => {
    await offering(world);
    const client = world.client({ binding: keyBinding() });
    const twice = async (call: () => Promise<unknown>) =>
      call().catch(async (error: Error) => {
        equal(error.name, 'SessionUnavailableError');
        await world.advance(1_000);
        return call();
      });
    await world.backend.fault({ path: '/auth/login', lost: true, times: 1 });
    await twice(async () => client.login('code-of-asha'));
    await world.backend.fault({ path: '/auth/refresh', lost: true, times: 1 });
    await world.advance(lifeMs);
    equal(await twice(async () => client.refreshAccessTokenIfNeeded()), 'token-asha.2');
    const [first, ...others] = [...(await proofsOf(world, 'login')), ...(await proofsOf(world, 'refresh'))];
    for (const other of others) equal(other?.header, first?.header);
  },

  'a page that no longer binds sessions ends one that is bound, and signs in again': async (world) => {
    await offering(world);
    await withKeyDatabase(async () => {
      const storage = sharedStorage();
      (await bound(world, { storage })).close();
      const client = world.client({ storage });
      equal(await client.ready, 'AUTHENTICATED');
      equal((await failure(refreshed(world, client))).name, 'NoSessionError');
      await client.login('code-of-asha');
      equal(await refreshed(world, client), 'token-asha.2');
    });
  },

  'a key that the browser does not find in time leaves a sign-in unbound': async (world) => {
    await offering(world);
    await withKeyDatabase(async (database) => {
      await database.without('silent', async () => {
        const client = world.client({ storage: sharedStorage(), binding: keyBinding() });
        const done = client.login('code-of-asha');
        await until(() => world.clock.waiting > 1);
        world.clock.advance(3_000);
        await done;
        equal(await proofsOf(world, 'login'), [undefined]);
      });
    });
  },
};

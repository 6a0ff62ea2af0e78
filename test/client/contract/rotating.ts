import { equal, failure, type Facts } from '../support/facts.js';
import { lifeMs, sharedStorage, type World } from '../support/world.js';

const bodiesOf = async (world: World) =>
  (await world.backend.requests('/auth/refresh')).map(({ body }) => JSON.parse(body) as Record<string, unknown>);

const refreshed = async (world: World, client: { refreshAccessTokenIfNeeded(): Promise<unknown> }) => {
  await world.advance(lifeMs);
  return client.refreshAccessTokenIfNeeded();
};

/** The text of the session in a storage, and the way to put another one there. */
const recordIn = (storage: ReturnType<typeof sharedStorage>) => {
  const key = [...storage.items.keys()].find((name) => !name.endsWith('lease')) as string;
  return { text: storage.items.get(key) as string, put: (text: string) => void storage.items.set(key, text) };
};

export const rotating: Facts = {
  'each refresh stores the next handle, and the next refresh sends it': async (world) => {
    const storage = sharedStorage();
    const client = await world.signedIn({ storage });
    for (let times = 0; times < 3; times += 1) await refreshed(world, client);
    const handles = ['handle-asha-0', 'handle-asha-0~1', 'handle-asha-0~2'];
    equal(
      await bodiesOf(world),
      handles.map((session) => ({ session })),
    );
    equal((JSON.parse(recordIn(storage).text) as { session: string }).session, 'handle-asha-0~3');
    await client.logout();
    equal((await world.backend.requests('/auth/logout'))[0]?.body, '{"session":"handle-asha-0~3"}');
  },

  'a handle that the storage does not give back is not used': async (world) => {
    const items = sharedStorage();
    let keeps = true;
    const setItem = (key: string, value: string) =>
      keeps || key.endsWith('lease') ? items.setItem(key, value) : undefined;
    const client = await world.signedIn({ storage: { ...items, setItem } });
    keeps = false;
    for (let times = 0; times < 4; times += 1) equal(await refreshed(world, client), `token-asha.${times + 2}`);
    equal(new Set((await bodiesOf(world)).map(({ session }) => session)).size, 1);
    keeps = true;
    await refreshed(world, client);
    await refreshed(world, client);
    equal((await bodiesOf(world)).map(({ session }) => session).slice(-2), ['handle-asha-0', 'handle-asha-0~1']);
  },

  'a superseded handle is read from the storage again, which ends nothing': async (world) => {
    const items = sharedStorage();
    let seen: string | undefined;
    const look = (key: string) => (key.endsWith('lease') ? items.getItem(key) : (seen ?? items.getItem(key)));
    const storage = { ...items, getItem: look };
    const sleeping = await world.signedIn({ storage });
    seen = recordIn(items).text;
    const other = world.client({ storage: items });
    await other.ready;
    await refreshed(world, other);
    await refreshed(world, other);
    await world.advance(lifeMs);
    const newest = recordIn(items).text;
    // What this tab sees lags behind until it looks once more.
    await world.backend.fault({ path: '/auth/refresh', hold: true, times: 1 });
    const answer = sleeping.refreshAccessTokenIfNeeded();
    await world.backend.seen('/auth/refresh', 3);
    seen = undefined;
    await world.backend.release();
    equal(await answer, 'token-asha.4');
    equal((await bodiesOf(world)).slice(-2), [
      { session: 'handle-asha-0' },
      { session: (JSON.parse(newest) as { session: string }).session, reread: true },
    ]);
    equal([sleeping.sessionState, other.sessionState], ['AUTHENTICATED', 'AUTHENTICATED']);
  },

  'a handle that is superseded again ends the session here and at the backend': async (world) => {
    const storage = sharedStorage();
    const client = await world.signedIn({ storage });
    const { text, put } = recordIn(storage);
    await refreshed(world, client);
    await refreshed(world, client);
    const thief = { session: (JSON.parse(recordIn(storage).text) as { session: string }).session };
    client.close();
    put(text);
    const victim = world.client({ storage });
    await victim.ready;
    const told: unknown[] = [];
    victim.onSessionStateChange((_state, _reason, details) => void told.push(details?.errorCode));
    const error = await failure(refreshed(world, victim));
    equal([error.name, victim.sessionState, victim.heard.at(-1)], ['NoSessionError', 'NO_SESSION', 'NO_SESSION ENDED']);
    equal(told, ['session_superseded']);
    equal((await bodiesOf(world)).slice(-2), [
      { session: 'handle-asha-0' },
      { session: 'handle-asha-0', reread: true },
    ]);
    const init = { method: 'POST', body: JSON.stringify(thief) };
    equal((await fetch(`${world.url}/auth/refresh`, init)).status, 401);
  },

  'an answer never takes the place of a handle that another tab has stored meanwhile': async (world) => {
    const storage = sharedStorage();
    const client = await world.signedIn({ storage });
    await world.advance(lifeMs);
    await world.backend.fault({ path: '/auth/refresh', hold: true });
    const answer = client.refreshAccessTokenIfNeeded();
    await world.backend.seen('/auth/refresh');
    const { text, put } = recordIn(storage);
    put(JSON.stringify({ ...(JSON.parse(text) as object), session: 'handle-asha-0~7' }));
    await world.backend.release();
    equal(await answer, 'token-asha.2');
    const { session, token } = JSON.parse(recordIn(storage).text) as Record<string, unknown>;
    equal([session, token], ['handle-asha-0~7', 'token-asha.2']);
  },

  'a backend that keeps its handles is as before': async (world) => {
    const client = await world.signedIn();
    const reply = { token: 'b', generation: 2, tokenExpiresAt: new Date(world.clock.now() + lifeMs * 9).toISOString() };
    await world.backend.fault({ path: '/auth/refresh', status: 200, body: reply });
    equal(await refreshed(world, client), 'b');
    await client.logout();
    equal((await world.backend.requests('/auth/logout'))[0]?.body, '{"session":"handle-asha-0"}');
  },
};

import { equal, failure, type Facts } from '../support/facts.js';
import { lifeMs, sharedStorage } from '../support/world.js';

const fails = () => {
  throw new Error('the storage is broken');
};

export const storing: Facts = {
  'a session survives a reload': async (world) => {
    const storage = sharedStorage();
    (await world.signedIn({ storage })).close();
    const client = world.client({ storage });
    equal([client.sessionState, await client.ready], ['UNKNOWN', 'AUTHENTICATED']);
    equal((await client.fetch('/guarded')).status, 200);
    equal(client.heard, ['AUTHENTICATED FOUND']);
  },

  'configuring makes no request, with a session and without one': async (world) => {
    const storage = sharedStorage();
    await world.client({ storage }).ready;
    equal(await world.backend.requests(), []);
    (await world.signedIn({ storage })).close();
    const before = (await world.backend.requests()).length;
    equal(await world.client({ storage }).ready, 'AUTHENTICATED');
    equal((await world.backend.requests()).length, before);
  },

  'a session in memory does not': async (world) => {
    (await world.signedIn()).close();
    equal(await world.client().ready, 'NO_SESSION');
  },

  'sessions with two backends do not meet': async (world) => {
    const storage = sharedStorage();
    await world.signedIn({ storage });
    equal(await world.client({ storage, baseUrl: world.otherUrl }).ready, 'NO_SESSION');
    equal(await world.client({ storage, path: 'login/v2' }).ready, 'NO_SESSION');
  },

  'what is stored is the handle, the token and their times': async (world) => {
    const storage = sharedStorage();
    await world.signedIn({ storage });
    const [text] = storage.items.values();
    const names = Object.keys(JSON.parse(text as string)).toSorted();
    equal(names, ['expiresAt', 'generation', 'id', 'obtainedAt', 'session', 'token']);
  },

  'a storage with something else in it is no session': async (world) => {
    const storage = sharedStorage();
    await world.signedIn({ storage });
    const [[key, text] = ['', '']] = storage.items;
    const whole = JSON.parse(text) as Record<string, unknown>;
    const broken = ['', '{', 'null', '[]', '"text"', '7', text.slice(1), '{"__proto__":{"token":"a"}}'];
    for (const name of ['session', 'token', 'generation'])
      for (const value of [undefined, null, '', {}, 'a b\r\nX: y', Number.NaN])
        if (!(name === 'session' && value === 'a b\r\nX: y')) broken.push(JSON.stringify({ ...whole, [name]: value }));
    for (const value of broken) {
      storage.items.set(key, value);
      const client = world.client({ storage });
      equal([await client.ready, (await client.fetch('/public')).status], ['NO_SESSION', 200], value);
      client.close();
    }
  },

  'times that are none are as a life that is not known': async (world) => {
    const storage = sharedStorage();
    await world.signedIn({ storage });
    const [[key, text] = ['', '']] = storage.items;
    for (const times of [{ expiresAt: 'soon' }, { expiresAt: {} }, { obtainedAt: 'soon' }]) {
      storage.items.set(key, JSON.stringify({ ...(JSON.parse(text) as object), ...times }));
      const client = world.client({ storage });
      equal((await client.fetch('/guarded')).status, 200);
      client.close();
    }
    equal(await world.refreshCount(), 0);
  },

  'a storage that cannot be written leaves the session in memory': async (world) => {
    const client = await world.signedIn({ storage: { ...sharedStorage(), setItem: fails } });
    await world.advance(lifeMs);
    equal([(await client.fetch('/guarded')).status, client.sessionState], [200, 'AUTHENTICATED']);
    await client.logout();
    equal(client.sessionState, 'NO_SESSION');
  },

  'a storage that cannot be read leaves the state unknown, until it can': async (world) => {
    const storage = sharedStorage();
    (await world.signedIn({ storage })).close();
    let isBroken = true;
    const getItem = async (key: string) => (isBroken ? fails() : storage.getItem(key));
    const client = world.client({ storage: { ...storage, getItem } });
    equal([await client.ready, (await failure(client.fetch('/guarded'))).name], ['UNKNOWN', 'SessionUnavailableError']);
    isBroken = false;
    equal([(await client.fetch('/guarded')).status, client.sessionState], [200, 'AUTHENTICATED']);
    isBroken = true;
    await world.advance(lifeMs);
    equal([(await client.fetch('/guarded')).status, client.sessionState], [200, 'AUTHENTICATED']);
  },

  'a storage may take its time': async (world) => {
    const items = sharedStorage();
    const storage = {
      getItem: async (key: string) => items.getItem(key),
      setItem: async (key: string, value: string) => void items.setItem(key, value),
      removeItem: async (key: string) => void items.removeItem(key),
    };
    const client = await world.signedIn({ storage });
    await world.advance(lifeMs);
    const answers = await Promise.all(Array.from({ length: 10 }, async () => client.fetch('/guarded')));
    equal([answers[9]?.status, await world.refreshCount()], [200, 1]);
    await client.logout();
    equal(await world.client({ storage }).ready, 'NO_SESSION');
  },
};

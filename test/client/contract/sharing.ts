import { equal, failure, until, type Facts } from '../support/facts.js';
import { lifeMs, sharedStorage, type World } from '../support/world.js';

const tabs = async (world: World) => {
  const storage = sharedStorage();
  const first = await world.signedIn({ storage });
  const second = world.client({ storage });
  await second.ready;
  return [first, second] as const;
};

export const sharing: Facts = {
  'two clients of one storage make one refresh': async (world) => {
    const pair = await tabs(world);
    await world.advance(lifeMs);
    await world.backend.fault({ path: '/auth/refresh', hold: true });
    const answers = pair.flatMap((client) => Array.from({ length: 20 }, async () => client.fetch('/guarded')));
    await world.backend.seen('/auth/refresh');
    await world.backend.release();
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    equal([new Set(statuses).size, statuses[0], await world.refreshCount()], [1, 200, 1]);
    equal(
      pair.map(({ accessToken }) => accessToken),
      ['token-asha.2', 'token-asha.2'],
    );
  },

  'a client that met a 401 takes the token that another one got meanwhile': async (world) => {
    const [first, second] = await tabs(world);
    await world.backend.refuseTokens();
    const answers = await Promise.all([first.fetch('/guarded'), second.fetch('/guarded')]);
    equal([answers[0].status, answers[1].status, await world.refreshCount()], [200, 200, 1]);
  },

  'a refresh that failed elsewhere is tried here': async (world) => {
    const [first, second] = await tabs(world);
    await world.advance(lifeMs);
    await world.backend.fault({ path: '/auth/refresh', status: 503, hold: true, times: 1 });
    const failed = failure(first.fetch('/guarded'));
    await world.backend.seen('/auth/refresh');
    const answer = second.fetch('/guarded');
    await world.backend.release();
    equal([(await failed).name, (await answer).status], ['SessionUnavailableError', 200]);
  },

  'a sign-in, another player and a sign-out are seen by the other client': async (world) => {
    const [first, second] = await tabs(world);
    await first.logout();
    await until(() => second.sessionState === 'NO_SESSION');
    await first.login('code-of-asha');
    await until(() => second.accessToken === 'token-asha.1');
    await first.login('code-of-ravi');
    await until(() => second.accessToken === 'token-ravi.1');
    const other = ['NO_SESSION OTHER_TAB', 'AUTHENTICATED OTHER_TAB', 'AUTHENTICATED OTHER_TAB'];
    equal(second.heard, ['AUTHENTICATED FOUND', ...other]);
    equal((await second.fetch('/guarded')).status, 200);
  },

  'a session that ended is over for the other client too': async (world) => {
    const [first, second] = await tabs(world);
    await world.backend.revoke();
    await first.fetch('/guarded');
    await until(() => second.sessionState === 'NO_SESSION');
    equal(second.heard.at(-1), 'NO_SESSION OTHER_TAB');
  },

  'a new token is no event for the other client': async (world) => {
    const [first, second] = await tabs(world);
    await world.advance(lifeMs);
    await first.fetch('/guarded');
    await until(() => second.accessToken === 'token-asha.2');
    equal(second.heard, ['AUTHENTICATED FOUND']);
  },

  'a closed client listens no more, and still works': async (world) => {
    const [first, second] = await tabs(world);
    second.close();
    await first.logout();
    await first.login('code-of-ravi');
    equal([second.accessToken, second.heard], ['token-asha.1', ['AUTHENTICATED FOUND']]);
    await second.clearSessionState();
    equal(second.sessionState, 'NO_SESSION');
  },
};

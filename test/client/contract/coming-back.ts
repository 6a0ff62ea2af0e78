import { NoSessionError, RequestRefusedError, type SessionClient, SessionUnavailableError } from 'nowgg-auth-client';
import { inPage } from '../support/address.js';
import { equal, failure, type Facts } from '../support/facts.js';
import { sharedStorage } from '../support/world.js';

/** The fragment that the backend sends a page back with, by way of an identity system that asks nothing. */
export const fragmentOf = async (client: SessionClient, player = 'asha') => {
  const url = new URL(await client.signInUrl('web', { prompt: player }));
  // A page cannot see where a redirect leads, so it is not followed but made here.
  const log = await fetch(url.href.replace('/auth/web/authorize', '/_control/authorize'), { method: 'POST' });
  return ((await log.json()) as { fragment: string }).fragment;
};
const isRefused = (error: Error & Record<string, unknown>) => [
  error instanceof RequestRefusedError,
  error['status'],
  error['errorCode'],
];

export const comingBack: Facts = {
  'a sign-in begins with page, challenge and prompt, and its verifier stays here': async (world) =>
    inPage(world.url, async () => {
      const storage = sharedStorage();
      const client = world.client({ storage });
      const url = new URL(await client.signInUrl('web', { prompt: 'login' }));
      equal(`${url.origin}${url.pathname}`, `${world.url}/auth/web/authorize`);
      const { challenge = '', ...rest } = Object.fromEntries(url.searchParams);
      equal(rest, { returnTo: '/page?level=2', prompt: 'login' });
      equal(/^[\w-]{43}$/.test(challenge), true);
      const [text = ''] = storage.items.values();
      const verifier = /"verifier":"([\d-]{43,128})"/.exec(text)?.[1];
      equal([verifier === undefined, url.href.includes(`${verifier}`)], [false, false]);
      equal(await world.backend.requests(), []);
      const other = new URL(await client.signInUrl('a/b', { returnTo: 'https://play.example/x' }));
      equal([other.pathname, other.searchParams.get('returnTo')], ['/auth/a%2Fb/authorize', 'https://play.example/x']);
    }),

  'a page that comes back has its session, and nothing of it in its address': async (world) =>
    inPage(world.url, async (page) => {
      const storage = sharedStorage();
      const before = world.client({ storage });
      const fragment = await fragmentOf(before);
      before.close();
      const client = world.client({ storage });
      page.comeBack(fragment);
      const completed = client.completeSignIn();
      equal(page.hash(), '', 'fragment, at once');
      equal(await completed, { provider: 'nowgg', userId: 'asha' });
      equal([client.sessionState, client.accessToken], ['AUTHENTICATED', 'token-asha.1']);
      equal(await client.completeSignIn(), undefined);
      const verifiers = [...storage.items].filter(([key]) => key.endsWith('sign-ins')).map(([, text]) => text);
      equal(verifiers, ['[]']);
    }),

  'a page that was called up as ever comes from no sign-in': async (world) =>
    inPage(world.url, async (page) => {
      const client = world.client({ storage: sharedStorage() });
      page.comeBack('chapter-2');
      equal([await client.completeSignIn(), page.hash()], [undefined, '#chapter-2']);
      equal(await world.backend.requests(), []);
    }),

  'callers at the same time have one session between them': async (world) =>
    inPage(world.url, async (page) => {
      const client = world.client({ storage: sharedStorage() });
      page.comeBack(await fragmentOf(client));
      const users = await Promise.all(Array.from({ length: 5 }, async () => client.completeSignIn()));
      equal(new Set(users.map((user) => user?.userId)).size, 1);
      equal((await world.backend.requests('/auth/handoff')).length, 1, 'handoffs sent');
      equal(
        client.heard.filter((event) => event.startsWith('AUTHENTICATED')),
        ['AUTHENTICATED LOGIN'],
      );
    }),

  'a sign-in can be completed again after an outage, without its fragment': async (world) =>
    inPage(world.url, async (page) => {
      const client = world.client({ storage: sharedStorage() });
      page.comeBack(await fragmentOf(client));
      await world.backend.fault({ path: '/auth/handoff', status: 503, headers: { 'retry-after': '7' }, times: 1 });
      const error = await failure(client.completeSignIn());
      equal([error instanceof SessionUnavailableError, error['retryAfterSeconds'], page.hash()], [true, 7, '']);
      equal((await client.completeSignIn())?.userId, 'asha');
    }),

  'an address that another browser or site has made sends nothing and makes no session': async (world) =>
    inPage(world.url, async (page) => {
      const stranger = world.client({ storage: sharedStorage() });
      const client = world.client({ storage: sharedStorage() });
      await client.login('code-of-ravi');
      const theirs = await fragmentOf(stranger);
      const own = new URL(await client.signInUrl('web')).searchParams.get('challenge') ?? '';
      const handoff = new URLSearchParams(theirs).get('nowgg-handoff') ?? '';
      for (const hostile of [
        theirs,
        `nowgg-handoff=x&nowgg-challenge=${'A'.repeat(43)}`,
        'nowgg-challenge=__proto__',
      ]) {
        page.comeBack(hostile);
        const error = await failure(client.completeSignIn());
        equal([isRefused(error), page.hash()], [[true, 400, 'invalid_grant'], '']);
      }
      equal((await world.backend.requests('/auth/handoff')).length, 0, 'handoffs sent');
      // With a challenge of this page, the backend refuses the verifier.
      page.comeBack(new URLSearchParams({ 'nowgg-handoff': handoff, 'nowgg-challenge': own }).toString());
      equal(isRefused(await failure(client.completeSignIn())), [true, 400, 'invalid_grant']);
      equal([client.sessionState, client.accessToken], ['AUTHENTICATED', 'token-ravi.1']);
    }),

  'a refusal is told by its reason, and only to the page that began the sign-in': async (world) =>
    inPage(world.url, async (page) => {
      const client = world.client({ storage: sharedStorage() });
      const fragment = await fragmentOf(client, 'nobody');
      page.comeBack(fragment);
      equal(isRefused(await failure(client.completeSignIn())), [true, 400, 'access_denied']);
      equal(page.hash(), '');
      page.comeBack(fragment);
      equal(isRefused(await failure(client.completeSignIn())), [true, 400, 'invalid_grant']);
      equal(await world.backend.requests('/auth/handoff'), []);
    }),

  'each of two tabs completes its own sign-in, in either tab': async (world) =>
    inPage(world.url, async (page) => {
      const storage = sharedStorage();
      const [first, second] = [world.client({ storage }), world.client({ storage })];
      const fragments = await Promise.all([fragmentOf(first, 'asha'), fragmentOf(second, 'ravi')]);
      page.comeBack(fragments[1] ?? '');
      equal((await first.completeSignIn())?.userId, 'ravi');
      page.comeBack(fragments[0] ?? '');
      equal((await second.completeSignIn())?.userId, 'asha');
    }),

  'sign-ins that were given up are forgotten: the oldest of six, and all after eleven minutes': async (world) =>
    inPage(world.url, async (page) => {
      const client = world.client({ storage: sharedStorage() });
      const fragments: string[] = [];
      for (let turn = 0; turn < 6; turn += 1) fragments.push(await fragmentOf(client));
      page.comeBack(fragments[0] ?? '');
      equal(isRefused(await failure(client.completeSignIn())), [true, 400, 'invalid_grant']);
      page.comeBack(fragments[1] ?? '');
      equal((await client.completeSignIn())?.userId, 'asha');
      await world.advance(660_000);
      page.comeBack(fragments[2] ?? '');
      equal(isRefused(await failure(client.completeSignIn())), [true, 400, 'invalid_grant']);
    }),

  'a storage that holds something else begins afresh': async (world) =>
    inPage(world.url, async (page) => {
      for (const text of ['', '{', 'null', '{}', '[null]', '[{"challenge":7}]', '"x"']) {
        const storage = sharedStorage();
        const client = world.client({ storage });
        await client.signInUrl('web');
        const [key] = [...storage.items.keys()].filter((name) => name.endsWith('sign-ins'));
        storage.items.set(key as string, text);
        page.comeBack(await fragmentOf(client));
        equal((await client.completeSignIn())?.userId, 'asha', text);
      }
    }),

  'a session that is cleared while a sign-in is completed stays cleared': async (world) =>
    inPage(world.url, async (page) => {
      const client = world.client({ storage: sharedStorage() });
      page.comeBack(await fragmentOf(client));
      await world.backend.fault({ path: '/auth/handoff', hold: true });
      const completed = failure(client.completeSignIn());
      await world.backend.seen('/auth/handoff');
      await client.clearSessionState();
      await world.backend.release();
      equal((await completed) instanceof NoSessionError, true);
      equal(client.sessionState, 'NO_SESSION');
    }),
};

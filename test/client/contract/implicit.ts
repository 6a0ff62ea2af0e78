import { NoSessionError, RequestRefusedError } from 'nowgg-auth-client';
import { implicitSignIn, type ImplicitSignInOptions } from 'nowgg-auth-client/implicit';
import { inPage } from '../support/address.js';
import { equal, failure, type Facts } from '../support/facts.js';
import { sharedStorage, type World } from '../support/world.js';

const authorizationUrl = 'https://accounts.samsungsami.io/authorize';
const clientId = '9628eef2a00d43d89b757b8d34373588';
const redirectUri = 'https://myapp.com/callback';
const page = { authorizationUrl, clientId, redirectUri, scope: 'read,write' };

/** A page of this world, and the fragment that the system answers it with. */
const begin = async (world: World, options: Partial<ImplicitSignInOptions> = {}) => {
  const stored = sharedStorage();
  const client = world.client({ storage: stored });
  const states = sharedStorage();
  const signIn = implicitSignIn(client, { ...page, storage: states, clock: world.clock, ...options });
  const url = new URL(await signIn.url());
  const state = url.searchParams.get('state') ?? '';
  const answer = { expires_in: '7200', token_type: 'bearer', access_token: '2YotnFZFEjr1zCsicMWpAA', state };
  const fragment = (changes: object = {}) => new URLSearchParams({ ...answer, ...changes }).toString();
  return { client, signIn, url, state, fragment, stored, states };
};

export const implicit: Facts = {
  'the address is as in the example of the page of SAMI, with a state of 128 bits and more': async (world) =>
    inPage(world.url, async () => {
      const { url, state, signIn } = await begin(world);
      equal(`${url.origin}${url.pathname}`, authorizationUrl);
      equal(Object.fromEntries(url.searchParams), {
        client_id: clientId,
        response_type: 'token',
        redirect_uri: redirectUri,
        state,
        scope: 'read,write',
      });
      equal(/^[\d-]{40,128}$/.test(state), true);
      equal(new URL(await signIn.url()).searchParams.get('state') === state, false);
      const { url: plain } = await begin(world, { scope: '', authorizationUrl: `${authorizationUrl}?locale=sv` });
      equal([plain.searchParams.has('scope'), plain.searchParams.get('locale')], [false, 'sv']);
    }),

  'the token is adopted with its expiry, and nothing stays in the address': async (world) =>
    inPage(world.url, async ({ comeBack, hash }) => {
      const { client, signIn, fragment, stored } = await begin(world);
      comeBack(fragment({ token_type: 'Bearer', refresh_token: 'a04849e10a9e4205b1750225e901d699' }));
      const completed = signIn.complete();
      equal(hash(), '', 'fragment, at once');
      equal([await completed, client.accessToken], [true, '2YotnFZFEjr1zCsicMWpAA']);
      equal(
        [...stored.items.values()].some((text) => text.includes('a04849e1')),
        false,
        'refresh token stored',
      );
      await world.advance(7_199_999);
      equal(await client.refreshAccessTokenIfNeeded(), '2YotnFZFEjr1zCsicMWpAA');
      await world.advance(1);
      equal((await failure(client.fetch('/guarded'))) instanceof NoSessionError, true);
      equal(client.sessionState, 'NO_SESSION');
      equal(await signIn.complete(), false);
      equal(await world.backend.requests(), []);
    }),

  'a page that was called up as ever comes from no sign-in': async (world) =>
    inPage(world.url, async ({ comeBack, hash }) => {
      const { client, signIn } = await begin(world);
      for (const fragment of ['', 'chapter-2', 'state=x', 'error=x', 'token_type=bearer']) {
        comeBack(fragment);
        equal([await signIn.complete(), hash()], [false, fragment && `#${fragment}`]);
      }
      equal(await client.ready, 'NO_SESSION');
    }),

  'a fragment that this tab has not asked for is refused by name, and adopts nothing': async (world) =>
    inPage(world.url, async ({ comeBack, hash }) => {
      const hostile: [code: string, change: (fragment: string, state: string) => string][] = [
        ['invalid_state', (fragment) => fragment.replace(/state=[^&]+/, 'state=abcdefgh')],
        ['invalid_state', (fragment) => fragment.replace(/&state=[^&]+/, '')],
        ['invalid_state', (fragment) => fragment.replace(/state=[^&]+/, 'state=')],
        ['invalid_state', (fragment) => fragment.replace(/state=[^&]+/, 'state=null')],
        ['invalid_state', (fragment) => fragment.replace(/state=[^&]+/, 'state=undefined')],
        ['invalid_state', (fragment, state) => `${fragment}&state=${state}`],
        ['invalid_state', (fragment) => `${fragment}&access_token=another`],
        ['invalid_state', (fragment) => `access_token=another&${fragment}`],
        ['invalid_state', (fragment) => `${fragment}&expires_in=1`],
        ['invalid_state', () => 'error=access_denied&state=abcdefgh'],
        ['access_denied', (_fragment, state) => `error=access_denied&state=${state}`],
        ['access_denied', (fragment) => `${fragment}&error=access_denied`],
        ['other', (_fragment, state) => `error=%3Cscript%3E&state=${state}`],
        ['invalid_response', (fragment) => fragment.replace('token_type=bearer', 'token_type=mac')],
        ['invalid_response', (fragment) => fragment.replace('&token_type=bearer', '')],
        ['invalid_response', (fragment) => fragment.replace(/access_token=[^&]+/, 'access_token=')],
        ['invalid_response', (fragment) => fragment.replace(/access_token=[^&]+/, 'access_token=a%0d%0aX:%20y')],
        ['invalid_response', (fragment) => fragment.replace(/access_token=[^&]+/, 'access_token=a%20b')],
        ['invalid_response', (fragment) => fragment.replace(/access_token=[^&]+/, `access_token=${'x'.repeat(8_193)}`)],
        ['invalid_response', (fragment) => fragment.replace('7200', '-1')],
        ['invalid_response', (fragment) => fragment.replace('7200', '0')],
        ['invalid_response', (fragment) => fragment.replace('7200', 'soon')],
        ['invalid_response', (fragment) => fragment.replace('7200', '1e9')],
        ['invalid_response', (fragment) => fragment.replace('7200', '9999999999')],
      ];
      for (const [code, change] of hostile) {
        const { client, signIn, fragment, state, states } = await begin(world);
        await client.login('code-of-ravi');
        const changed = change(fragment(), state);
        comeBack(changed);
        const error = await failure(signIn.complete());
        equal([error instanceof RequestRefusedError, error['errorCode'], hash()], [true, code, ''], changed);
        equal([client.accessToken?.startsWith('token-ravi'), [...states.items]], [true, []], changed);
        // The state has served, also for the genuine answer.
        comeBack(fragment());
        equal((await failure(signIn.complete()))['errorCode'], 'invalid_state');
      }
    }),

  'a state serves once, for ten minutes, and for the newest sign-in of the tab': async (world) =>
    inPage(world.url, async ({ comeBack }) => {
      const { signIn, fragment } = await begin(world);
      comeBack(fragment());
      equal(await signIn.complete(), true);
      comeBack(fragment());
      equal((await failure(signIn.complete()))['errorCode'], 'invalid_state');
      const late = await begin(world);
      await world.advance(600_000);
      comeBack(late.fragment());
      equal((await failure(late.signIn.complete()))['errorCode'], 'invalid_state');
      const twice = await begin(world);
      await twice.signIn.url();
      comeBack(twice.fragment());
      equal((await failure(twice.signIn.complete()))['errorCode'], 'invalid_state');
    }),

  'without an expiry the token is used until it is refused': async (world) =>
    inPage(world.url, async ({ comeBack }) => {
      const { client, signIn, fragment } = await begin(world);
      comeBack(fragment().replace('expires_in=7200&', ''));
      equal(await signIn.complete(), true);
      await world.advance(100_000_000);
      equal(await client.refreshAccessTokenIfNeeded(), '2YotnFZFEjr1zCsicMWpAA');
    }),

  'addresses that anyone on the way can read are refused': async (world) =>
    inPage(world.url, async () => {
      const client = world.client();
      const wrong = [
        'http://accounts.example/authorize',
        'http://localhost.evil.example/',
        'http://127.0.0.1.evil.example/',
        'http://127.0.0.1@evil.example/',
        '//accounts.example',
        'javascript:alert(1)',
        '',
      ];
      for (const address of wrong) {
        for (const name of ['authorizationUrl', 'redirectUri']) {
          const make = async () => implicitSignIn(client, { ...page, [name]: address });
          equal((await failure(make())).name, 'TypeError', address);
        }
      }
      implicitSignIn(client, { ...page, authorizationUrl: 'http://127.0.0.1:8080/authorize' });
    }),
};

import { RedirectRefusedError } from 'nowgg-auth-client';
import { equal, failure, type Facts } from '../support/facts.js';
import type { World } from '../support/world.js';

const credentials = async (world: World) =>
  (await world.other.requests()).map(({ authorization }) => authorization ?? 'none');

const redirectTo = (target: string, status = 302) => `/redirect?status=${status}&to=${encodeURIComponent(target)}`;

export const origins: Facts = {
  'the token goes to no other origin, however it is written': async (world) => {
    const { fetch } = await world.signedIn();
    const { host } = new URL(world.otherUrl);
    await fetch(`${world.otherUrl}/public`);
    await fetch(`//${host}/public`);
    await fetch(`${world.url}/../../../../${host}/public`);
    await fetch(`\\\\${host}\\public`);
    await fetch(new URL(`${world.otherUrl}/public`));
    await fetch(new Request(`${world.otherUrl}/public`));
    equal(await credentials(world), ['none', 'none', 'none', 'none', 'none']);
  },

  'a foreign 401 refreshes nothing': async (world) => {
    const { fetch } = await world.signedIn();
    equal((await fetch(`${world.otherUrl}/guarded`)).status, 401);
    equal([await world.refreshCount(), await credentials(world)], [0, ['none']]);
  },

  'the token goes to the origins that are named, and to no other': async (world) => {
    const client = await world.signedIn({ allowedOrigins: [world.otherUrl] });
    await client.fetch(`${world.otherUrl}/public`);
    await client.fetch('/public');
    equal(await credentials(world), ['Bearer token-asha.1']);
    equal((await world.backend.requests('/public'))[0]?.authorization, undefined);
  },

  'a redirect of a request with a token is not followed, neither away nor home': async (world) => {
    const { fetch } = await world.signedIn();
    const home = { method: 'POST', body: 'move 7' };
    for (const status of [301, 302, 303, 307, 308]) {
      for (const target of [`${world.otherUrl}/public`, `${world.url}/public`]) {
        const address = redirectTo(target, status);
        equal((await failure(fetch(address))) instanceof RedirectRefusedError, true);
        equal((await failure(fetch(address, home))) instanceof RedirectRefusedError, true);
        equal((await failure(fetch(new Request(world.url + address)))) instanceof RedirectRefusedError, true);
      }
    }
    equal([await credentials(world), await world.backend.requests('/public')], [[], []]);
  },

  'a redirect that the caller asks to see is shown, one that is forbidden fails': async (world) => {
    const { fetch } = await world.signedIn();
    const shown = await fetch(redirectTo(`${world.otherUrl}/public`), { redirect: 'manual' });
    equal(shown.type === 'opaqueredirect' || shown.status === 302, true);
    const error = await failure(fetch(redirectTo(`${world.otherUrl}/public`), { redirect: 'error' }));
    equal([error.name, await credentials(world)], ['TypeError', []]);
  },

  'a redirect of a request without a token is followed without one': async (world) => {
    const { fetch } = await world.signedIn();
    const address = redirectTo(`${world.url}/public`);
    equal((await fetch(world.otherUrl + address)).status, 200);
    equal((await world.backend.requests('/public'))[0]?.authorization, undefined);
    const anonymous = world.client();
    equal((await anonymous.fetch(redirectTo(`${world.otherUrl}/public`))).status, 200);
  },

  'the session follows no redirect': async (world) => {
    const client = world.client();
    for (const status of [302, 307]) {
      const headers = { location: `${world.otherUrl}/auth/login` };
      await world.backend.fault({ path: '/auth/login', status, headers });
      equal((await failure(client.login('code-of-asha'))).name, 'SessionUnavailableError');
    }
    equal(await world.other.requests(), []);
  },
};

import { keyBinding } from '../client/binding.js';
import { configure } from '../client/index.js';

const callbackPath = '/auth/web/callback';

/**
 * The session client, with one addition: a web player's code is one for the callback route, which answers as the
 * sign-in route does. What that route has to see of the browser is the cookie with which the sign-in was begun.
 */
export const auth = configure({
  baseUrl: '/',
  storage: 'localStorage',
  // A copy of the storage is of no use in another browser. Where this one makes no key, the session is not bound.
  binding: keyBinding(),
  // For a look at the sample in a local network. A real game has https, and leaves this out.
  allowInsecure: location.protocol === 'http:',
  fetch: (address, init) => {
    const isSignIn = new URL(address, location.href).pathname === '/auth/login';
    const { provider, code } = isSignIn ? JSON.parse(init.body) : {};
    if (provider !== 'web') return fetch(address, init);
    const { signal } = init;
    return fetch(`${callbackPath}${code}`, { signal, credentials: 'same-origin', redirect: 'error' });
  },
});

/**
 * Opens the emulator's sign-in page in a window of its own.
 * @returns the code; undefined when the person has cancelled; null when the browser opens no window
 */
export function codeFromPopup({ nowggSignInUrl, nowggClientId }) {
  const state = crypto.randomUUID();
  const query = new URLSearchParams({ mode: 'popup', origin: location.origin, client_id: nowggClientId, state });
  const popup = open(`${nowggSignInUrl}?${query}`, 'nowgg-sign-in', 'popup,width=480,height=720');
  if (!popup) return Promise.resolve(null);
  return new Promise((resolve) => {
    const stop = new AbortController();
    const finish = (code) => {
      stop.abort();
      clearInterval(watch);
      resolve(code);
    };
    const watch = setInterval(() => popup.closed && finish(undefined), 500);
    const onMessage = ({ source, origin, data }) => {
      if (source !== popup || origin !== new URL(nowggSignInUrl).origin || data?.state !== state) return;
      if (data.type === 'nowgg-emulator:code') finish(String(data.code));
      if (data.type === 'nowgg-emulator:cancelled') finish(undefined);
    };
    addEventListener('message', onMessage, { signal: stop.signal });
  });
}

/** Leaves for the emulator's sign-in page, which comes back to this one. */
export function leaveForNowgg({ nowggSignInUrl, nowggClientId, publicUrl }) {
  const state = crypto.randomUUID();
  sessionStorage.setItem('nowgg-state', state);
  const back = `${publicUrl}/sign-in/nowgg`;
  const query = new URLSearchParams({ client_id: nowggClientId, redirect_uri: back, state });
  location.assign(`${nowggSignInUrl}?${query}`);
}

/** Leaves for the OpenID provider of web players. */
export function leaveForWeb() {
  location.assign('/auth/web/authorize');
}

/**
 * What a sign-in has come back with, taken out of the address at once.
 * @returns `{ provider, code }`, `{ refused: true }`, or undefined when the page was opened in another way
 */
export function takeReturnedSignIn() {
  const { pathname, search } = location;
  const query = new URLSearchParams(search);
  if (!pathname.startsWith('/sign-in/')) return undefined;
  history.replaceState(null, '', '/');
  // The callback route checks state and issuer; it wants the query as a whole.
  if (pathname === '/sign-in/web') return query.has('error') ? { refused: true } : { provider: 'web', code: search };
  const state = sessionStorage.getItem('nowgg-state');
  sessionStorage.removeItem('nowgg-state');
  const isOurs = state !== null && query.get('state') === state;
  return isOurs && query.has('code') ? { provider: 'nowgg', code: query.get('code') } : { refused: true };
}

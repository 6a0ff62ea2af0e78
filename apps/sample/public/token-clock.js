import { byId } from './dom.js';
import { log } from './messages.js';
import { auth } from './session.js';

let shownToken;
let renewals = 0;

/** Shows how long the token still lives, and when it was renewed. For show only: the backend decides. */
export function showToken() {
  const token = auth.accessToken;
  if (token === undefined) {
    shownToken = undefined;
    renewals = 0;
    return;
  }
  const { iat, exp } = claimsOf(token);
  if (shownToken !== undefined && shownToken !== token) {
    renewals += 1;
    log('The token was renewed.');
  }
  shownToken = token;
  const lifeSeconds = Math.max(exp - iat, 1);
  const leftSeconds = Math.max(exp - Date.now() / 1000, 0);
  const meter = byId('token-meter');
  meter.max = lifeSeconds;
  meter.value = leftSeconds;
  byId('token-left').textContent = leftSeconds > 0 ? `${inWords(leftSeconds)} left` : 'expired';
  const times = renewals === 0 ? 'not yet renewed' : `renewed ${renewals === 1 ? 'once' : `${renewals} times`}`;
  byId('token-facts').textContent =
    `Lives ${inWords(lifeSeconds)}, issued at ${new Date(iat * 1000).toLocaleTimeString('en-GB')}, ${times} here. ` +
    'The next one is fetched at 90 % of its life.';
}

function claimsOf(token) {
  try {
    const bytes = Uint8Array.from(atob(token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/')), (c) =>
      c.charCodeAt(0),
    );
    const { iat, exp } = JSON.parse(new TextDecoder().decode(bytes));
    return { iat: Number(iat), exp: Number(exp) };
  } catch {
    return { iat: 0, exp: 0 };
  }
}

function inWords(seconds) {
  const whole = Math.ceil(seconds);
  return whole < 120 ? `${whole} s` : `${Math.ceil(whole / 60)} min`;
}

import { CallFailure, call } from './calls.js';
import { byId, fillFacts } from './dom.js';

const systems = { nowgg: 'now.gg', web: 'the OpenID provider' };

/** The player's card, from `GET /me`. */
export function showPlayer({ provider, userId, displayName, countryCode, coins }) {
  byId('player-name').textContent = displayName ?? 'Player without a name';
  fillFacts(byId('player-facts'), {
    Coins: coins,
    'Signed in at': systems[provider] ?? provider,
    'User id': userId,
    Country: countryCode,
  });
}

/** What only now.gg knows, for its own players. */
export async function showAccount({ provider }) {
  const isNowgg = provider === 'nowgg';
  byId('device-note').textContent = isNowgg
    ? 'What now.gg knows, asked for with this player’s token.'
    : 'now.gg knows nothing of web players: these routes are not for their tokens.';
  fillFacts(byId('device-facts'), {});
  if (!isNowgg) return;
  const [profile, session] = await Promise.all([call('GET', '/me/profile'), call('GET', '/me/session')]);
  if (profile instanceof CallFailure || session instanceof CallFailure) return;
  const { deviceData: { os, device } = {} } = session;
  fillFacts(byId('device-facts'), {
    Name: profile.name,
    Email: profile.email,
    Place: [profile.city, profile.countryCode].filter(Boolean).join(', '),
    Device: [device?.brand, device?.model].filter(Boolean).join(' '),
    System: [os?.name, os?.version].filter(Boolean).join(' '),
    Package: session.packageName,
  });
}

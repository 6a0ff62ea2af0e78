import { developmentHeaders, forgetDevelopmentKey, hasDevelopmentKey } from './development.js';
import { byId, listen, make, onPress } from './dom.js';

const refreshMs = 2_000;
const systems = { nowgg: 'now.gg', web: 'OpenID provider' };

function say(region, kind, text) {
  byId(region).replaceChildren(...(text ? [make('p', { class: `banner ${kind}` }, text)] : []));
}

let shown = '';
/** How much was asked for here, and how much of it was answered: while they differ, what is shown may be old. */
let asked = 0;
let answered = 0;

async function post(path, body) {
  asked += 1;
  const headers = { 'content-type': 'application/json', ...developmentHeaders() };
  const response = await fetch(`/development/${path}`, { method: 'POST', headers, body: JSON.stringify(body) }).catch(
    () => undefined,
  );
  answered += 1;
  // A switch that was set in vain is put back.
  if (!response?.ok) shown = '';
  say('alerts', 'error', response?.ok ? '' : 'That did not work: the backend said no, or nothing.');
  return response?.ok ?? false;
}

function action(text, label, path, player, done) {
  const button = make('button', { type: 'button', 'aria-label': `${text}: ${label}` }, text);
  onPress(button, async () => {
    const { provider, userId } = player;
    if (await post(path, { provider, userId })) say('notices', 'good', `${label} ${done}`);
    await show();
  });
  return button;
}

function rowOf(player) {
  const { provider, userId, displayName, isRefused } = player;
  const label = displayName ?? userId;
  const state = make('span', { class: isRefused ? 'tag bad' : 'tag' }, isRefused ? 'refused' : 'plays');
  const actions = isRefused
    ? [action('Forgive', label, 'forgive', player, 'may play again.')]
    : [
        action('Ban for an hour', label, 'ban', player, 'is banned for an hour.'),
        action('Sign out everywhere', label, 'sign-out', player, 'was signed out everywhere.'),
      ];
  const who = make('th', { scope: 'row' }, make('b', {}, label), make('small', {}, userId));
  const system = make('td', {}, systems[provider] ?? provider);
  return make(
    'tr',
    {},
    who,
    system,
    make('td', {}, state),
    make('td', {}, make('div', { class: 'buttons' }, ...actions)),
  );
}

let shownLife = byId('life').value;

/** Text that was typed or selected stays. */
function showLife(life) {
  const field = byId('life');
  if (field.value === shownLife && field !== document.activeElement) field.value = life;
  if (field.value === life) shownLife = life;
}

async function show() {
  if (!hasDevelopmentKey())
    return say('alerts', 'error', 'Open the address for browsers that was printed at the start.');
  const before = asked;
  const response = await fetch('/development/desk', { headers: developmentHeaders() }).catch(() => undefined);
  if (response?.status === 403) forgetDevelopmentKey();
  if (!response?.ok) return;
  const text = await response.text();
  // From before something was done here: it would put back what was just set.
  if (asked !== before || answered !== asked) return;
  // A table that is built anew would take the focus away from its buttons.
  if (text === shown) return;
  shown = text;
  const { isOutage, tokenLifeSeconds, players } = JSON.parse(text);
  byId('outage').checked = isOutage;
  showLife(String(tokenLifeSeconds));
  byId('no-players').hidden = players.length > 0;
  byId('players').hidden = players.length === 0;
  const focused = document.activeElement?.getAttribute('aria-label');
  const body = byId('players').querySelector('tbody');
  body.replaceChildren(...players.map(rowOf));
  const again = [...body.querySelectorAll('button')].find((button) => button.getAttribute('aria-label') === focused);
  again?.focus();
}

listen(byId('outage'), 'change', async ({ target }) => {
  if (await post('outage', { isOutage: target.checked })) {
    say('notices', 'good', target.checked ? 'now.gg is down.' : 'now.gg answers again.');
  }
});
listen(byId('life-form'), 'submit', async (event) => {
  event.preventDefault();
  const seconds = Number(byId('life').value);
  if (await post('token-life', { seconds })) say('notices', 'good', `New tokens live ${seconds} seconds.`);
});

for (;;) {
  if (!document.hidden) await show();
  await new Promise((resolve) => setTimeout(resolve, refreshMs));
}

import { control } from './control.js';
import { byId, make, setText, showList } from './dom.js';
import { initials, plural, tint } from './format.js';

/** @typedef {{ userId: string, name: string, email: string, countryCode: string, banned: boolean }} Player */

/** @param {Player} player */
export function playerFace({ userId, name, countryCode }) {
  return [
    make('span', { class: 'avatar', 'data-tint': tint(userId), 'aria-hidden': 'true' }, initials(name)),
    make(
      'span',
      { class: 'who' },
      make('b', { dir: 'auto' }, name),
      make('small', { class: 'muted' }, `${userId} · ${countryCode}`),
    ),
  ];
}

/** @param {(task: () => Promise<unknown>, told: string) => void} act */
export function playerPanel(act) {
  const create = (/** @type {Player} */ player) => {
    const { userId, name } = player;
    const end = make(
      'button',
      { type: 'button', class: 'button small', 'aria-label': `End all sessions of ${name}` },
      'Sign out',
    );
    const ban = make('button', { type: 'button', class: 'button small danger' });
    end.addEventListener('click', () =>
      act(() => control('POST', 'revoke', { userId }), `${name}: all codes and tokens are revoked`),
    );
    ban.addEventListener('click', () => {
      const banned = ban.dataset.banned !== 'true';
      act(() => control('POST', 'ban', { userId, banned }), banned ? `${name} is banned` : `${name} may sign in again`);
    });
    const code = make(
      'a',
      { class: 'button small', href: `/sign-in?${new URLSearchParams({ login_hint: userId })}` },
      'Get a code',
    );
    code.setAttribute('aria-label', `Get a code for ${name}`);
    return make('li', {}, ...playerFace(player), make('span', { class: 'actions' }, code, end, ban));
  };

  /** @param {{ players: Player[], playerCount: number }} state */
  return ({ players, playerCount }) => {
    setText(byId('players-count'), plural(playerCount, 'player'));
    showList(
      byId('players'),
      players,
      ({ userId }) => userId,
      create,
      (row, { name, banned }) => {
        const ban = /** @type {HTMLElement} */ (row.querySelector('.danger'));
        ban.dataset.banned = String(banned);
        setText(ban, banned ? 'Lift ban' : 'Ban');
        ban.setAttribute('aria-label', banned ? `Lift the ban of ${name}` : `Ban ${name}`);
        row.classList.toggle('banned', banned);
      },
    );
  };
}

import { nowOf } from './clock-panel.js';
import { control } from './control.js';
import { byId, make, setText, setVisible, showList } from './dom.js';
import { duration } from './format.js';

/**
 * @typedef {{ id: string, kind: string, userId: string, sessionId?: string, issuedAtMs: number, expiresAtMs: number,
 *   state: 'active' | 'expired' | 'used' | 'revoked' }} Issued
 */

const names = /** @type {Record<string, string>} */ ({
  code: 'code',
  token: 'token',
  id_token: 'id_token',
  refresh_token: 'refresh token',
});
const tones = { active: 'good', expired: 'warn', used: 'neutral', revoked: 'bad' };

/** @param {(task: () => Promise<unknown>, told: string) => void} act */
export function issuedPanel(act) {
  const create = (/** @type {Issued} */ { id, kind, userId, sessionId }) => {
    const name = names[kind] ?? kind;
    const button = make('button', { type: 'button', class: 'button small' }, 'Revoke');
    button.setAttribute('aria-label', `Revoke ${name} ${id} of ${userId}`);
    button.addEventListener('click', () =>
      act(() => control('POST', 'revoke', { issuedId: id }), `The ${name} ${id} is revoked`),
    );
    const session = sessionId === undefined ? '' : `session ${sessionId.slice(0, 8)}`;
    return make(
      'tr',
      {},
      make('th', { scope: 'row' }, name),
      make('td', {}, make('span', { class: 'clip' }, userId), make('small', { class: 'muted detail' }, session)),
      make('td', {}, make('span', { class: 'pill' }), make('small', { class: 'muted detail' })),
      make('td', { class: 'wide' }, make('code', {}, id)),
      make('td', { class: 'number' }, button),
    );
  };

  /** @param {{ issued: Issued[], clock: { shiftMs: number, frozenAtMs?: number } }} state */
  return ({ issued, clock }) => {
    const now = nowOf(clock);
    setVisible(byId('issued-empty'), issued.length === 0);
    setText(byId('issued-count'), `${issued.filter(({ state }) => state === 'active').length} active`);
    showList(
      byId('issued'),
      issued.toReversed(),
      ({ id }) => id,
      create,
      (row, { state, expiresAtMs }) => {
        const left = expiresAtMs - now;
        const shown = state === 'active' && left <= 0 ? 'expired' : state;
        const pill = row.querySelector('.pill');
        const life = row.querySelectorAll('.detail')[1];
        pill?.setAttribute('data-tone', tones[shown]);
        if (pill) setText(pill, shown);
        if (life)
          setText(
            life,
            shown === 'active' ? `${duration(left)} left` : shown === 'expired' ? `${duration(left)} ago` : '',
          );
        const button = row.querySelector('button');
        if (button) setVisible(button, shown === 'active');
      },
    );
  };
}

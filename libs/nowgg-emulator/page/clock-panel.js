import { control } from './control.js';
import { byId, setText } from './dom.js';
import { day, duration, timeOfDay } from './format.js';

/** Below this the shift is the time that a request took. */
const noShiftMs = 1_500;

/** @param {{ shiftMs: number, frozenAtMs?: number }} clock @returns epoch milliseconds, as the emulator sees them */
export const nowOf = ({ shiftMs, frozenAtMs }) => frozenAtMs ?? Date.now() + shiftMs;

/** @param {(task: () => Promise<unknown>, told: string) => void} act */
export function clockPanel(act) {
  const freeze = byId('clock-freeze');
  const form = /** @type {HTMLFormElement} */ (byId('life-form'));
  const seconds = /** @type {HTMLInputElement} */ (form.elements.namedItem('seconds'));
  const setLife = (/** @type {number} */ life) =>
    act(() => control('POST', 'token-life', { seconds: life }), `New tokens live for ${duration(life * 1000)}`);

  for (const button of document.querySelectorAll('[data-advance]')) {
    const advanceMs = Number(button.getAttribute('data-advance'));
    button.addEventListener('click', () =>
      act(() => control('POST', 'clock', { advanceMs }), `The clock is ${duration(advanceMs)} further`),
    );
  }
  freeze.addEventListener('click', () => {
    const frozen = freeze.getAttribute('aria-pressed') !== 'true';
    act(() => control('POST', 'clock', { frozen }), frozen ? 'The clock stands still' : 'The clock runs');
  });
  byId('clock-now').addEventListener('click', () =>
    act(() => control('POST', 'clock', { epochMs: Date.now() }), 'The clock shows the time of this machine'),
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    setLife(seconds.valueAsNumber);
  });
  for (const button of document.querySelectorAll('[data-life]')) {
    button.addEventListener('click', () => {
      // What was typed and not set is given up.
      seconds.value = shownLife;
      setLife(Number(button.getAttribute('data-life')));
    });
  }

  /** What the page last wrote into the field. */
  let shownLife = seconds.value;
  /** @param {{ clock: { shiftMs: number, frozenAtMs?: number }, tokenLifetimeSeconds: number }} state */
  return ({ clock, tokenLifetimeSeconds }) => {
    const now = nowOf(clock);
    const shift = now - Date.now();
    const frozen = clock.frozenAtMs !== undefined;
    setText(byId('clock-time'), timeOfDay(now));
    setText(byId('clock-date'), day(now));
    freeze.setAttribute('aria-pressed', String(frozen));
    const moved = Math.abs(shift) > noShiftMs && `${duration(shift)} ${shift > 0 ? 'ahead' : 'behind'}`;
    const pill = byId('clock-shift');
    pill.dataset.tone = frozen || moved ? 'warn' : 'neutral';
    setText(pill, frozen ? 'frozen' : moved || 'real time');
    const life = String(tokenLifetimeSeconds);
    // Text that was typed or selected stays, even when the setting changes meanwhile.
    if (seconds.value === shownLife && seconds !== document.activeElement) seconds.value = life;
    if (seconds.value === life) shownLife = life;
  };
}

import { clockPanel } from './clock-panel.js';
import { follow } from './connection.js';
import { control } from './control.js';
import { byId, notify, setText } from './dom.js';
import { faultPanel } from './fault-panel.js';
import { issuedPanel } from './issued-panel.js';
import { playerPanel } from './player-panel.js';
import { requestPanel } from './request-panel.js';

const statusTexts = { live: 'live', lost: 'no answer, trying again', paused: 'paused' };
const statusTones = { live: 'good', lost: 'bad', paused: 'neutral' };

/** @type {any} */
let state;

/** What the page shows follows from the state that comes back; this is only about telling. */
const act = (/** @type {() => Promise<unknown>} */ task, /** @type {string} */ told) => {
  task().then(
    () => notify(told),
    (/** @type {Error} */ error) => {
      notify(error.message, 'bad');
      show();
    },
  );
};

const panels = [faultPanel(act), clockPanel(act), playerPanel(act), requestPanel(), issuedPanel(act)];

function show() {
  if (state !== undefined) for (const panel of panels) panel(state);
}

function prepareReset() {
  const dialog = /** @type {HTMLDialogElement} */ (byId('reset-dialog'));
  byId('reset').addEventListener('click', () => dialog.showModal());
  for (const button of dialog.querySelectorAll('button')) {
    button.addEventListener('click', () => {
      dialog.close();
      if (button.value === 'reset') act(() => control('POST', 'reset'), 'Everything is as at the start');
    });
  }
}

setText(byId('address'), location.origin);
for (const place of document.querySelectorAll('.here')) setText(place, location.origin);
prepareReset();
follow(
  (next) => {
    if (state !== undefined && state.run !== next.run) notify('The emulator has started anew');
    state = next;
    show();
  },
  (status) => {
    const pill = byId('connection');
    pill.dataset.tone = statusTones[status];
    setText(pill, statusTexts[status]);
    document.body.classList.toggle('stale', status === 'lost');
  },
);
// Expiries and the clock move on by themselves.
setInterval(() => {
  if (!document.hidden) show();
}, 1_000);

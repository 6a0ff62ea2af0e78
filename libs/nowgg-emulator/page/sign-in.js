import { control } from './control.js';
import { byId, make, notify, setText, textOf } from './dom.js';
import { playerFace } from './player-panel.js';

const query = location.search;
/** Names of the sentences about where the code goes. */
const purposes = {
  popup: (/** @type {string} */ clientId, /** @type {string} */ to) =>
    `The page at ${to} gets a one-time code for ${clientId}.`,
  redirect: (/** @type {string} */ clientId, /** @type {string} */ to) =>
    `You go back to ${to} with a one-time code for ${clientId}.`,
  copy: (/** @type {string} */ clientId) => `You get a one-time code for ${clientId}, to paste where it is needed.`,
};

/** @param {string} title @param {string} text */
function showResult(title, text) {
  byId('choice').hidden = true;
  byId('result').hidden = false;
  setText(byId('result-title'), title);
  setText(byId('result-text'), text);
  byId('result-title').focus();
}

/** @param {string} code @param {string} title @param {string} text */
function showCode(code, title, text) {
  byId('code-block').hidden = false;
  setText(byId('code'), code);
  showResult(title, text);
}

/** @param {{ kind: string, origin?: string, message?: { code?: string }, to?: string, code?: string }} step */
function carryOut(step, who = '') {
  if (step.kind === 'redirect' && step.to !== undefined) return location.replace(step.to);
  if (step.kind === 'message' && step.origin !== undefined) return sendToOpener(step.origin, step.message ?? {}, who);
  if (step.code === undefined) return showResult('Cancelled', 'Nobody was signed in.');
  showCode(step.code, `A code for ${who}`, 'It works once, and for a few minutes.');
}

/** @param {string} origin @param {{ code?: string }} message @param {string} who */
function sendToOpener(origin, message, who) {
  if (!window.opener) {
    if (message.code === undefined) return showResult('Cancelled', 'The page that opened this window is gone.');
    return showCode(
      message.code,
      `A code for ${who}`,
      'The page that opened this window is gone, so here is the code.',
    );
  }
  // The browser delivers it to a page of exactly this origin and to no other.
  window.opener.postMessage(message, origin);
  showResult(message.code === undefined ? 'Cancelled' : 'Signed in', 'This window can be closed.');
  window.close();
}

let busy = false;

/** One at a time: a second click must not spend a second code. @param {() => Promise<void>} task */
function once(task) {
  if (busy) return;
  busy = true;
  setText(byId('problem'), '');
  task()
    .catch((/** @type {Error} */ error) => setText(byId('problem'), error.message))
    .finally(() => {
      busy = false;
    });
}

/** @param {{ userId: string, name: string }} player */
const signIn = ({ userId, name }) =>
  once(async () => carryOut(await control('POST', 'sign-ins', { query, userId }), name));

/** @param {import('./player-panel.js').Player[]} players @param {string} [preferred] */
function showPlayers(players, preferred) {
  const list = byId('players');
  list.replaceChildren();
  for (const player of players) {
    const { userId, banned } = player;
    const button = /** @type {HTMLButtonElement} */ (
      make('button', { type: 'button', class: 'choice', disabled: banned }, ...playerFace(player))
    );
    if (banned) button.append(make('span', { class: 'pill', 'data-tone': 'bad' }, 'banned'));
    button.addEventListener('click', () => signIn(player));
    list.append(make('li', {}, button));
    if (userId === preferred) {
      button.classList.add('preferred');
      button.focus();
    }
  }
}

function prepareForm() {
  const form = /** @type {HTMLFormElement} */ (byId('create-form'));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    once(async () => {
      const given = [...new FormData(form)]
        .map(([name, value]) => [name, textOf(value)])
        .filter(([, value]) => value !== '');
      const player = Object.fromEntries(given);
      if (player.countryCode) player.countryCode = player.countryCode.toUpperCase();
      const { userId, name } = await control('POST', 'players', player);
      form.reset();
      carryOut(await control('POST', 'sign-ins', { query, userId }), name);
    });
  });
}

function prepareButtons() {
  byId('cancel').addEventListener('click', () =>
    once(async () => carryOut(await control('POST', 'sign-ins/cancel', { query }))),
  );
  byId('again').addEventListener('click', () =>
    once(async () => {
      showPlayers((await control('POST', 'sign-ins/describe', { query })).players);
      byId('code-block').hidden = true;
      byId('result').hidden = true;
      byId('choice').hidden = false;
      byId('choice-title').focus();
    }),
  );
  byId('copy').addEventListener('click', () => {
    navigator.clipboard.writeText(byId('code').textContent ?? '').then(
      () => notify('Copied'),
      () => {
        getSelection()?.selectAllChildren(byId('code'));
        notify('The browser does not permit copying: the code is selected instead', 'bad');
      },
    );
  });
}

once(async () => {
  const { refusal, clientId, kind, to, loginHint, players } = await control('POST', 'sign-ins/describe', { query });
  if (refusal !== undefined)
    return showResult('No code for this page', `The sign-in was asked for wrongly: ${refusal}.`);
  setText(byId('purpose'), purposes[/** @type {keyof typeof purposes} */ (kind)](clientId, to));
  byId('cancel').hidden = kind === 'copy';
  prepareForm();
  prepareButtons();
  byId('choice').hidden = false;
  showPlayers(players, loginHint);
});

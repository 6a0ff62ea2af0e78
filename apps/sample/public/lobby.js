import { socketAuth } from '../client/sockets.js';
import { byId, listen, make } from './dom.js';
import { banSentence, log } from './messages.js';
import { auth } from './session.js';
import { io } from './socket.io.js';

const shownLines = 20;
const lingerMs = 5_000;
/** What a person can do about the end of their place in the lobby. Other ends come back by themselves. */
const ends = {
  user_banned: banSentence,
  revoked_token: () => 'Your session was ended.',
  signed_in_elsewhere: () => 'You have signed in on another device.',
  invalid_token: () => 'now.gg does not know your sign-in any more.',
  missing_token: () => 'Sign in to come back.',
  insufficient_scope: () => 'Your sign-in does not cover the lobby.',
};

let socket;
/** Aborted when this page leaves the lobby, so that no attempt to come back outlasts it. */
let stay;

/** Joins the lobby as the player of this session. The session client gives each connection a fresh token. */
export function joinLobby() {
  if (socket) return;
  byId('lobby').hidden = false;
  byId('lobby-form').hidden = false;
  byId('lobby-end').hidden = true;
  byId('lobby-lines').replaceChildren();
  byId('lobby-names').textContent = 'Joining …';
  stay = new AbortController();
  socket = io({ path: '/lobby', transports: ['websocket'], ...socketAuth(auth, { signal: stay.signal }) });
  socket.on('presence', ({ names }) => {
    byId('lobby-names').textContent = `Here: ${names.join(', ')}`;
  });
  socket.on('line', ({ name, text }) => {
    byId('lobby-lines').append(make('li', {}, make('b', {}, name), make('span', {}, text)));
    while (byId('lobby-lines').children.length > shownLines) byId('lobby-lines').firstElementChild.remove();
  });
  socket.on('nowgg:end', showEnd);
  socket.on('connect_error', ({ data }) => showEnd(data ?? {}));
}

/** Leaves for a reason that the person knows: they have signed out, or another player has signed in. */
export function leaveLobby() {
  disconnect();
  byId('lobby').hidden = true;
}

/** The backend has ended the session: leaves after the time in which the server tells why, if it does. */
export function lingerInLobby() {
  const left = socket;
  setTimeout(() => {
    if (socket !== left) return;
    disconnect();
    byId('lobby').hidden = byId('lobby-end').hidden;
  }, lingerMs);
}

function disconnect() {
  stay?.abort();
  socket?.disconnect();
  socket = undefined;
}

function showEnd(end) {
  const { errorCode } = end;
  if (!Object.hasOwn(ends, errorCode)) {
    byId('lobby-names').textContent = 'Not connected. Trying again …';
    return;
  }
  byId('lobby-names').textContent = '';
  byId('lobby-form').hidden = true;
  byId('lobby-end').hidden = false;
  byId('lobby-end').textContent = `You have left the lobby. ${ends[errorCode](end)} (${errorCode})`;
}

listen(byId('lobby-form'), 'submit', async (event) => {
  event.preventDefault();
  const field = byId('line');
  const text = field.value.trim();
  if (!text || !socket?.connected) return;
  const answer = await socket
    .timeout(5_000)
    .emitWithAck('say', text)
    .catch(() => ({ reason: 'no answer' }));
  if (answer.ok) field.value = '';
  else log(answer.reason === 'too_many_lines' ? 'Not so fast: wait a moment.' : 'The line was not taken.', false);
});

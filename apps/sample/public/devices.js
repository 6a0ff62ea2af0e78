import { CallFailure, call } from './calls.js';
import { byId, make, onPress } from './dom.js';
import { tell } from './messages.js';

/** The player's sessions: this one, and those of other devices with a button that signs each out. */
export async function showDevices() {
  const answer = await call('GET', '/auth/sessions');
  if (answer instanceof CallFailure) return;
  const { sessions } = answer;
  byId('devices').replaceChildren(...sessions.map(deviceItem));
  byId('sign-out-others').hidden = sessions.every(({ current }) => current);
}

function deviceItem({ id, device = 'A device without a name', place, createdAt, current }) {
  const since = new Date(createdAt).toLocaleString();
  const facts = [device, place, `since ${since}`].filter(Boolean).join(' · ');
  if (current) return make('li', {}, make('span', {}, facts), make('span', {}, 'this device'));
  const button = make('button', { type: 'button' }, 'Sign out');
  button.setAttribute('aria-label', `Sign out on ${device}, since ${since}`);
  onPress(button, () => endSession(id, device));
  return make('li', {}, make('span', {}, facts), button);
}

async function endSession(id, device) {
  const answer = await call('DELETE', `/auth/sessions/${encodeURIComponent(id)}`);
  // It may have ended meanwhile: then there is nothing to tell but the new list.
  if (!(answer instanceof CallFailure)) tell(`Signed out on ${device}.`);
  await showDevices();
  byId('devices-title').focus();
}

onPress(byId('sign-out-others'), async () => {
  const answer = await call('DELETE', '/auth/sessions');
  if (!(answer instanceof CallFailure)) tell(`Signed out on ${answer.ended} other device(s).`);
  await showDevices();
  byId('devices-title').focus();
});

import { byId, make } from './dom.js';

const shownLines = 12;

/** Something that went wrong, told at once; stays until it is cleared. */
export function alert(text) {
  const [shown] = byId('alerts').children;
  if (shown?.textContent === text) return;
  byId('alerts').replaceChildren(make('p', { class: 'banner error' }, text));
}

/** A ban as its player is told it: when it ends and why, where the server says so. */
export function banSentence({ text, until }) {
  const end = until === undefined ? '' : ` until ${new Date(until).toLocaleTimeString()}`;
  return `You are banned${end}${text === undefined ? '' : `: ${text}`}.`;
}

export function clearAlert() {
  byId('alerts').replaceChildren();
}

/** Something that went well, told when there is a pause. */
export function tell(text) {
  byId('notices').replaceChildren(make('p', { class: 'banner good' }, text));
}

/** A line of what happened, newest first. */
export function log(text, isGood = true) {
  const time = new Date().toLocaleTimeString('en-GB');
  const line = make('li', { class: isGood ? 'good' : 'bad' }, make('time', {}, time), make('span', {}, text));
  byId('log').prepend(line);
  while (byId('log').children.length > shownLines) byId('log').lastElementChild.remove();
}

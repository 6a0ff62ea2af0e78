import { byId, make } from './dom.js';

const kinds = [
  { key: 'hits', name: 'From memory' },
  { key: 'asks', name: 'Asked or verified anew' },
  { key: 'stale', name: 'From memory, in an outage' },
  { key: 'unanswered', name: 'Not to be had (503)' },
];
const [width, height] = [600, 100];
const namespace = 'http://www.w3.org/2000/svg';

function shape(tag, attributes) {
  const element = document.createElementNS(namespace, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

/** Draws the counters: a bar for each second, its parts from the bottom up in the order of the table. */
export function drawCounters({ seconds, total, calls }) {
  const sums = seconds.map((second) => kinds.reduce((sum, { key }) => sum + second[key], 0));
  const most = Math.max(4, ...sums);
  const step = width / seconds.length;
  byId('chart-most').textContent = `${most} a second`;
  const bars = [];
  for (const [index, second] of seconds.entries()) {
    let y = height;
    for (const { key } of kinds) {
      const size = (second[key] / most) * height;
      y -= size;
      if (size > 0) bars.push(shape('rect', { x: index * step + 1, y, width: step - 2, height: size, class: key }));
    }
  }
  byId('chart').replaceChildren(...bars);

  const minute = Object.fromEntries(
    kinds.map(({ key }) => [key, seconds.reduce((sum, second) => sum + second[key], 0)]),
  );
  byId('chart-summary').textContent =
    `In the last minute: ${kinds.map(({ key, name }) => `${name.toLowerCase()}: ${minute[key]}`).join('; ')}.`;
  byId('counts').replaceChildren(
    ...kinds.map(({ key, name }) =>
      make(
        'tr',
        {},
        make('th', { scope: 'row' }, make('i', { class: `swatch ${key}`, 'aria-hidden': 'true' }), name),
        make('td', {}, minute[key]),
        make('td', {}, total[key]),
      ),
    ),
  );
  const { verifications, refreshes } = calls;
  byId('calls').textContent = `Calls to now.gg since the start: verify-token ${verifications}, refresh ${refreshes}.`;
}

import { byId, make, setText, setVisible, showList } from './dom.js';
import { plural, timeOfDay } from './format.js';

/**
 * @typedef {{ number: number, at: number, method?: string, path?: string, tokenType?: string, grantType?: string,
 *   fault?: string, status?: number, durationMs?: number, cutOff?: true, code?: string }} Call
 */

const successes = new Set(['VERIFICATION_SUCCESS', 'REFRESH_TOKEN TOKEN', 'USERDATA']);

/** @param {Call} call */
function toneOf({ status, code, cutOff, fault }) {
  if (cutOff || fault || (status !== undefined && status >= 500)) return 'bad';
  if (status === undefined) return 'neutral';
  return status === 200 && code !== undefined && successes.has(code) ? 'good' : 'warn';
}

/** @param {Call} call */
function answerOf({ status, cutOff }) {
  if (status !== undefined) return String(status);
  return cutOff ? 'no reply' : 'waiting';
}

/** @param {Call} call */
function detailsOf({ grantType, tokenType }) {
  return grantType ?? tokenType ?? '';
}

function create() {
  const method = make('span', { class: 'method' });
  const call = make('td', {}, method, ' ', make('small', { class: 'muted' }), make('code'));
  const answer = make('td', {}, make('span', { class: 'pill' }), make('small', { class: 'muted detail' }));
  return make('tr', {}, make('td', { class: 'time' }), call, answer, make('td', { class: 'wide number' }));
}

/** @param {Element} row @param {Call} call */
function update(row, call) {
  const [time, what, answer, took] = row.children;
  if (!time || !what || !answer || !took) return;
  setText(time, timeOfDay(call.at));
  const [method, details, path] = what.children;
  if (method && path && details) {
    setText(method, call.method ?? '');
    setText(path, call.path ?? '');
    setText(details, detailsOf(call));
  }
  const [pill, outcome] = answer.children;
  if (pill && outcome) {
    pill.setAttribute('data-tone', toneOf(call));
    setText(pill, answerOf(call));
    setText(outcome, [call.code, call.fault && `fault: ${call.fault}`].filter(Boolean).join(' · '));
  }
  setText(took, call.durationMs === undefined ? '' : `${call.durationMs} ms`);
}

export function requestPanel() {
  /** @param {{ requests: Call[], requestCount: number }} state */
  return ({ requests, requestCount }) => {
    setText(
      byId('requests-count'),
      requestCount > requests.length ? `last ${requests.length} of ${requestCount}` : plural(requestCount, 'request'),
    );
    setVisible(byId('requests-empty'), requestCount === 0);
    showList(byId('requests'), requests.toReversed(), ({ number }) => String(number), create, update);
  };
}

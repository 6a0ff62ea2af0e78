import { control } from './control.js';
import { byId, make, setText, setVisible, showList, textOf } from './dom.js';
import { plural } from './format.js';

const kinds = ['latency', 'hang', 'hold', 'status', 'body', 'reset', 'cut', 'drip', 'rate-limit'];
const endpoints = ['*', 'verify-token', 'token', 'userinfo', 'sessioninfo'];

/** What is most often needed; each stands until it is switched off. */
const switches = [
  { name: 'Out of order', hint: '503, always', fault: { kind: 'status', status: 503 } },
  { name: 'Silent', hint: 'never answers', fault: { kind: 'hang' } },
  { name: 'Cut off', hint: 'drops the line', fault: { kind: 'reset' } },
  { name: 'Rate limit', hint: '429, 5 s pause', fault: { kind: 'rate-limit', retryAfter: 5 } },
  {
    name: 'Nonsense',
    hint: '200 with HTML',
    fault: { kind: 'body', body: '<h1>hotel Wi-Fi</h1>', contentType: 'text/html' },
  },
  { name: 'Reply lost', hint: 'done, not told', fault: { kind: 'reset', when: 'after' } },
  { name: 'Slow', hint: '2 s late', fault: { kind: 'latency', ms: 2000 } },
];

/** How long a switch stays as it was set while the new state is under way. */
const settleMs = 2_000;

/** @typedef {Record<string, string | number | undefined>} Fault */

/** The text of a fault without its count, whatever the order of its fields. @param {Fault} fault */
function keyOf({ count: _count, ...fault }) {
  const named = Object.entries(fault).filter(([name, value]) => !(name === 'endpoint' && value === '*'));
  return JSON.stringify(named.toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

/** @param {Fault} fault */
function describe({ kind, endpoint = '*', grantType, when, count, ...own }) {
  const details = Object.values(own).filter((value) => typeof value !== 'object');
  const calls = count === undefined ? 'until ended' : plural(Number(count), 'call');
  const target = endpoint === '*' ? 'all endpoints' : String(endpoint);
  const order = when === 'after' && 'after the request was carried out';
  return [`${kind} ${details.join(' ')}`.trim(), target, grantType, order, calls].filter(Boolean).join(' · ');
}

/** @param {(task: () => Promise<unknown>, told: string) => void} act */
export function faultPanel(act) {
  const form = /** @type {HTMLFormElement} */ (byId('fault-form'));
  /** Until when a switch that was just set is left alone, epoch milliseconds. @type {Map<HTMLInputElement, number>} */
  const justSet = new Map();
  const inputs = switches.map(({ name, hint, fault }) => {
    const input = /** @type {HTMLInputElement} */ (make('input', { type: 'checkbox', role: 'switch' }));
    input.addEventListener('change', () => {
      const { checked } = input;
      const operation = checked ? 'faults' : 'faults/remove';
      justSet.set(input, Date.now() + settleMs);
      const set = async () => {
        try {
          await control('POST', operation, fault);
        } catch (error) {
          justSet.delete(input);
          throw error;
        }
      };
      act(set, `${name}: ${checked ? 'on' : 'off'}`);
    });
    byId('fault-switches').append(
      make(
        'label',
        { class: 'switch' },
        input,
        make('span', {}, make('b', {}, name), make('small', { class: 'muted' }, hint)),
      ),
    );
    return { input, key: keyOf(fault) };
  });
  prepareForm(form, act);
  byId('faults-clear').addEventListener('click', () => act(() => control('DELETE', 'faults'), 'All faults are ended'));
  byId('faults-release').addEventListener('click', () =>
    act(() => control('POST', 'faults/release'), 'The held calls go on'),
  );

  /** @param {{ faults: Fault[], heldCalls: number }} state */
  return ({ faults, heldCalls }) => {
    const standing = new Set(faults.filter(({ count }) => count === undefined).map(keyOf));
    for (const { input, key } of inputs) {
      const isSettled = input.checked === standing.has(key) || Date.now() >= (justSet.get(input) ?? 0);
      if (isSettled) {
        justSet.delete(input);
        input.checked = standing.has(key);
      }
    }
    showFaults(faults, act);
    setVisible(byId('faults-empty'), faults.length === 0);
    setVisible(byId('faults-clear'), faults.length > 0);
    setVisible(byId('faults-release'), heldCalls > 0);
    setText(byId('faults-release'), `Release ${plural(heldCalls, 'held call')}`);
    const summary = byId('faults-summary');
    summary.dataset.tone = faults.length === 0 ? 'good' : 'warn';
    setText(summary, faults.length === 0 ? 'healthy' : plural(faults.length, 'fault'));
  };
}

/**
 * @param {Fault[]} faults
 * @param {(task: () => Promise<unknown>, told: string) => void} act
 */
function showFaults(faults, act) {
  showList(
    byId('faults'),
    [...new Map(faults.map((fault) => [`${keyOf(fault)}${fault.count === undefined ? '' : '#'}`, fault]))],
    ([key]) => key,
    ([, fault]) => {
      const button = make('button', { type: 'button', class: 'button small' }, 'End');
      button.addEventListener('click', () => act(() => control('POST', 'faults/remove', fault), 'The fault is ended'));
      return make('li', {}, make('span', {}), button);
    },
    (row, [, fault]) => {
      const [text, button] = row.children;
      if (!text || !button) return;
      setText(text, describe(fault));
      button.setAttribute('aria-label', `End: ${describe(fault)}`);
    },
  );
}

/**
 * @param {HTMLFormElement} form
 * @param {(task: () => Promise<unknown>, told: string) => void} act
 */
function prepareForm(form, act) {
  const select = (/** @type {string} */ name) => /** @type {HTMLSelectElement} */ (form.elements.namedItem(name));
  for (const kind of kinds) select('kind').append(make('option', {}, kind));
  for (const endpoint of endpoints)
    select('endpoint').append(make('option', { value: endpoint }, endpoint === '*' ? 'all four' : endpoint));

  const arrange = () => {
    for (const label of form.querySelectorAll('label')) {
      const { kinds: fits, endpoints: at } = label.dataset;
      const visible =
        (fits === undefined || fits.split(' ').includes(select('kind').value)) &&
        (at === undefined || ['*', at].includes(select('endpoint').value));
      label.hidden = !visible;
      for (const field of label.querySelectorAll('input, select')) field.toggleAttribute('disabled', !visible);
    }
  };
  form.addEventListener('change', arrange);
  arrange();

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    /** @type {Fault} */
    const fault = {};
    // Disabled fields are no part of it.
    for (const [name, value] of new FormData(form)) {
      const input = form.elements.namedItem(name);
      const isNumber = input instanceof HTMLInputElement && input.type === 'number';
      if (value !== '') fault[name] = isNumber ? Number(value) : textOf(value);
    }
    if (fault.kind === 'body') fault.body ??= '';
    act(() => control('POST', 'faults', fault), 'The fault is in force');
  });
}

/** @param {string} id */
export const byId = (id) => {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return element;
};

/**
 * Makes an element. Children that are strings become text, never HTML.
 *
 * @param {string} tag
 * @param {Readonly<Record<string, string | boolean | undefined>>} [attributes] `false` and undefined leave one out
 * @param {...(Node | string)} children
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    if (value !== undefined && value !== false) element.setAttribute(name, value === true ? '' : value);
  element.append(...children);
  return element;
}

/**
 * Sets a text only when it differs, so that a screen reader and a selection are left in peace.
 *
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Shows or hides. Focus that would vanish with an element goes to the title of its section.
 *
 * @param {HTMLElement} element
 * @param {boolean} visible
 */
export function setVisible(element, visible) {
  if (!visible && !element.hidden) passFocusOn(element);
  element.hidden = !visible;
}

/**
 * Brings the children of a list in line with its items, without touching those that stay.
 *
 * @template Item
 * @param {Element} list
 * @param {readonly Item[]} items in the order in which they are shown
 * @param {(item: Item) => string} keyOf
 * @param {(item: Item) => Element} create
 * @param {(element: Element, item: Item) => void} update
 */
export function showList(list, items, keyOf, create, update) {
  const keys = new Set(items.map(keyOf));
  const present = new Map();
  for (const child of Array.from(list.children)) {
    const key = child.getAttribute('data-key') ?? '';
    if (keys.has(key)) {
      present.set(key, child);
    } else {
      passFocusOn(child);
      child.remove();
    }
  }
  let next = list.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    const element = present.get(key) ?? create(item);
    element.setAttribute('data-key', key);
    update(element, item);
    if (next !== null && element === next) next = next.nextElementSibling;
    else list.insertBefore(element, next);
  }
}

/** The text of a field of a form; files have none. @param {FormDataEntryValue} value */
export const textOf = (value) => (typeof value === 'string' ? value.trim() : '');

/** @param {Element} element that is about to go */
function passFocusOn(element) {
  if (!element.contains(document.activeElement)) return;
  const title = element.closest('section')?.querySelector('h2');
  if (title instanceof HTMLElement) title.focus();
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let forgetting;

/**
 * Tells what was done, to the eye and to a screen reader.
 *
 * @param {string} text
 * @param {'good' | 'bad'} [tone]
 */
export function notify(text, tone = 'good') {
  const notice = byId('notice');
  clearTimeout(forgetting);
  notice.dataset.tone = tone;
  notice.textContent = text;
  forgetting = setTimeout(() => {
    notice.textContent = '';
  }, 6_000);
}

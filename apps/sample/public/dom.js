/** @param {string} id @returns {HTMLElement} an element that the page has */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no ${id}`);
  return element;
}

/** Makes an element. Children that are no elements become text, whatever stands in them. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.map((child) => (child instanceof Node ? child : String(child))));
  return element;
}

/** Fills a description list, without the facts that are not known. */
export function fillFacts(list, facts) {
  const known = Object.entries(facts).filter(([, value]) => value !== undefined && value !== null && value !== '');
  list.replaceChildren(...known.map(([term, value]) => make('div', {}, make('dt', {}, term), make('dd', {}, value))));
}

/** Runs work at each press of a button, one at a time. The button keeps its focus meanwhile. */
export function onPress(button, work) {
  button.addEventListener('click', async () => {
    if (button.getAttribute('aria-disabled') === 'true') return;
    button.setAttribute('aria-disabled', 'true');
    try {
      await work();
    } finally {
      button.removeAttribute('aria-disabled');
    }
  });
}

/** Listens to what a form or a field reports; faults of the work are uncaught errors, as everywhere. */
export function listen(element, type, work) {
  element.addEventListener(type, (event) => {
    void work(event);
  });
}

const units = /** @type {const} */ ([
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
  ['s', 1],
]);

/**
 * A duration in its two largest units, such as `1 h 5 min`.
 *
 * @param {number} ms
 */
export function duration(ms) {
  let seconds = Math.round(Math.abs(ms) / 1000);
  const parts = [];
  for (const [name, size] of units) {
    const count = Math.floor(seconds / size);
    seconds -= count * size;
    if (count > 0) parts.push(`${count} ${name}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.join(' ') || '0 s';
}

const pad = (/** @type {number} */ value) => String(value).padStart(2, '0');

/** @param {number} epochMs local time of day */
export function timeOfDay(epochMs) {
  const date = new Date(epochMs);
  return `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
}

/** @param {number} epochMs */
export function day(epochMs) {
  return new Date(epochMs).toLocaleDateString(undefined, {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    year: 'numeric',
  });
}

/**
 * Up to two letters that stand for a name.
 *
 * @param {string} name
 */
export function initials(name) {
  const words = name.trim().split(/\s+/);
  const letters = [words[0], words.length > 1 ? words.at(-1) : ''].map((word) =>
    String.fromCodePoint(word?.codePointAt(0) ?? 32).trim(),
  );
  return letters.join('').toUpperCase() || '?';
}

/**
 * One of six tints, always the same one for the same text.
 *
 * @param {string} text
 */
export function tint(text) {
  let sum = 0;
  for (const letter of text) sum = (sum * 33 + (letter.codePointAt(0) ?? 0)) % 65_521;
  return String((sum >> 3) % 6);
}

/**
 * @param {number} count
 * @param {string} one
 */
export const plural = (count, one) => `${count} ${one}${count === 1 ? '' : 's'}`;

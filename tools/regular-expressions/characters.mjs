/** Code points that stand for all others: the whole basic plane, and of the rest one of each kind. */
const BASIC = 0x10000;
const BEYOND = [0x1f600, 0x10400, 0x20000, 0xe0001, 0xf0000, 0x10ffff];
const known = new Map();

/** The characters that one item of a pattern matches, as the engine itself reports them. @returns {Uint8Array} */
export function charactersOf(source, flags) {
  const name = `${flags}/${source}`;
  const found = known.get(name);
  if (found) return found;
  const pattern = new RegExp(`^(?:${source})$`, flags.replaceAll(/[gym]/g, ''));
  const set = new Uint8Array(BASIC + BEYOND.length);
  for (let code = 0; code < BASIC; code += 1) set[code] = Number(pattern.test(String.fromCharCode(code)));
  // Without the flag `u` a character beyond the basic plane counts as two.
  if (/[uv]/.test(flags)) {
    for (const [index, code] of BEYOND.entries()) set[BASIC + index] = Number(pattern.test(String.fromCodePoint(code)));
  }
  known.set(name, set);
  return set;
}

/** The set of all characters. */
export const EVERY_CHARACTER = new Uint8Array(BASIC + BEYOND.length).fill(1);

/**
 * The sets as bits, one bit for all characters that no set distinguishes: two sets have a character in common when
 * their bits have.
 *
 * @param {Uint8Array[]} sets @returns {bigint[]}
 */
export function asBits(sets) {
  const different = [...new Set(sets)];
  /** By the sets that contain a character: a number whose binary digits name the sets. */
  const bits = new Map();
  for (let index = 0; index < EVERY_CHARACTER.length; index += 1) {
    let kind = 0;
    for (let at = 0; at < different.length; at += 1) kind = kind * 2 + different[at][index];
    if (!bits.has(kind)) bits.set(kind, 1n << BigInt(bits.size));
  }
  const bitsOf = (at) => {
    const isIn = (kind) => Math.floor(kind / 2 ** (different.length - 1 - at)) % 2 === 1;
    return [...bits].filter(([kind]) => isIn(kind)).reduce((all, [, bit]) => all | bit, 0n);
  };
  if (different.length > 53) throw new Error('more different classes than can be told apart here');
  const asBit = new Map(different.map((set, at) => [set, bitsOf(at)]));
  return sets.map((set) => asBit.get(set));
}

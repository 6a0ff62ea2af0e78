import { ambiguityOf, Automaton } from './automaton.mjs';
import { hasCountInCount, isUnbounded, parse } from './parse.mjs';

/**
 * Whether a backtracking engine needs linear time for a pattern, whatever the text, and why.
 *
 * @param {string} source @param {string} flags
 * @returns {{ linear: boolean, why: string }}
 */
export function judge(source, flags) {
  try {
    const node = parse(source);
    if (hasCountInCount(node)) return { linear: false, why: 'a counted repetition in a counted repetition' };
    const options = node.kind === 'choice' ? node.options : [node];
    // Alternatives are tried one after the other, so each is judged alone.
    const faults = options.map((option) => faultOf(option, flags)).filter((fault) => fault !== undefined);
    return faults.length > 0 ? { linear: false, why: faults.join('; ') } : { linear: true, why: reasonOf(node, flags) };
  } catch (error) {
    return { linear: false, why: error.message };
  }
}

function faultOf(option, flags) {
  return ambiguityOf(new Automaton(option, { flags, searches: !isAnchored(option, flags) }));
}

function reasonOf(node, flags) {
  const options = node.kind === 'choice' ? node.options : [node];
  const where = options.every((option) => isAnchored(option, flags)) ? 'anchored' : 'searched for';
  return `${where}, ${isUnbounded(node) ? 'no text can share two of its loops' : 'a bounded number of characters'}`;
}

/** Whether the engine tries at one place only. */
function isAnchored(node, flags) {
  if (flags.includes('y')) return true;
  if (flags.includes('m')) return false;
  if (node.kind === 'sequence') return isAnchored(node.items[0], flags);
  if (node.kind === 'choice') return node.options.every((option) => isAnchored(option, flags));
  return node.kind === 'start';
}

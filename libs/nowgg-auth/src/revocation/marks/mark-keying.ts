import { randomBytes } from 'node:crypto';
import { tokenDigest } from '../../identity/token-text.js';

/** Converts an id to the 128 bits that a table uses for it. */
export interface Keying {
  /** The first 32 bits, needed for every look-up: cheap. */
  first(id: string): number;
  /** The other 96 bits, needed only when the first 32 match. */
  rest(id: string): readonly [number, number, number];
}

/** For SHA-256 digests as 32 one-byte characters. */
export const BY_DIGEST: Keying = {
  first: (digest) => laneOf(digest, 0),
  rest: (digest) => [laneOf(digest, 4), laneOf(digest, 8), laneOf(digest, 12)],
};

const SEED = randomBytes(4).readInt32LE();

/** For ids of any length. */
export const BY_ID: Keying = {
  first: (id) => {
    let hash = SEED;
    for (let at = 0; at < id.length; at += 1) hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193);
    hash = Math.imul(hash ^ (hash >>> 16), 0x9e3779b1);
    return (hash ^ (hash >>> 15)) >>> 0;
  },
  rest: (id) => BY_DIGEST.rest(tokenDigest(id)),
};

function laneOf(digest: string, at: number): number {
  return (
    (digest.charCodeAt(at) |
      (digest.charCodeAt(at + 1) << 8) |
      (digest.charCodeAt(at + 2) << 16) |
      (digest.charCodeAt(at + 3) << 24)) >>>
    0
  );
}

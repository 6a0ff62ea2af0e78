import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { tokenDigest } from '../identity/token-text.js';

const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** A key of this process: what it encrypts is never stored. */
const KEY = randomBytes(32);

/**
 * The token of a connection, kept as long as the connection: its digest, and its text encrypted under a key of this
 * process. A dump of the memory of idle connections contains no tokens.
 *
 * @example
 * ```ts
 * import { HeldToken, NowggAuthenticator } from 'nestjs-nowgg-auth';
 *
 * export class GameConnection {
 *   readonly #held: HeldToken;
 *
 *   constructor(
 *     private readonly authenticator: NowggAuthenticator,
 *     token: string,
 *   ) {
 *     this.#held = new HeldToken(token);
 *   }
 *
 *   async mayMove() {
 *     return (await this.authenticator.authenticateHeld(this.#held)).status === 'valid';
 *   }
 * }
 * ```
 */
export class HeldToken {
  /** SHA-256 of the token as 32 one-byte characters. */
  readonly digest: string;
  /** `nonce | tag | text` as one-byte characters: a buffer of its own would take more memory. */
  readonly #sealed: string;
  #identity: string | undefined;

  constructor(token: string) {
    this.digest = tokenDigest(token);
    this.#sealed = seal(token);
  }

  /** The text of the token, for a call to the identity system. Do not keep it. */
  reveal(): string {
    const bytes = Buffer.from(this.#sealed, 'latin1');
    const decipher = createDecipheriv(CIPHER, KEY, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
    const textAt = NONCE_BYTES + TAG_BYTES;
    decipher.setAuthTag(bytes.subarray(NONCE_BYTES, textAt));
    return Buffer.concat([decipher.update(bytes.subarray(textAt)), decipher.final()]).toString('utf8');
  }

  /** The identity under which the token can be revoked; computed once. */
  identity(compute: (held: this) => string): string {
    this.#identity ??= compute(this);
    return this.#identity;
  }
}

function seal(token: string): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, KEY, nonce, { authTagLength: TAG_BYTES });
  const text = Buffer.concat([cipher.update(token, 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), text]).toString('latin1');
}

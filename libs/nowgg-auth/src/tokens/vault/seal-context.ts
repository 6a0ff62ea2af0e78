/**
 * The values that a ciphertext is bound to. It cannot be decrypted in any other row, column, provider, client or
 * generation, nor for another user or session version.
 */
export interface SealContext {
  readonly purpose: 'access' | 'refresh' | 'exchange' | 'authorization' | 'key-check';
  /** Grant id, or hash of the code or state. */
  readonly id: string;
  /** Name of the identity provider. */
  readonly provider: string;
  readonly clientKey: string;
  /** Empty where the text belongs to no user yet. */
  readonly userId: string;
  /** 0 where the text belongs to no grant. */
  readonly sessionVersion: number;
  /** 0 where the text belongs to no grant. */
  readonly generation: number;
}

/** The version of a ciphertext, its first byte. Version 1 is not bound to the provider, user or session version. */
export type SealVersion = 1 | 2;

const LENGTH_BYTES = 4;

/** The additional data of AES-GCM. Each part has its length in front, so that no two contexts have the same bytes. */
export function additionalDataOf(context: SealContext, version: SealVersion): Buffer {
  const parts = partsOf(context, version);
  const bytes = Buffer.alloc(parts.reduce((sum, part) => sum + LENGTH_BYTES + Buffer.byteLength(part), 0));
  let at = 0;
  for (const part of parts) {
    const length = bytes.write(part, at + LENGTH_BYTES);
    bytes.writeUInt32BE(length, at);
    at += LENGTH_BYTES + length;
  }
  return bytes;
}

function partsOf(context: SealContext, version: SealVersion): readonly string[] {
  const { purpose, id, provider, clientKey, userId, sessionVersion, generation } = context;
  if (version === 1) return [purpose, id, clientKey, String(generation)];
  return [purpose, id, provider, clientKey, userId, String(sessionVersion), String(generation)];
}

import { createCipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import type { EncryptionKey } from '../../options/options.js';
import type { SealContext } from '../vault/key-ring.js';

/** Encrypts as an earlier build did: `1 | length of key id | key id | nonce | tag | text`, bound to four parts. */
export function sealInFirstVersion(
  { id, key }: EncryptionKey,
  text: string,
  context: Pick<SealContext, 'purpose' | 'id' | 'clientKey' | 'generation'>,
): Buffer {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', Buffer.from(key, 'base64'), nonce, { authTagLength: 16 });
  const parts = [context.purpose, context.id, context.clientKey, String(context.generation)];
  const prefixed = parts.flatMap((part) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(Buffer.byteLength(part));
    return [length, Buffer.from(part)];
  });
  cipher.setAAD(Buffer.concat(prefixed));
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  const header = Buffer.concat([Buffer.from([1, id.length]), Buffer.from(id)]);
  return Buffer.concat([header, nonce, cipher.getAuthTag(), sealed]);
}

/** Makes a session handle as the builds before rotation did: bound to its client, and without a version. */
export function handleOfSecondForm(
  key: EncryptionKey,
  grantId: string,
  sessionVersion: number,
  { provider, clientKey }: { readonly provider: string; readonly clientKey: string },
): string {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(Buffer.byteLength(provider));
  return handleOver(key, grantId, sessionVersion, [length, Buffer.from(provider), Buffer.from(clientKey)]);
}

/** Makes a session handle as an earlier build did: bound to no client. */
export function handleOfFirstForm(key: EncryptionKey, grantId: string, sessionVersion: number): string {
  return handleOver(key, grantId, sessionVersion, []);
}

function handleOver({ key }: EncryptionKey, grantId: string, sessionVersion: number, owner: readonly Buffer[]): string {
  const label = 'nestjs-nowgg-auth session handle v1';
  const handleKey = Buffer.from(hkdfSync('sha256', Buffer.from(key, 'base64'), '', label, 32));
  const version = Buffer.alloc(4);
  version.writeUInt32BE(sessionVersion);
  const name = Buffer.concat([Buffer.from(grantId.replaceAll('-', ''), 'hex'), version]);
  return `${name.toString('base64url')}.${createHmac('sha256', handleKey)
    .update(Buffer.concat([name, ...owner]))
    .digest('base64url')}`;
}

import { NowggConfigurationError } from '../../errors.js';
import { publishSecurityEvent } from '../../events/security-events.js';
import { type KeyRing, SealedTextError, type SealContext } from './key-ring.js';
import type { TokenStore } from '../store/token-store.js';

const KNOWN_TEXT = 'nestjs-nowgg-auth';
const NO_OWNER = { provider: '', clientKey: '', userId: '', sessionVersion: 0, generation: 0 };

/**
 * Compares the ring with the keys that have encrypted in this store, and records the one that encrypts now. Changes no
 * grant. Publishes an event for each weak key of the ring.
 * @throws NowggConfigurationError when a key that is still in use is missing, or another key has its id
 */
export async function checkKeys(store: TokenStore, ring: KeyRing): Promise<void> {
  for (const { keyId, weakness } of ring.weakKeys) {
    publishSecurityEvent({ type: 'refused_key', detail: `tokens.encryptionKeys: the key '${keyId}' ${weakness}` });
  }
  const known = await compareKeys(store, ring);
  const keyId = ring.sealingKeyId;
  if (known.includes(keyId)) return;
  await store.addKeyCheck({ keyId, checkCiphertext: ring.seal(KNOWN_TEXT, contextOf(keyId)) });
}

/**
 * Compares the ring with the keys that have encrypted in this store, without recording anything.
 * @returns ids of the keys that have encrypted here
 * @throws NowggConfigurationError when a key that is still in use is missing, or another key has its id
 */
export async function compareKeys(store: TokenStore, ring: KeyRing): Promise<string[]> {
  const checks = await store.listKeyChecks();
  const faults = checks.flatMap(({ keyId, checkCiphertext }) => {
    if (!ring.has(keyId)) return [`the key '${keyId}' is missing, and grants may still be encrypted under it`];
    return opens(ring, keyId, checkCiphertext) ? [] : [`the key '${keyId}' is not the one that encrypted before`];
  });
  if (faults.length > 0) throw new NowggConfigurationError(`tokens.encryptionKeys: ${faults.join('; ')}`);
  return checks.map(({ keyId }) => keyId);
}

function opens(ring: KeyRing, keyId: string, checkCiphertext: Uint8Array): boolean {
  try {
    return ring.open(checkCiphertext, contextOf(keyId)) === KNOWN_TEXT;
  } catch (error) {
    if (error instanceof SealedTextError) return false;
    throw error;
  }
}

function contextOf(keyId: string): SealContext {
  return { ...NO_OWNER, purpose: 'key-check', id: keyId };
}

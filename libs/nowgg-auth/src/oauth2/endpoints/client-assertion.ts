import { createPrivateKey, type KeyObject } from 'node:crypto';
import { importPKCS8 } from 'jose';
import * as openid from 'openid-client';
import type { ClientPrivateKey, OAuth2Settings } from './oauth2-settings.js';

type Settings = Pick<OAuth2Settings, 'clientAuthentication' | 'clientSecret' | 'clientPrivateKey'>;

/** Shortest RSA key of RFC 7518 section 3.3, in bits. */
const LEAST_RSA_BITS = 2_048;

/**
 * Client authentication by a signed assertion (RFC 7523); undefined for the methods that send a secret or nothing. The
 * library makes a new assertion for each request.
 */
export function clientAssertion(settings: Settings): openid.ClientAuth | undefined {
  const { clientAuthentication, clientSecret, clientPrivateKey } = settings;
  if (clientAuthentication === 'client_secret_jwt') return openid.ClientSecretJwt(clientSecret);
  if (clientAuthentication !== 'private_key_jwt' || !clientPrivateKey) return undefined;
  let signing: Promise<openid.ClientAuth> | undefined;
  // The library waits for the result, as it does with its own methods, although the type says nothing of a promise.
  const authenticate: (...request: Parameters<openid.ClientAuth>) => unknown = async (...request) => {
    signing ??= signatureOf(clientPrivateKey);
    return (await signing)(...request);
  };
  return authenticate;
}

async function signatureOf({ key, keyId, algorithm }: ClientPrivateKey): Promise<openid.ClientAuth> {
  const privateKey = await importPKCS8(key, algorithm);
  return openid.PrivateKeyJwt(keyId === undefined ? privateKey : { key: privateKey, kid: keyId });
}

/** Whether a text is a private key (PKCS#8, PEM) that can sign with this algorithm. */
export function signsWith(key: unknown, algorithm: string): boolean {
  const read = typeof key === 'string' && key.includes('-----BEGIN PRIVATE KEY-----') ? keyOf(key) : undefined;
  if (!read) return false;
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = read;
  switch (algorithm.slice(0, 2)) {
    case 'ES':
      return type === 'ec' && details?.namedCurve === CURVES[algorithm];
    case 'Ed':
      return type === 'ed25519';
    default:
      return type === 'rsa' && (details?.modulusLength ?? 0) >= LEAST_RSA_BITS;
  }
}

const CURVES: Readonly<Record<string, string>> = { ES256: 'prime256v1', ES384: 'secp384r1', ES512: 'secp521r1' };

function keyOf(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined;
  }
}

import { hash } from 'node:crypto';

/** Maximum length of a bearer token, in characters. */
export const MAX_TOKEN_LENGTH = 8192;

const B64TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/;

/** Whether the text can be a bearer token at all: `b64token` of RFC 6750 section 2.1, at most 8,192 characters. */
export function isBearerToken(text: string): boolean {
  return text.length <= MAX_TOKEN_LENGTH && B64TOKEN.test(text);
}

/** Whether a value of a reply can be sent as a token in a header: visible ASCII within the length limit. */
export function isTokenText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_TOKEN_LENGTH && /^[\x21-\x7e]+$/.test(value);
}

/** Fingerprint of a token in the format of the stores: SHA-256 as 43 base64url characters. */
export function credentialIdOf(token: string): string {
  return hash('sha256', token, 'base64url');
}

/** Converts a stored fingerprint to the format of the verification caches: 32 one-byte characters. */
export function digestOfCredentialId(credentialId: string): string {
  return Buffer.from(credentialId, 'base64url').toString('latin1');
}

/**
 * SHA-256 of the whole token as 32 one-byte characters. It distinguishes tokens and does not reveal them.
 * The input is never truncated: tokens with the same beginning have different digests.
 */
export function tokenDigest(token: string): string {
  return hash('sha256', token, 'binary');
}

/** Maximum length of a bearer token, in characters. */
export const MAX_TOKEN_LENGTH = 8192;

const B64TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/;

/** Whether the text can be a bearer token at all: `b64token` of RFC 6750 section 2.1, at most 8,192 characters. */
export function isBearerToken(text: string): boolean {
  return text.length <= MAX_TOKEN_LENGTH && B64TOKEN.test(text);
}

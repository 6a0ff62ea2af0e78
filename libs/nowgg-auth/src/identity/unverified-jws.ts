import { isJsonObject } from './claims.js';

/** The claims of a compact JWS with an unchecked signature. Use them to refuse or route a token, never to accept it. */
export interface UnverifiedJws {
  readonly claims: Readonly<Record<string, unknown>>;
}

/** Decodes a compact JWS without verifying it; undefined for everything that is not one. */
export function decodeUnverifiedJws(token: string): UnverifiedJws | undefined {
  const first = token.indexOf('.');
  const second = token.indexOf('.', first + 1);
  const signature = second + 1;
  if (first < 0 || second < 0 || signature === token.length || token.includes('.', signature)) return undefined;
  if (!isJwsHeader(token.slice(0, first))) return undefined;
  const claims = parseJsonObject(token.slice(first + 1, second));
  return claims && { claims };
}

/** The last text that was found to be a header: the tokens of one issuer have the same. */
let lastHeader = '';

function isJwsHeader(part: string): boolean {
  if (part === lastHeader) return part !== '';
  if (typeof parseJsonObject(part)?.alg !== 'string') return false;
  // A copy: the part shares the memory of its token, which must not be kept.
  lastHeader = Buffer.from(part, 'latin1').toString('latin1');
  return true;
}

/**
 * The signed text of a compact JWS: its first two parts, as received (RFC 7515 section 5.1). Undefined for a text with
 * fewer than three parts. The text after the second dot does not matter.
 */
export function signingInputOf(token: string): string | undefined {
  const second = token.indexOf('.', token.indexOf('.') + 1);
  return second > 0 ? token.slice(0, second) : undefined;
}

/** Three parts of base64url characters, without padding or white space (RFC 7515 section 7.1). */
const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;
/** Base64url of a byte order mark at the beginning of a part. */
const BYTE_ORDER_MARK = '77u_';

/**
 * Whether a text is the canonical encoding of its compact JWS. Decoders tolerate padding, white space and unused bits
 * in the last character of a part, so one token would have many texts. Header and claims must not begin with a byte
 * order mark, which text decoders drop. Linear in the length of the text.
 */
export function isCanonicalJws(text: string): boolean {
  if (!COMPACT.test(text)) return false;
  const first = text.indexOf('.');
  const second = text.indexOf('.', first + 1);
  return (
    endsCanonically(text, first, first) &&
    endsCanonically(text, second, second - first - 1) &&
    endsCanonically(text, text.length, text.length - second - 1) &&
    !text.startsWith(BYTE_ORDER_MARK) &&
    !text.startsWith(BYTE_ORDER_MARK, first + 1)
  );
}

/** Whether the last character of a part has no unused bits, or only zero ones. */
function endsCanonically(text: string, end: number, length: number): boolean {
  const last = text.charAt(end - 1);
  switch (length % 4) {
    case 0:
      return true;
    case 2:
      return 'AQgw'.includes(last);
    case 3:
      return 'AEIMQUYcgkosw048'.includes(last);
    default:
      return false;
  }
}

/** Created once, because that costs more than a call. A byte order mark is kept, which makes the text invalid JSON. */
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The JSON object in a part of a JWS; undefined when it is not base64url of one, in well-formed UTF-8. */
export function parseJsonObject(part: string): Record<string, unknown> | undefined {
  if (!/^[A-Za-z0-9_-]+$/.test(part)) return undefined;
  try {
    const text = strictUtf8.decode(Buffer.from(part, 'base64url'));
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    // Not base64url of well-formed JSON: an opaque token.
    return undefined;
  }
}

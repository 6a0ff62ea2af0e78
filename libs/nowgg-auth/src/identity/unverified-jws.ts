/** The claims of a compact JWS whose signature nobody has checked. Good to refuse or to route by, never to accept by. */
export interface UnverifiedJws {
  readonly claims: Readonly<Record<string, unknown>>;
}

/** Decodes a compact JWS without verifying it; undefined for everything that is not one. */
export function decodeUnverifiedJws(token: string): UnverifiedJws | undefined {
  const parts = token.split('.');
  if (parts.length !== 3 || parts.some((part) => part === '')) return undefined;
  const header = parseJsonObject(parts[0]);
  const claims = parseJsonObject(parts[1]);
  return header && typeof header.alg === 'string' && claims ? { claims } : undefined;
}

/** Made once: making it costs more than using it. */
const strictUtf8 = new TextDecoder('utf-8', { fatal: true });

function parseJsonObject(part: string | undefined): Record<string, unknown> | undefined {
  if (part === undefined || !/^[A-Za-z0-9_-]+$/.test(part)) return undefined;
  try {
    const text = strictUtf8.decode(Buffer.from(part, 'base64url'));
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    // Not base64url of well-formed JSON: an opaque token.
    return undefined;
  }
}

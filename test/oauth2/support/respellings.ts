const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** Orders of the groups that ECDSA algorithms sign in. */
const ORDERS: Readonly<Record<string, bigint>> = {
  ES256: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  ES384: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
  ES512:
    0x01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
};

/** Another text for the same bytes, as forgiving decoders read them. */
export interface Respelling {
  readonly how: string;
  readonly token: string;
}

/** Every way of writing the same three byte strings of a compact JWS that forgiving decoders take. */
export function respellingsOf(token: string): Respelling[] {
  return [0, 1, 2].flatMap((part) => respellingsOfPart(token, part));
}

/** As {@link respellingsOf}, of the signature alone: the signed text stays as it is. */
export function respelledSignaturesOf(token: string): Respelling[] {
  return respellingsOfPart(token, 2);
}

/** The other ECDSA signature for the same text, (r, n - s); undefined for algorithms that have none. */
export function twinOf(token: string, algorithm: string): string | undefined {
  const order = ORDERS[algorithm];
  if (order === undefined) return undefined;
  const [header, payload, signature] = token.split('.') as [string, string, string];
  const bytes = Buffer.from(signature, 'base64url');
  const half = bytes.length / 2;
  const s = BigInt(`0x${bytes.toString('hex', half)}`);
  const twin = (order - s).toString(16).padStart(2 * half, '0');
  return `${header}.${payload}.${Buffer.concat([bytes.subarray(0, half), Buffer.from(twin, 'hex')]).toString('base64url')}`;
}

function respellingsOfPart(token: string, index: number): Respelling[] {
  const parts = token.split('.');
  const text = parts[index] as string;
  const middle = Math.floor(text.length / 2);
  const inside = (character: string) => text.slice(0, middle) + character + text.slice(middle);
  const changes: [how: string, text: string][] = [
    ...spareBits(text),
    ['padding', text.padEnd(Math.ceil(text.length / 4) * 4 + (text.length % 4 === 0 ? 4 : 0), '=')],
    ['one more =', `${text}=`],
    ['a tab', inside('\t')],
    ['a space', inside(' ')],
    ['a line break', inside('\n')],
    ['a form feed', inside('\f')],
    ['a space before it', ` ${text}`],
    ['a tab after it', `${text}\t`],
    ['the alphabet of base64', text.replaceAll('-', '+').replaceAll('_', '/')],
    ['an = inside', inside('=')],
  ];
  return changes
    .filter(([, changed]) => changed !== text)
    .map(([how, changed]) => ({
      how: `${how} in part ${index + 1}`,
      token: parts.with(index, changed).join('.'),
    }));
}

/** The last character of a part may have bits that no byte needs. */
function spareBits(text: string): [how: string, text: string][] {
  const spare = { 2: 4, 3: 2 }[text.length % 4] ?? 0;
  const last = ALPHABET.indexOf(text.at(-1) as string);
  return Array.from({ length: 2 ** spare - 1 }, (_, index) => [
    `spare bits ${index + 1}`,
    `${text.slice(0, -1)}${ALPHABET[last ^ (index + 1)]}`,
  ]);
}

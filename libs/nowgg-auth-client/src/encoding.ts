const digits: Readonly<Record<string, string>> = { '+': '-', '/': '_', '=': '' };

export const base64url = (bytes: Uint8Array) =>
  btoa(String.fromCharCode(...bytes)).replace(/[+/=]/g, (digit) => digits[digit] as string);

/** SHA-256 of a text, in base64url. */
export const digestOf = async (text: string) =>
  base64url(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))));

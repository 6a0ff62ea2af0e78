/**
 * Headers of all pages: nothing from other origins, nothing inline, no text that becomes script, no frames. Popups of
 * the sign-in keep their opener.
 */
export const pageHeaders: ReadonlyMap<string, string> = new Map([
  [
    'Content-Security-Policy',
    [
      `default-src 'none'`,
      `script-src 'self'`,
      `style-src 'self'`,
      `img-src 'self'`,
      `connect-src 'self'`,
      `form-action 'self'`,
      `base-uri 'none'`,
      `frame-ancestors 'none'`,
      `require-trusted-types-for 'script'`,
      `trusted-types 'none'`,
    ].join('; '),
  ],
  ['Cross-Origin-Opener-Policy', 'same-origin-allow-popups'],
  ['Cross-Origin-Resource-Policy', 'same-origin'],
  // The address that a sign-in returns to contains a code.
  ['Referrer-Policy', 'no-referrer'],
  ['X-Content-Type-Options', 'nosniff'],
  ['Cache-Control', 'no-cache'],
]);

/**
 * Headers of everything that a browser gets as a page: nothing from elsewhere, nothing inline, no text that becomes
 * script, in no frame. Popups of the sign-in keep their opener.
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
  // The address that a sign-in comes back to has a code in it.
  ['Referrer-Policy', 'no-referrer'],
  ['X-Content-Type-Options', 'nosniff'],
  ['Cache-Control', 'no-cache'],
]);

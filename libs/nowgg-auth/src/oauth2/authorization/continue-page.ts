/**
 * Headers of responses that a browser shows: no framing, no storing, no content sniffing, no loading of other content.
 *
 * @param referrerPolicy `same-origin` where a link of the page must send its origin; `no-referrer` where the address
 *   contains a code
 */
export function pageHeaders(referrerPolicy: 'same-origin' | 'no-referrer'): Readonly<Record<string, string>> {
  return {
    'Cache-Control': 'no-store',
    'Content-Security-Policy': "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    'Referrer-Policy': referrerPolicy,
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
  };
}

/**
 * Page that asks the player to continue, because another site started this sign-in or several are pending. The link
 * leads to the same address, so that the next request comes from a page of this site. It is a link and not a form,
 * because browsers apply `form-action` to the redirect that follows.
 *
 * @param parameters checked parameters of this request, for the next one
 */
export function continuePage(parameters: Readonly<Record<string, string>>): string {
  const target = `?${new URLSearchParams(parameters).toString()}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in</title>
</head>
<body>
<main>
<h1>Sign in</h1>
<p>You came here from another site, or several sign-ins are already under way in this browser.</p>
<p><a role="button" href="${escapeHtml(target)}">Continue to sign in</a></p>
</main>
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

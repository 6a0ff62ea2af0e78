import { createHash } from 'node:crypto';

const style = `
:root { color-scheme: light dark; --ink: #1d2433; --soft: #566073; --ground: #f4f5f9; --card: #fff; --line: #d4d9e3;
  --accent: #3a4fd0; --on-accent: #fff }
@media (prefers-color-scheme: dark) { :root { --ink: #eceff6; --soft: #a9b3c6; --ground: #12151d; --card: #1b202b;
  --line: #39414f; --accent: #aab6ff; --on-accent: #12151d } }
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem; background: var(--ground);
  color: var(--ink); font: 1rem/1.5 system-ui, sans-serif }
main { width: min(24rem, 100%); padding: 1.5rem; background: var(--card); border: 1px solid var(--line);
  border-radius: 1rem }
h1 { margin: 0 0 .25rem; font-size: 1.375rem; line-height: 1.25 }
p { margin: 0 0 1.25rem; color: var(--soft) }
label { display: block; font-weight: 600; margin-bottom: .375rem }
input { width: 100%; font: inherit; color: inherit; background: transparent; padding: .625rem .75rem;
  border: 1px solid var(--soft); border-radius: .5rem }
.buttons { display: flex; flex-wrap: wrap; gap: .75rem; margin-top: 1.25rem }
button { flex: 1 1 auto; font: inherit; font-weight: 600; padding: .625rem 1rem; border-radius: .5rem; cursor: pointer;
  border: 1px solid var(--accent); background: transparent; color: var(--accent) }
button[value='sign-in'] { background: var(--accent); color: var(--on-accent) }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
`;

/** The sign-in page. It contains nothing of a request: the form is sent to the address of the page. */
export const webSignInPage = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in – example identity provider</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<main>
<h1>Sign in to the sample game</h1>
<p>This stands in for the identity provider of your web players. Any name will do; the same name is the same player.</p>
<form method="post">
<label for="name">Name</label>
<input id="name" name="name" required maxlength="64" autocomplete="off" spellcheck="false" value="Kim Weber">
<div class="buttons">
<button name="action" value="sign-in">Sign in</button>
<button name="action" value="cancel" formnovalidate>Cancel</button>
</div>
</form>
</main>
</body>
</html>
`;

const styleHash = createHash('sha256').update(style).digest('base64');

/** @param appOrigin origin that the form may lead to in the end: browsers also check the redirects after it */
export function webSignInHeaders(appOrigin: string): Record<string, string> {
  const policy = [
    `default-src 'none'`,
    `style-src 'sha256-${styleHash}'`,
    `img-src data:`,
    `form-action 'self' ${appOrigin}`,
    `base-uri 'none'`,
    `frame-ancestors 'none'`,
  ];
  return {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Security-Policy': policy.join('; '),
    'Cache-Control': 'no-store',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
  };
}

import type { AddressInfo } from 'node:net';
import { createServer } from 'node:http';

/** A page of an origin of its own, which opens sign-in windows, keeps the messages it gets, and is redirected to. */
export interface OpenerPage extends AsyncDisposable {
  readonly origin: string;
  /** The same server at another name of this machine: another origin. */
  readonly otherOrigin: string;
}

const html = `<!doctype html>
<html lang="en">
<title>opener</title>
<link rel="icon" href="data:,">
<button>Sign in</button>
<script>
  globalThis.messages = [];
  addEventListener('message', ({ origin, data }) => messages.push({ origin, data }));
  document.querySelector('button').addEventListener('click', () => {
    window.open(decodeURIComponent(location.hash.slice(1)), 'sign-in', 'popup,width=480,height=720');
  });
</script>`;

/** Starts it on a free port. Its button opens the address in the fragment of its own. */
export async function startOpenerPage(): Promise<OpenerPage> {
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(html);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    otherOrigin: `http://localhost:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

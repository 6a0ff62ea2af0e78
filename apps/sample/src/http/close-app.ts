import type { Server } from 'node:http';
import type { INestApplication } from '@nestjs/common';

/** Time that calls in progress have before their connections are closed, in milliseconds. */
const LAST_CALLS_MS = 5_000;

/**
 * Closes the app. Calls in progress have a limited time. Without the limit, a connection on which no request was ever
 * sent, such as a browser opens in advance, keeps the server open for longer than a minute.
 */
export async function closeApp(app: INestApplication): Promise<void> {
  const server = app.getHttpServer() as Server;
  const impatience = setTimeout(() => server.closeAllConnections(), LAST_CALLS_MS);
  try {
    await app.close();
  } finally {
    clearTimeout(impatience);
  }
}

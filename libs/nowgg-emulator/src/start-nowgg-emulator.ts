import type { AddressInfo } from 'node:net';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { seedPlayers } from './accounts/players.js';
import { controlRoutes } from './control/control-routes.js';
import { ControlService } from './control/control-service.js';
import { EventStreams } from './control/event-streams.js';
import { readLiveState } from './control/live-state.js';
import { LocalControls } from './control/local-controls.js';
import { AccountService } from './http/account-service.js';
import { sendJson } from './http/send.js';
import type { NowggEmulator } from './nowgg-emulator.js';
import type { NowggEmulatorOptions, ResolvedOptions } from './options.js';
import { resolveOptions } from './options.js';
import { PageService } from './page/page-service.js';
import { signInRoutes } from './sign-in/sign-in-routes.js';

/** Longer than any pause of a test, so that an idle connection is not closed while a caller still uses it. */
const keepAliveTimeoutMs = 60_000;

/** Enough for a thousand simultaneous first connections. */
const backlog = 4096;

/**
 * Starts a local now.gg account service. It keeps its state in memory and makes no outgoing calls.
 *
 * @throws TypeError that names every unusable option
 * @throws Error of the listening socket, such as EADDRINUSE
 *
 * @example
 * ```ts
 * import { startNowggEmulator } from 'nowgg-emulator';
 *
 * export async function signInCode() {
 *   const emulator = await startNowggEmulator({ tokenLifetimeSeconds: 60 });
 *   const player = emulator.addPlayer({ name: 'Asha' });
 *   const code = emulator.issueCode({ userId: player.userId }); // send it to your sign-in route
 *   return { baseUrl: emulator.url, code, stop: () => emulator.close() };
 * }
 * ```
 */
export async function startNowggEmulator(options: NowggEmulatorOptions = {}): Promise<NowggEmulator> {
  const resolved = resolveOptions(options, seedPlayers);
  const emulator = new RunningEmulator(resolved);
  await emulator.listen(resolved);
  return emulator;
}

class RunningEmulator extends LocalControls implements NowggEmulator {
  readonly #server: Server;
  #url = '';
  #port = 0;

  constructor(options: ResolvedOptions) {
    super(options);
    const vendor = new AccountService(this.accounts, options, this.clock, this.faultPlan, this.log);
    const control = this.#controlService(options);
    const page = new PageService();
    this.#server = createServer({ keepAliveTimeout: keepAliveTimeoutMs }, (request, response) => {
      const controls = request.url?.startsWith('/_control/') === true;
      const service = controls ? control : page.serves(request) ? page : vendor;
      service.handle(request, response).catch(() => giveUp(request, response));
    });
  }

  #controlService(options: ResolvedOptions): ControlService {
    const { accounts } = this;
    const { allowedOrigins } = options;
    const rules = {
      hasClient: (clientId: string) => accounts.hasClient(clientId),
      defaultClientId: accounts.defaultClientId,
      allowedOrigins,
    };
    const routes = new Map([...controlRoutes, ...signInRoutes(rules)]);
    return new ControlService(this, routes, new EventStreams(() => JSON.stringify(readLiveState(this, options))));
  }

  get url(): string {
    return this.#url;
  }

  get port(): number {
    return this.#port;
  }

  async listen({ port, host }: ResolvedOptions): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ port, host, backlog }, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    const address = this.#server.address() as AddressInfo;
    this.#port = address.port;
    this.#url = `http://${hostInUrl(host, address)}:${address.port}`;
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** The address under which this machine reaches the server, also when it listens on all addresses. */
function hostInUrl(host: string, { address, family }: AddressInfo): string {
  if (host === 'localhost') return host;
  if (address === '0.0.0.0' || address === '::') return '127.0.0.1';
  return family === 'IPv6' ? `[${address}]` : address;
}

/**
 * Ends a call when the caller hung up while sending, or the emulator is at fault: never a crash, never a made-up
 * verdict.
 */
function giveUp(request: IncomingMessage, response: ServerResponse): void {
  if (request.destroyed && !request.complete) response.destroy();
  else sendJson(response, 500, { success: false, code: 'EMULATOR_FAULT', msg: 'the emulator failed' });
}

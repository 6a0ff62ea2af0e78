import { afterEach, describe, expect, it, jest } from '@jest/globals';
import type { AddressInfo } from 'node:net';
import { Logger } from '@nestjs/common';
import { ConnectedSocket, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { io } from 'socket.io-client';
import type { NowggAuthError } from '../errors.js';
import type { NowggAuthModuleOptions } from '../module/module-options.js';
import { NowggAuthModule } from '../module/nowgg-auth.module.js';
import type { NowggPrincipal } from '../principal.js';
import { GuardedApp } from '../testing-support/guarded-app.js';
import { HeldToken } from '../verification/held-token.js';
import { NowggUser } from './nowgg-user.decorator.js';
import { OptionalAuth, Public, RequireScopes } from './policy/policy.decorators.js';
import type { NowggCall, NowggTransport } from './transport.js';

class Refusal extends Error {
  constructor(readonly errorCode: string) {
    super(errorCode);
  }
}

/** Takes the token from what the test set for all clients. */
function wsTransport(call: (client: object) => Partial<NowggCall>): NowggTransport {
  return {
    kind: 'ws',
    callOf: (context) => {
      const client = context.getArgByIndex<object>(0);
      return { memory: client, request: {}, ...call(client) };
    },
    failureOf: ({ errorCode }: NowggAuthError) => ({ name: 'Refusal', errorCode, error: new Refusal(errorCode) }),
  };
}

@WebSocketGateway()
class LobbyGateway {
  @Public()
  @SubscribeMessage('open')
  open(@NowggUser() player: unknown) {
    return { player: player === undefined ? 'nobody' : 'known' };
  }

  @SubscribeMessage('closed')
  closed(@NowggUser('userId') userId: string) {
    return { userId };
  }

  @RequireScopes('phone')
  @SubscribeMessage('scoped')
  scoped() {
    return { reached: true };
  }

  @OptionalAuth()
  @SubscribeMessage('optional')
  optional(@NowggUser() player: NowggPrincipal | undefined, @ConnectedSocket() _client: object) {
    return { player: player?.userId ?? 'anonymous' };
  }
}

describe('NowggAuthGuard outside of HTTP', () => {
  const open: { close(): unknown }[] = [];

  afterEach(async () => {
    for (const each of open.splice(0)) await each.close();
    jest.restoreAllMocks();
  });

  async function start(module: Partial<NowggAuthModuleOptions>) {
    const app = await GuardedApp.start('express', {
      controllers: [],
      providers: [LobbyGateway],
      module: { globalGuard: true, ...module },
    });
    const { port } = app.app.getHttpServer().address() as AddressInfo;
    const socket = io(`http://127.0.0.1:${port}`, { transports: ['websocket'], reconnection: false });
    open.unshift(socket, app);
    const ask = async (event: string) =>
      new Promise<unknown>((resolve) => {
        socket.once('exception', ({ message }: { message: string }) => resolve(message));
        socket.emit(event, { __proto__: null }, resolve);
      });
    return { ask, authenticator: app.authenticator };
  }

  it('opens a public handler of a kind that it does not know, and denies others with one log line', async () => {
    const error = jest.spyOn(Logger.prototype, 'error').mockReturnValue();
    const { ask, authenticator } = await start({});
    expect(await ask('open')).toEqual({ player: 'nobody' });
    for (const event of ['closed', 'optional', 'closed']) expect(await ask(event)).toBe('Internal server error');
    const lines = error.mock.calls.map(([text]) => String(text)).filter((text) => text.includes('NowggAuthGuard'));
    expect(lines).toEqual([
      'NowggAuthGuard does not know the kind of execution context "ws" and denies it: add websockets() of ' +
        "'nestjs-nowgg-auth/websockets' to the option transports of NowggAuthModule, or open the handler with @Public()",
    ]);
    expect(authenticator.calls).toEqual([]);
  });

  it('decides each message by the credential that the transport finds, held ones included', async () => {
    const held = new HeldToken('good');
    const { ask, authenticator } = await start({
      transports: [wsTransport(() => ({ credential: { outcome: 'held', held } }))],
    });
    expect(await ask('closed')).toEqual({ userId: 'u1' });
    expect(await ask('optional')).toEqual({ player: 'u1' });
    expect(await ask('open')).toEqual({ player: 'nobody' });
    authenticator.verdicts.set('good', { status: 'invalid', reason: 'revoked_token' });
    expect(await ask('closed')).toBe('Internal server error');
    expect(authenticator.calls).toHaveLength(3);
  });

  it('throws the failure of the transport', async () => {
    const codes: string[] = [];
    const transport = wsTransport(() => ({ credential: { outcome: 'token', token: 'later-good' } }));
    const failureOf = ({ errorCode }: NowggAuthError) => {
      codes.push(errorCode);
      return new Refusal(errorCode);
    };
    jest.spyOn(Logger.prototype, 'error').mockReturnValue();
    const { ask } = await start({ transports: [{ ...transport, failureOf }] });
    await ask('scoped');
    expect(codes).toEqual(['insufficient_scope']);
  });

  it('admits without a credential what is optional only, and refuses two credentials', async () => {
    jest.spyOn(Logger.prototype, 'error').mockReturnValue();
    let outcome: 'none' | 'ambiguous' = 'none';
    const codes: string[] = [];
    const transport = wsTransport(() => ({ credential: { outcome } }));
    const failureOf = ({ errorCode }: NowggAuthError) => {
      codes.push(errorCode);
      return new Refusal(errorCode);
    };
    const { ask } = await start({ transports: [{ ...transport, failureOf }] });
    expect(await ask('optional')).toEqual({ player: 'anonymous' });
    await ask('closed');
    outcome = 'ambiguous';
    await ask('optional');
    expect(codes).toEqual(['missing_token', 'invalid_request']);
  });

  it('reuses a decision in one memory only where the transport says that it may, and only for the same policy', async () => {
    const { ask, authenticator } = await start({
      transports: [wsTransport(() => ({ credential: { outcome: 'token', token: 'good' }, isDecidedOnce: true }))],
    });
    expect(await ask('closed')).toEqual({ userId: 'u1' });
    expect(await ask('closed')).toEqual({ userId: 'u1' });
    expect(authenticator.calls).toHaveLength(1);
    expect(await ask('optional')).toEqual({ player: 'u1' });
    expect(authenticator.calls).toHaveLength(2);
  });

  it.each([
    ['transports must be an array of transports', 5],
    ['transports[0] must be a transport', [{ kind: 'ws' }]],
    ['transports[1] is for a kind of handler that is served already', [wsTransport(Object), wsTransport(Object)]],
    ['transports[0] is for a kind of handler that is served already', [{ ...wsTransport(Object), kind: 'http' }]],
  ])('stops the start: %s', async (fault, transports) => {
    const starting = GuardedApp.start('express', {
      controllers: [],
      module: { transports: transports as NowggTransport[] },
    });
    await expect(starting).rejects.toThrow(fault);
    expect(NowggAuthModule).toBeDefined();
  });
});

describe('HeldToken', () => {
  it('gives the text back, and shows it in no property', () => {
    const held = new HeldToken('a.long.token');
    expect(held.reveal()).toBe('a.long.token');
    expect(JSON.stringify(held)).not.toContain('a.long.token');
    expect(new HeldToken('a.long.token').digest).toBe(held.digest);
  });
});

import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { type ArgumentsHost, Controller, Get, Res } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { isObservable } from 'rxjs';
import {
  IdentityUnavailableError,
  InvalidGrantError,
  InvalidTokenError,
  ReauthenticationRequiredError,
} from '../errors.js';
import { NowggAuthExceptionFilter } from './nowgg-auth.filter.js';
import { GuardedApp, platforms } from '../testing-support/guarded-app.js';

@Controller()
class FailingController {
  @Get('token') token() {
    throw new InvalidTokenError('expired_token');
  }
  @Get('outage') outage() {
    throw new IdentityUnavailableError(17);
  }
  @Get('grant') grant() {
    throw new InvalidGrantError();
  }
  @Get('dead') dead() {
    throw new ReauthenticationRequiredError();
  }
  @Get('late') late(
    @Res() response: { raw?: import('node:http').ServerResponse } & import('node:http').ServerResponse,
  ) {
    const raw = response.raw ?? response;
    raw.writeHead(200, { 'content-type': 'text/plain' });
    raw.write('begun');
    throw new IdentityUnavailableError(17);
  }
  @Get('other') other() {
    throw new TypeError('not ours');
  }
}

describe.each(platforms)('NowggAuthExceptionFilter on %s', (platform) => {
  let guarded: GuardedApp;
  const start = async (mount = true) => {
    guarded = await GuardedApp.start(platform, {
      controllers: [FailingController],
      providers: mount ? [{ provide: APP_FILTER, useExisting: NowggAuthExceptionFilter }] : [],
    });
  };
  afterEach(async () => guarded.close());

  it("adds headers to a service's errors and keeps their bodies", async () => {
    await start();
    const token = await guarded.send('/token');
    expect(token.status).toBe(401);
    expect(token.headers['www-authenticate']).toContain('error="invalid_token"');
    expect(token.body).toEqual({
      statusCode: 401,
      message: 'the bearer token has expired',
      errorCode: 'expired_token',
    });
    const outage = await guarded.send('/outage');
    expect([outage.status, outage.headers['retry-after'], outage.headers['cache-control']]).toEqual([
      503,
      '17',
      'no-store',
    ]);
    const grant = await guarded.send('/grant');
    expect(grant.body).toEqual({
      statusCode: 400,
      message: 'the authorization code was refused',
      errorCode: 'invalid_grant',
    });
    expect(grant.headers['www-authenticate']).toBeUndefined();
    const dead = await guarded.send('/dead');
    expect([dead.status, dead.headers['www-authenticate']]).toEqual([401, 'Bearer realm="nowgg"']);
  });

  it('leaves errors of others alone', async () => {
    await start();
    const { status, headers } = await guarded.send('/other');
    expect([status, headers['cache-control']]).toEqual([500, undefined]);
  });

  it('ends an answer that had begun, without a second header block', async () => {
    await start();
    expect(await guarded.send('/late')).toMatchObject({ status: 200, body: 'begun' });
  });

  it('is not needed for status and body', async () => {
    await start(false);
    expect(await guarded.send('/outage')).toMatchObject({ status: 503, body: { errorCode: 'identity_unavailable' } });
  });
});

describe('NowggAuthExceptionFilter outside HTTP', () => {
  const reply = jest.fn();
  const filter = new NowggAuthExceptionFilter({ httpAdapter: { reply } } as never, { realm: 'nowgg' } as never);
  const hostOf = (type: string): ArgumentsHost => {
    const host = new ExecutionContextHost([]);
    host.setType(type);
    return host;
  };

  it('passes the error on in the way that each kind of context understands', () => {
    const error = new InvalidTokenError();
    expect(isObservable(filter.catch(error, hostOf('rpc')))).toBe(true);
    expect(filter.catch(error, hostOf('graphql'))).toBe(error);
    expect(reply).not.toHaveBeenCalled();
  });
});

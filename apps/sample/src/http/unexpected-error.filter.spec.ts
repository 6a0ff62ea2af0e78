import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { BadRequestException, Logger, NotFoundException } from '@nestjs/common';
import type { HttpAdapterHost } from '@nestjs/core';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { GraphQLError } from 'graphql';
import { QueryFailedError } from 'typeorm';
import { UnexpectedErrorFilter } from './unexpected-error.filter.js';

afterEach(() => {
  jest.restoreAllMocks();
});

function answerTo(exception: unknown) {
  const logged = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
  const reply = jest.fn();
  const setHeader = jest.fn();
  const httpAdapter = { reply, setHeader, isHeadersSent: () => false, end: jest.fn() };
  const filter = new UnexpectedErrorFilter({ httpAdapter } as unknown as HttpAdapterHost);
  filter.catch(exception, new ExecutionContextHost(['request', 'response']));
  const [, body, status] = reply.mock.calls[0] ?? [];
  return { body, status, headers: setHeader.mock.calls, log: logged.mock.calls.flat().join('\n') };
}

describe('UnexpectedErrorFilter', () => {
  it('logs a failed query by kind, SQLSTATE and place, without its parameters or message', () => {
    const driverError = Object.assign(new Error('invalid input syntax: "planted-value"'), { code: '22P02' });
    const { body, status, log } = answerTo(
      new QueryFailedError('SELECT $1 /* planted-sql */', ['planted-parameter'], driverError),
    );
    expect(status).toBe(500);
    expect(body).toEqual({ statusCode: 500, message: 'internal server error', errorCode: 'internal_server_error' });
    expect(log).toMatch(/^QueryFailedError 22P02\n\s+at .*unexpected-error\.filter\.spec/);
    expect(log).not.toContain('planted');
  });

  it.each([
    Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }),
    new QueryFailedError('SELECT 1', [], Object.assign(new Error('shutting down'), { code: '57P01' })),
    new QueryFailedError('SELECT 1', [], new Error('Connection terminated unexpectedly')),
    new Error('timeout exceeded when trying to connect'),
  ])('is a 503 with Retry-After when the database cannot be reached: %#', (failure) => {
    const { body, status, headers } = answerTo(failure);
    expect({ body, status }).toMatchObject({ body: { errorCode: 'database_unavailable' }, status: 503 });
    expect(headers).toEqual([['response', 'Retry-After', '1']]);
  });

  it('answers what a body parser refuses with its status and no log', () => {
    const refused = Object.assign(new SyntaxError('Unexpected token in "planted-code"'), {
      statusCode: 400,
      body: 'planted-code',
    });
    expect(answerTo(refused)).toMatchObject({
      status: 400,
      body: { statusCode: 400, message: 'bad request', errorCode: 'invalid_request' },
      log: '',
    });
    expect(answerTo(Object.assign(new Error('big'), { statusCode: 413 })).status).toBe(413);
  });

  it('leaves an error with a code of its own as it is', () => {
    const body = { statusCode: 400, message: 'points must be an integer', errorCode: 'invalid_request' };
    expect(answerTo(new BadRequestException(body))).toMatchObject({ body, status: 400, log: '' });
  });

  it('gives an error of the framework the shape of all others, without its message', () => {
    expect(answerTo(new NotFoundException('Cannot GET /planted')).body).toEqual({
      statusCode: 404,
      message: 'not found',
      errorCode: 'not_found',
    });
    expect(answerTo(new BadRequestException('Unexpected token "planted-code"')).body).toEqual({
      statusCode: 400,
      message: 'bad request',
      errorCode: 'invalid_request',
    });
  });

  it('is an error of the field in GraphQL, where one that was thrown on purpose stays as it is', () => {
    const filter = new UnexpectedErrorFilter({} as HttpAdapterHost);
    const logged = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    const host = new ExecutionContextHost([]);
    host.setType('graphql');
    const own = new GraphQLError('no', { extensions: { code: 'UNAUTHENTICATED' } });
    expect(filter.catch(own, host)).toBe(own);
    expect(logged).not.toHaveBeenCalled();
    expect(filter.catch(new Error('planted'), host)).toMatchObject({
      message: 'internal server error',
      extensions: { code: 'INTERNAL_SERVER_ERROR', errorCode: 'internal_server_error', status: 500 },
    });
    expect(logged.mock.calls.flat().join('')).toMatch(/^Error\n/);
  });

  it.each([undefined, null, 'planted-text', { statusCode: 404 }])('is a 500 for a thrown %j', (thrown) => {
    const { status, log } = answerTo(thrown);
    expect(status).toBe(500);
    expect(log).not.toContain('planted');
  });
});

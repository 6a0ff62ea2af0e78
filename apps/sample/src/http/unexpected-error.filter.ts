import { STATUS_CODES } from 'node:http';
import { types } from 'node:util';
import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Logger } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { GraphQLError } from 'graphql';
import { isDatabaseUnavailable } from '../database/is-database-unavailable.js';
import { describe } from './describe-error.js';

/**
 * Answers errors that no other filter has caught, in the one shape of all errors, and logs them without quoting
 * anything: a failed query carries its parameters, a body that is not JSON carries itself, and both may hold a code or
 * a session.
 */
@Catch()
export class UnexpectedErrorFilter implements ExceptionFilter {
  readonly #logger = new Logger(UnexpectedErrorFilter.name);
  readonly #adapterHost: HttpAdapterHost;

  constructor(adapterHost: HttpAdapterHost) {
    this.#adapterHost = adapterHost;
  }

  /** @returns for GraphQL, what the field answers */
  catch(exception: unknown, host: ArgumentsHost): GraphQLError | undefined {
    // What a guard has refused, or the code of a resolver has thrown on purpose.
    if (exception instanceof GraphQLError) return exception;
    const { httpAdapter } = this.#adapterHost;
    const { statusCode, body } = answerFor(exception);
    if (statusCode >= 500 && !(exception instanceof HttpException)) this.#logger.error(describe(exception));
    if (host.getType<string>() === 'graphql') return errorOfField(body);
    const response: unknown = host.getArgByIndex(1);
    if (statusCode === 503) httpAdapter.setHeader(response, 'Retry-After', '1');
    if (httpAdapter.isHeadersSent(response)) httpAdapter.end(response);
    else httpAdapter.reply(response, body, statusCode);
    return undefined;
  }
}

interface ErrorBody {
  readonly statusCode: number;
  readonly message: string;
  readonly errorCode: string;
}

/** The same names as in the errors of the sign-in module. */
function errorOfField({ statusCode, message, errorCode }: ErrorBody): GraphQLError {
  const code = (STATUS_CODES[statusCode] ?? 'error').toUpperCase().replaceAll(/\W+/g, '_');
  return new GraphQLError(message, { extensions: { code, errorCode, status: statusCode } });
}

const databaseUnavailable = {
  statusCode: 503,
  message: 'the database does not answer, try again later',
  errorCode: 'database_unavailable',
};

function answerFor(exception: unknown): { statusCode: number; body: ErrorBody } {
  if (isDatabaseUnavailable(exception)) return { statusCode: 503, body: databaseUnavailable };
  const statusCode = statusOf(exception);
  const own = exception instanceof HttpException ? exception.getResponse() : undefined;
  if (isErrorBody(own)) return { statusCode, body: own };
  // Messages from other code are not sent: the one about a body that is not JSON quotes the body.
  const message = (STATUS_CODES[statusCode] ?? 'error').toLowerCase();
  const errorCode = statusCode === 400 ? 'invalid_request' : message.replaceAll(/\W+/g, '_');
  return { statusCode, body: { statusCode, message, errorCode } };
}

function isErrorBody(value: unknown): value is ErrorBody {
  return (
    typeof value === 'object' && value !== null && 'errorCode' in value && 'message' in value && 'statusCode' in value
  );
}

/** The status that Nest, or a body parser of Express or Fastify, asks for; 500 for all other errors. */
function statusOf(exception: unknown): number {
  if (exception instanceof HttpException) return exception.getStatus();
  const status = types.isNativeError(exception) && 'statusCode' in exception ? exception.statusCode : undefined;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : 500;
}

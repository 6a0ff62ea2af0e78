import { type ArgumentsHost, Catch, type ExceptionFilter, Inject } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { throwError } from 'rxjs';
import { NowggAuthError } from '../errors.js';
import { RESOLVED_OPTIONS, type ResolvedNowggAuthOptions } from '../options/options.js';
import { errorHeaders, type HeaderTarget, setResponseHeaders } from './challenge.js';
import { TransportFailure } from './transport.js';

/**
 * Answers this module's errors with their headers: challenge, `Retry-After`, `Cache-Control: no-store`. The guard sets
 * them without this filter; mount it for errors that services and the Passport strategy throw, for example as
 * `{ provide: APP_FILTER, useExisting: NowggAuthExceptionFilter }`. An application that has a filter for all errors
 * (`@Catch()`) mounts it after that one: Nest tries the later filter first. Otherwise that filter decides what becomes of
 * the refusals of the guard in GraphQL.
 *
 * @example
 * ```ts
 * import { Module } from '@nestjs/common';
 * import { APP_FILTER } from '@nestjs/core';
 * import { NowggAuthExceptionFilter } from 'nestjs-nowgg-auth';
 *
 * @Module({
 *   providers: [{ provide: APP_FILTER, useExisting: NowggAuthExceptionFilter }],
 * })
 * export class ErrorsModule {}
 * ```
 */
@Catch(NowggAuthError, TransportFailure)
export class NowggAuthExceptionFilter implements ExceptionFilter<NowggAuthError | TransportFailure> {
  constructor(
    private readonly adapterHost: HttpAdapterHost,
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedNowggAuthOptions,
  ) {}

  catch(exception: NowggAuthError | TransportFailure, host: ArgumentsHost): unknown {
    if (exception instanceof TransportFailure) return exception;
    if (host.getType() === 'rpc') return throwError(() => exception);
    // GraphQL answers with the error that a filter returns.
    if (host.getType() !== 'http') return exception;
    const { httpAdapter } = this.adapterHost;
    const response = host.getArgByIndex<HeaderTarget>(1);
    if (httpAdapter.isHeadersSent(response)) return httpAdapter.end(response);
    setResponseHeaders(response, errorHeaders(exception, this.options.realm));
    return httpAdapter.reply(response, exception.getResponse(), exception.getStatus());
  }
}

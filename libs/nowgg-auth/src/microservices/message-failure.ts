import type { ExecutionContext } from '@nestjs/common';
import { RpcException } from '@nestjs/microservices';
import {
  banHintsOf,
  hintsOfError,
  IdentityUnavailableError,
  type NowggAuthError,
  type NowggErrorBody,
  type NowggErrorCode,
} from '../errors.js';

/** What the caller of a message receives as its error. */
export interface NowggRpcError
  extends Pick<NowggErrorBody, 'reasonCode' | 'text' | 'until' | 'feature' | 'maxAgeSeconds'> {
  /** As in every error of a Nest microservice. */
  readonly status: 'error';
  readonly message: string;
  readonly errorCode: NowggErrorCode;
  /** The status that the same failure has over HTTP. */
  readonly statusCode: number;
  /** With a 503: seconds after which to try again. */
  readonly retryAfterSeconds?: number;
}

/** Status codes of gRPC. */
const GRPC_CODES: Readonly<Record<number, number>> = { 400: 3, 401: 16, 403: 7, 503: 14 };
const GRPC_INTERNAL = 13;

/** The metadata of a gRPC call, whose class is not imported: the application may not have it. */
interface GrpcMetadata {
  getMap(): unknown;
  set(key: string, value: string | Buffer): void;
}

/**
 * The failure of a message. A gRPC caller receives a status code, and the `errorCode` in the trailing metadata
 * `nowgg-error-code`. The fields that explain a ban are JSON in `nowgg-ban-bin`; how long
 * ago the sign-in may be, in seconds, is in `nowgg-max-age`.
 */
export function failureOfMessage(error: NowggAuthError, execution: ExecutionContext): RpcException {
  const statusCode = error.getStatus();
  const { message, errorCode } = error;
  const metadata: unknown = execution.getArgByIndex(1);
  if (isGrpcMetadata(metadata)) {
    const trailing = new (metadata.constructor as new () => GrpcMetadata)();
    trailing.set('nowgg-error-code', errorCode);
    const ban = JSON.stringify(banHintsOf(error));
    // Metadata is ASCII unless its name ends in -bin.
    if (ban !== '{}') trailing.set('nowgg-ban-bin', Buffer.from(ban));
    const { maxAgeSeconds } = hintsOfError(error);
    if (maxAgeSeconds !== undefined) trailing.set('nowgg-max-age', String(maxAgeSeconds));
    const code = GRPC_CODES[statusCode] ?? GRPC_INTERNAL;
    return new RpcException({ code, message, details: message, metadata: trailing });
  }
  const failure: NowggRpcError = {
    status: 'error',
    message,
    errorCode,
    statusCode,
    ...(error instanceof IdentityUnavailableError && { retryAfterSeconds: error.retryAfterSeconds }),
    ...hintsOfError(error),
  };
  return new RpcException(failure);
}

function isGrpcMetadata(value: unknown): value is GrpcMetadata {
  return typeof (value as GrpcMetadata | null | undefined)?.getMap === 'function';
}

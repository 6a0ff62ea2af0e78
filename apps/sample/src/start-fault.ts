import { NowggConfigurationError } from 'nestjs-nowgg-auth';
import { DatabaseUnreachableError } from './database/reach-database.js';
import { DataDirectoryInUseError } from './embedded/data-directory-lock.js';
import { EmbeddedDatabaseError } from './embedded/embedded-postgres.js';

interface SystemFault extends NodeJS.ErrnoException {
  readonly port?: number;
}

/** What went wrong at the start and what to do, in one sentence; the stack for an unexpected error. */
export function sentenceFor(error: unknown, dataDirectory: string | undefined): string {
  if (error instanceof DataDirectoryInUseError) return error.message;
  if (error instanceof DatabaseUnreachableError) return error.message;
  if (error instanceof EmbeddedDatabaseError) return `${error.message}${startAfresh(dataDirectory)}`;
  if (error instanceof NowggConfigurationError) return `${error.message}${startAfresh(dataDirectory)}`;
  const { code, port, syscall, path } = error as SystemFault;
  switch (code) {
    case 'EADDRINUSE':
      return `port ${port} is taken: set PORT (or NOWGG_EMULATOR_PORT, OIDC_EMBEDDED_PORT) to another one, or 0`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `HOST is not an address of this machine (${code}): set it to one that is, such as 127.0.0.1, or leave it out`;
    case 'EACCES':
      if (syscall === 'listen') return `this user may not listen on port ${port}: set PORT to one above 1023, or 0`;
      break;
    default:
  }
  if (dataDirectory !== undefined && path?.startsWith(dataDirectory) && code !== undefined) {
    return `the data directory ${dataDirectory} cannot be used (${code}): set NOWGG_SAMPLE_DATA_DIR to a directory that this user may write to`;
  }
  return error instanceof Error ? (error.stack ?? error.message) : 'the app could not start';
}

/** @param dataDirectory undefined when nothing is kept on this machine */
function startAfresh(dataDirectory: string | undefined): string {
  return dataDirectory === undefined
    ? ''
    : `. To start afresh, delete ${dataDirectory}: its players and sessions are lost`;
}

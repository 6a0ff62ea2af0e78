import { Logger } from '@nestjs/common';

interface ReachabilityLog {
  reachable(): void;
  unreachable(error: unknown): void;
}

/** Network error codes and the first words of Redis errors; nothing else of an error is logged. */
const CODE = /^(?:E[A-Z]{2,30}|(?:WRONGPASS|NOAUTH|NOPERM|LOADING|READONLY|MASTERDOWN|CLUSTERDOWN)(?= ))/;

/** Logs one line for each change, without address or credentials. */
export function reachabilityLog(logger = new Logger('NowggSharedCache')): ReachabilityLog {
  let isReachable: boolean | undefined;
  return {
    reachable() {
      if (isReachable === false) logger.log('Redis can be reached again: verdicts are shared');
      isReachable = true;
    },
    unreachable(error) {
      if (isReachable !== false) logger.warn(`Redis cannot be reached (${codeOf(error)}): verdicts are not shared`);
      isReachable = false;
    },
  };
}

function codeOf(error: unknown): string {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  const found = [code, message].map((text) => (typeof text === 'string' ? CODE.exec(text)?.[0] : undefined));
  return found.find((text) => text !== undefined) ?? 'no answer';
}

import { Logger } from '@nestjs/common';

export interface ReachabilityLog {
  reachable(): void;
  unreachable(error: unknown): void;
}

/** Error codes of the network and first words of Redis' own refusals; nothing else of an error is logged. */
const CODE = /^(?:E[A-Z]{2,30}|(?:WRONGPASS|NOAUTH|NOPERM|LOADING|READONLY|MASTERDOWN|CLUSTERDOWN)(?= ))/;

/** One line for each change, without address or credentials. */
export function reachabilityLog(logger = new Logger('NowggSharedCache')): ReachabilityLog {
  let isReachable: boolean | undefined;
  return {
    reachable() {
      if (isReachable === false) logger.log('Redis is back: verdicts are shared again');
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

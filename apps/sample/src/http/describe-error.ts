import { types } from 'node:util';

/** Kind, SQLSTATE or system code, and location of an error; never the message. */
export function describe(exception: unknown): string {
  if (!types.isNativeError(exception)) return `thrown: a ${typeof exception}`;
  const code = 'code' in exception ? String(exception.code) : '';
  const kind = `${exception.constructor.name} ${/^[A-Z0-9_]{1,40}$/.test(code) ? code : ''}`.trim();
  return [kind, ...(exception.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))].join('\n');
}

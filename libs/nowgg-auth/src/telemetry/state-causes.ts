/**
 * Why a state lasts, as a label of few values. The details of states are codes of Node, PostgreSQL, Redis and HTTP, of
 * which there are hundreds.
 * - `timeout`: no answer in time. `unreachable`: no connection, or a cut one. `tls`: the certificate does not fit.
 * - `status_5xx`, `status_429`, `status_other`: the identity system answers with such a status.
 * - `full`: no space is left on the disk of the database. `read_only`: it does not write. `connections`: it has none
 *   left.
 * - `refused`: a password or a right is missing. `schema`: a table or a column is missing.
 * - `overloaded`, `over_rate`, `over_budget`: the limit that was reached.
 * - `other`: another code. Empty where the state has no detail.
 */
export type StateCause = (typeof STATE_CAUSES)[number];

export const STATE_CAUSES = [
  'timeout',
  'unreachable',
  'tls',
  'status_5xx',
  'status_429',
  'status_other',
  'full',
  'read_only',
  'connections',
  'refused',
  'schema',
  'overloaded',
  'over_rate',
  'over_budget',
  'other',
  '',
] as const;

/** Classes of codes, the first that fits counts. */
const CODES: readonly (readonly [RegExp, StateCause])[] = [
  [/^(?:timeout|no reply in time|ETIMEDOUT|57014|UND_ERR_[A-Z]{1,20}_TIMEOUT)$/, 'timeout'],
  [/^status 5\d\d$/, 'status_5xx'],
  [/^status 429$/, 'status_429'],
  [/^status \d{3}$/, 'status_other'],
  [/^53100$/, 'full'],
  [/^(?:25006|READONLY)$/, 'read_only'],
  [/^53300$/, 'connections'],
  [/^(?:28\w{3}|42501|WRONGPASS|NOAUTH|NOPERM)$/, 'refused'],
  [/^(?:42P01|42703|3F000)$/, 'schema'],
  [/^overloaded$/, 'overloaded'],
  [/^over_rate$/, 'over_rate'],
  [/^over_budget$/, 'over_budget'],
  [
    /^(?:tls|ERR_TLS\w{0,40}|ERR_SSL\w{0,40}|CERT_\w{1,40}|EPROTO|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED\w{0,40}|UNABLE_TO_\w{1,40})$/,
    'tls',
  ],
  [
    /^(?:E[A-Z]{2,30}|EAI_AGAIN|network|no answer|UND_ERR_\w{1,40}|08\w{3}|57P\d\d|LOADING|MASTERDOWN|CLUSTERDOWN)$/,
    'unreachable',
  ],
];

/** @param detail of a state: a code, or a kind of call and a code, such as `verify: ETIMEDOUT` */
export function stateCause(detail: string | undefined): StateCause {
  if (detail === undefined) return '';
  const code = detail.slice(detail.lastIndexOf(': ') + 1).trim();
  return CODES.find(([pattern]) => pattern.test(code))?.[1] ?? 'other';
}

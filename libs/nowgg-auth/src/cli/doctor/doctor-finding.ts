/** The areas that `doctor` looks at. */
export type DoctorArea = 'configuration' | 'identity' | 'database' | 'redis';

/** One thing that `doctor` looked at. Contains no secret, token, address or player data. */
export interface Finding {
  readonly area: DoctorArea;
  readonly check: string;
  readonly status: 'ok' | 'warning' | 'failed' | 'skipped';
  readonly message: string;
  /** What to do. */
  readonly advice?: string;
}

/** Makes the findings of one area. */
export function findingsOf(area: DoctorArea) {
  const made = (status: Finding['status']) => (check: string, message: string, advice?: string) =>
    ({ area, check, status, message, ...(advice !== undefined && { advice }) }) satisfies Finding;
  return { ok: made('ok'), warning: made('warning'), failed: made('failed'), skipped: made('skipped') };
}

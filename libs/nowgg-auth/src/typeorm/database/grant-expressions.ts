/** Length of the week that `refresh_week` counts, in seconds. */
const WEEK_S = 604_800;

/** Number of a time's week since 1970. */
export function weekOf(time: string): string {
  return `floor(extract(epoch FROM ${time}) / ${WEEK_S})::integer`;
}

/** Version and key id of a ciphertext as text, such as `2:k1`; empty without a ciphertext, `?` when it is malformed. */
export function sealOf(ciphertext: string): string {
  const start = `substring(${ciphertext} FROM 1 FOR 2)`;
  return `(CASE WHEN length(${ciphertext}) = 0 THEN '' WHEN length(${ciphertext}) < 3 THEN '?'
    ELSE get_byte(${start}, 0) || ':' || encode(substring(${ciphertext} FROM 3 FOR get_byte(${start}, 1)), 'escape') END)`;
}

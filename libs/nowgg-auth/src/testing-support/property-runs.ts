/**
 * The number of cases that a property test tries: a fifth of `runs`, so that the unit tests stay quick. `.ci/run` tries all
 * of them, and `npm run test:properties` twenty times as many.
 *
 * @param runs number of cases in `.ci/run`
 */
export function propertyRuns(runs: number): number {
  return Math.ceil(runs * Number(process.env['NOWGG_PROPERTY_FACTOR'] ?? 0.2));
}

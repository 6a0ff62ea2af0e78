/**
 * How many cases a property test tries. `npm run test:properties` multiplies all of them.
 *
 * @param runs cases in an ordinary run of the tests
 */
export function propertyRuns(runs: number): number {
  return runs * Number(process.env['NOWGG_PROPERTY_FACTOR'] ?? 1);
}

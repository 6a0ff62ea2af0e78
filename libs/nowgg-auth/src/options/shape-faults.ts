import { validateSync } from 'class-validator';

type Shape = new () => object;

/** Whether a value is a plain settings object, as a literal or a configuration file gives it. */
export function isSettings(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The faults of an object, one sentence for each property, with `path` before each name. Values never appear.
 */
export function shapeFaults(shape: Shape, value: unknown, path = ''): string[] {
  if (!isSettings(value)) return [`${path === '' ? 'the options' : path.slice(0, -1)} must be an object`];
  const candidate = new shape() as Record<string, unknown>;
  const unknown: string[] = [];
  for (const [key, entry] of Object.entries(value)) {
    // A shape declares every option as a field. Only those are copied, so that a name like __proto__ does no harm.
    if (Object.hasOwn(candidate, key)) candidate[key] = entry;
    else unknown.push(`unknown option ${path}${key}`);
  }
  const wrong = validateSync(candidate).map(
    ({ property, constraints = {} }) => `${path}${property} ${Object.values(constraints)[0]}`,
  );
  return [...unknown, ...wrong];
}

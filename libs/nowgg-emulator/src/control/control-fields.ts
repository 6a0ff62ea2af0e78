import type { JsonObject } from '../endpoints/fields.js';
import { isJsonObject } from '../endpoints/fields.js';

/** A control request that cannot be carried out; its message is sent to the caller. */
export class ControlRequestError extends Error {}

type FieldType = 'string' | 'number' | 'boolean';
type FieldsOf<Types> = {
  [Name in keyof Types]?: Types[Name] extends 'string' ? string : Types[Name] extends 'number' ? number : boolean;
};

/** Checks that all fields of a control request are known and have the right type. All are optional. */
export function readFields<const Types extends Readonly<Record<string, FieldType>>>(
  body: JsonObject,
  types: Types,
): FieldsOf<Types> {
  for (const [name, value] of Object.entries(body)) {
    const type = Object.hasOwn(types, name) ? types[name] : undefined;
    if (!type) throw new ControlRequestError(`unknown field ${JSON.stringify(name.slice(0, 40))}`);
    if (typeof value !== type || (type === 'number' && !Number.isFinite(value)))
      throw new ControlRequestError(`${name} must be a ${type}`);
  }
  return body as FieldsOf<Types>;
}

/** Checks that `value` has the shape of `sample`: the same fields, strings at the leaves. */
export function hasShapeOf(value: unknown, sample: unknown): boolean {
  if (!isJsonObject(sample)) return typeof value === typeof sample;
  const names = Object.keys(sample);
  return (
    isJsonObject(value) &&
    Object.keys(value).length === names.length &&
    names.every((name) => Object.hasOwn(value, name) && hasShapeOf(value[name], sample[name]))
  );
}

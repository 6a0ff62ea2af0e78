/** A JSON object as received, unchecked. */
export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The fields of a request body; all of them are strings that are not empty. */
export interface BodyFields {
  readonly required: readonly string[];
  readonly optional?: readonly string[];
  /** Messages for fields that clients send by mistake. */
  readonly hints?: Readonly<Record<string, string>>;
}

/**
 * Returns the problem with a body; undefined when there is none. Names fields, never their values.
 *
 * @param strict whether an unknown field is a problem
 */
export function complainAboutFields(
  body: JsonObject,
  { required, optional = [], hints = {} }: BodyFields,
  strict: boolean,
): string | undefined {
  for (const name of required) if (!Object.hasOwn(body, name)) return `${name} is missing`;
  for (const name of [...required, ...optional]) {
    if (!Object.hasOwn(body, name)) continue;
    if (typeof body[name] !== 'string') return `${name} must be a string`;
    if (body[name] === '') return `${name} must not be empty`;
  }
  for (const name of strict ? Object.keys(body) : []) {
    if (required.includes(name) || optional.includes(name)) continue;
    return Object.hasOwn(hints, name) ? hints[name] : `unknown field ${JSON.stringify(name.slice(0, 40))}`;
  }
  return undefined;
}

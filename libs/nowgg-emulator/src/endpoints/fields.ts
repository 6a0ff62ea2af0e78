/** A JSON object as received, unchecked. */
export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Returns the problem with a body that must consist of exactly these non-empty strings; undefined when there is none.
 * Names fields, never their values.
 *
 * @param hints messages for fields that clients send by mistake
 */
export function complainAboutFields(
  body: JsonObject,
  required: readonly string[],
  hints: Readonly<Record<string, string>> = {},
): string | undefined {
  for (const name of required) {
    if (!Object.hasOwn(body, name)) return `${name} is missing`;
    if (typeof body[name] !== 'string') return `${name} must be a string`;
    if (body[name] === '') return `${name} must not be empty`;
  }
  for (const name of Object.keys(body)) {
    if (required.includes(name)) continue;
    return Object.hasOwn(hints, name) ? hints[name] : `unknown field ${JSON.stringify(name.slice(0, 40))}`;
  }
  return undefined;
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Whether a value can be the id of a grant. The store is not asked for any other value. */
export function isGrantId(id: unknown): id is string {
  return typeof id === 'string' && UUID.test(id);
}

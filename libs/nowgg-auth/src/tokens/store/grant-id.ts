const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Whether it can be the id of a grant: no store is asked for anything else. */
export function isGrantId(id: unknown): id is string {
  return typeof id === 'string' && UUID.test(id);
}

/**
 * Asks the control interface. Throws an error whose message can be shown.
 *
 * @param {'POST' | 'DELETE'} method
 * @param {string} operation below `/_control/`
 * @param {unknown} [body]
 */
export async function control(method, operation, body = {}) {
  /** @type {Response} */
  let response;
  try {
    response = await fetch(`/_control/${operation}`, {
      method,
      headers: { 'content-type': 'application/json' },
      // oxlint-disable-next-line unicorn/no-invalid-fetch-options -- it takes the method for GET, which it never is
      body: JSON.stringify(body),
    });
  } catch {
    throw new Error('the emulator does not answer');
  }
  const answer = await response.json();
  if (!response.ok) throw new Error(typeof answer.error === 'string' ? answer.error : 'the emulator refused that');
  return answer;
}

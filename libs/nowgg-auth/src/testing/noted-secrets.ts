/** Secrets that are looked for; undefined while no search runs, so that nothing is kept. */
let noted: Set<string> | undefined;

/** Remembers a secret for the search that runs, if one does. */
export function noteSecret(secret: string): void {
  noted?.add(secret);
}

/** Begins a search. @throws Error while another one runs: the two would find each other's secrets */
export function beginNoting(): Set<string> {
  if (noted) throw new Error('expectNoSecrets: another search runs, await it first');
  noted = new Set();
  return noted;
}

/** Ends the search. */
export function endNoting(): void {
  noted = undefined;
}

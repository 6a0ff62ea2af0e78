const longest = 64;

/** A name from outside, cleaned for storage and display: no control characters, no half characters, 64 at most. */
export function displayNameFrom(name: string | undefined): string | null {
  const visible = (name ?? '').toWellFormed().replace(/\p{C}/gu, '').trim();
  return Array.from(visible).slice(0, longest).join('').trim() || null;
}

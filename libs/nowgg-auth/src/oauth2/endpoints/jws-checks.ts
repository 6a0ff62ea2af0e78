import { errors } from 'jose';

/** Whether the error means that this key did not sign the token or is unusable. Other errors are about the token. */
export function isOfTheKey(error: unknown): boolean {
  return error instanceof errors.JWSSignatureVerificationFailed || !(error instanceof errors.JOSEError);
}

/** A `typ` in the form in which it compares: without case and without `application/` (RFC 7515 section 4.1.9). */
export function normalType(type: string): string {
  return type.toLowerCase().replace(/^application\//, '');
}

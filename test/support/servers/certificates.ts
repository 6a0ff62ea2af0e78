import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A certificate authority of its own for one test file, by the `openssl` program. */
export class CertificateAuthority implements Disposable {
  readonly #directory = mkdtempSync(join(tmpdir(), 'nowgg-certificates-'));
  /** Path of its certificate, for `NODE_EXTRA_CA_CERTS`. */
  readonly path = this.#file('ca.pem');
  #issued = 0;

  constructor(name: string) {
    this.#openssl(
      'req',
      '-x509',
      ...keyTo(this.#file('ca.key')),
      '-subj',
      `/CN=${name}`,
      '-days',
      '2',
      '-out',
      this.path,
    );
  }

  /** A certificate for a subject alternative name such as `IP:127.0.0.1`; ended yesterday if `days` is -1. */
  issue(name: string, days = 1): { key: string; cert: string } {
    this.#issued += 1;
    const [key, request, cert] = ['key', 'csr', 'pem'].map((end) => this.#file(`${this.#issued}.${end}`)) as [
      string,
      string,
      string,
    ];
    this.#openssl('req', ...keyTo(key), '-subj', '/CN=test', '-addext', `subjectAltName=${name}`, '-out', request);
    const ca = ['-CA', this.path, '-CAkey', this.#file('ca.key'), '-CAcreateserial'];
    this.#openssl(
      'x509',
      '-req',
      '-in',
      request,
      ...ca,
      '-days',
      String(days),
      '-copy_extensions',
      'copy',
      '-out',
      cert,
    );
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  }

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #file(name: string): string {
    return join(this.#directory, name);
  }

  #openssl(...args: string[]): void {
    execFileSync('openssl', args, { stdio: 'ignore' });
  }
}

function keyTo(path: string): string[] {
  return ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', path];
}

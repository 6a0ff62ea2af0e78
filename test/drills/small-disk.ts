import { execFileSync } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { databaseUser } from '../support/servers/postgres-cluster.js';

/** Room for a migrated database and some minutes of players. */
const SIZE = '48m';

/** A disk in memory that can be filled up. It takes the rights of root. */
export class SmallDisk {
  readonly folder: string;
  readonly #mount: string;

  private constructor(mount: string) {
    this.#mount = mount;
    this.folder = mount;
  }

  /** Undefined where this user may not mount one. */
  static make(): SmallDisk | undefined {
    const owner = databaseUser();
    if (!owner) return undefined;
    const mount = mkdtempSync(path.join(tmpdir(), 'nowgg-disk-'));
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE},mode=0700`, 'tmpfs', mount], { stdio: 'ignore' });
    } catch {
      rmSync(mount, { recursive: true, force: true });
      return undefined;
    }
    chownSync(mount, owner.uid, owner.gid);
    return new SmallDisk(mount);
  }

  /** Leaves no space on it. */
  fill(): void {
    const { bavail, bsize } = statfsSync(this.#mount);
    writeFileSync(this.#ballast, Buffer.alloc(bavail * bsize));
  }

  empty(): void {
    rmSync(this.#ballast, { force: true });
  }

  remove(): void {
    execFileSync('umount', ['-l', this.#mount], { stdio: 'ignore' });
    rmSync(this.#mount, { recursive: true, force: true });
  }

  get #ballast(): string {
    return path.join(this.#mount, 'ballast');
  }
}

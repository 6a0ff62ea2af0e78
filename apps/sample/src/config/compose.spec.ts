import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { readEnvironment } from './environment.js';

const root = path.resolve(import.meta.dirname, '../../../..');

interface Compose {
  readonly services: Record<string, { ports: string[]; environment?: Record<string, string> } | undefined>;
}

/** The variables that `.env.example` suggests, as they are behind their `#`. */
function suggested(): Record<string, string> {
  const lines = readFileSync(path.join(root, '.env.example'), 'utf8').split('\n');
  return Object.fromEntries(
    lines.flatMap((line) => (/^#([A-Z_]+)=(.+)$/.exec(line)?.slice(1, 3) ? [line.slice(1).split(/=(.*)/, 2)] : [])),
  );
}

describe('docker compose up -d', () => {
  const { services } = parse(readFileSync(path.join(root, 'docker-compose.yml'), 'utf8')) as Compose;

  it('starts the services that .env.example has the addresses of, and no others', () => {
    const { DATABASE_URL = '', REDIS_URL = '' } = suggested();
    expect(Object.keys(services)).toEqual(['postgres', 'redis']);
    const {
      POSTGRES_USER: user,
      POSTGRES_PASSWORD: password,
      POSTGRES_DB: name,
    } = services.postgres?.environment ?? {};
    const addressOf = (service: string) => services[service]?.ports[0]?.split(':').slice(0, 2).join(':');
    expect(DATABASE_URL).toBe(`postgres://${user}:${password}@${addressOf('postgres')}/${name}`);
    expect(REDIS_URL).toBe(`redis://${addressOf('redis')}`);
    const environment = readEnvironment({ DATABASE_URL, REDIS_URL });
    expect([environment.database?.url, environment.redisUrl]).toEqual([DATABASE_URL, REDIS_URL]);
  });
});

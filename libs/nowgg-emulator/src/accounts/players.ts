import { randomBytes, randomUUID } from 'node:crypto';

/** The device part of a session, as the session information endpoint shows it. */
export interface EmulatedDevice {
  readonly os: { readonly version: string; readonly name: string; readonly platform: string };
  /** The API reference has `brand` and `model` as text in its sample and as numbers in its table. */
  readonly device: { readonly brand: string | number; readonly model: string | number; readonly type: string };
  readonly client: {
    readonly version: string;
    readonly engine: string;
    readonly name: string;
    readonly type: string;
    readonly engineVersion: string;
  };
}

/** A now.gg account and the device that its owner plays on. */
export interface EmulatedPlayer {
  /** The id that tokens, id_tokens and userinfo share. */
  readonly userId: string;
  /** The `sub` of id_tokens: a different value from `userId`. */
  readonly sub: string;
  readonly email: string;
  /** Mobile number with the country's prefix. */
  readonly mobile: string;
  readonly name: string;
  /** Address of a picture: `picture` in id_tokens, `profilePicture` in userinfo. */
  readonly picture: string;
  readonly countryCode: string;
  readonly country: string;
  readonly countryRegionCode: string;
  readonly countryRegion: string;
  readonly city: string;
  readonly postalCode: string;
  readonly userAgent: string;
  readonly ip: string;
  readonly locale: string;
  readonly packageName: string;
  readonly deviceData: EmulatedDevice;
}

const phone: EmulatedDevice = {
  os: { version: '13', name: 'Android', platform: 'arm64' },
  device: { brand: 'Samsung', model: 'SM-S911B', type: 'smartphone' },
  client: { version: '126.0', engine: 'Blink', name: 'Chrome Mobile', type: 'browser', engineVersion: '126.0' },
};

/** The default players of an emulator. */
export const seedPlayers: readonly Partial<EmulatedPlayer>[] = [
  {
    userId: 'player-asha',
    sub: '01HZX3J5T0ASHA0000000000AA',
    email: 'asha@example.com',
    mobile: '+919000000001',
    name: 'Asha Rao',
    countryCode: 'IN',
    country: 'India',
    countryRegionCode: 'KA',
    countryRegion: 'Karnataka',
    city: 'Bengaluru',
    postalCode: '560001',
    locale: 'en-IN',
  },
  {
    userId: 'player-bjorn',
    sub: '01HZX3J5T0BJORN000000000BB',
    email: 'bjorn@example.com',
    mobile: '+46700000002',
    name: 'Björn Åkesson',
    countryCode: 'SE',
    country: 'Sweden',
    countryRegionCode: 'AB',
    countryRegion: 'Stockholm',
    city: 'Stockholm',
    postalCode: '111 20',
    locale: 'sv-SE',
  },
  {
    userId: 'player-chloe',
    sub: '01HZX3J5T0CHLOE000000000CC',
    email: 'chloe@example.com',
    mobile: '+12025550103',
    name: 'Chloe Martin',
  },
];

/** The players of one emulator, by user id and in the order in which they were added. */
export class PlayerStore {
  readonly #players = new Map<string, EmulatedPlayer>();

  /** Adds a player; missing fields are made up. @throws Error when the user id is taken. */
  add(given: Partial<EmulatedPlayer> = {}): EmulatedPlayer {
    const player = Object.freeze({ ...inventPlayer(), ...given });
    if (this.#players.has(player.userId)) throw new Error('a player with this userId exists already');
    this.#players.set(player.userId, player);
    return player;
  }

  find(userId: string): EmulatedPlayer | undefined {
    return this.#players.get(userId);
  }

  /** The player with this id, or the first one when none is named. @throws Error when there is none. */
  get(userId?: string): EmulatedPlayer {
    const player = userId === undefined ? this.#players.values().next().value : this.#players.get(userId);
    if (!player) throw new Error(userId === undefined ? 'the emulator has no players' : 'there is no such player');
    return player;
  }

  all(): readonly EmulatedPlayer[] {
    return [...this.#players.values()];
  }

  clear(): void {
    this.#players.clear();
  }
}

/** A player with everything made up. */
export function inventPlayer(): EmulatedPlayer {
  const handle = randomBytes(4).toString('hex');
  return {
    userId: randomUUID(),
    sub: randomUUID(),
    email: `player-${handle}@example.com`,
    mobile: '+12025550100',
    name: `Player ${handle}`,
    picture: `https://cdn.example.com/avatars/${handle}.png`,
    countryCode: 'US',
    country: 'United States',
    countryRegionCode: 'CA',
    countryRegion: 'California',
    city: 'Campbell',
    postalCode: '95008',
    userAgent: 'Mozilla/5.0 (Linux; Android 13; SM-S911B) Chrome/126.0 Mobile',
    ip: '203.0.113.7',
    locale: 'en-US',
    packageName: 'com.example.game',
    deviceData: phone,
  };
}

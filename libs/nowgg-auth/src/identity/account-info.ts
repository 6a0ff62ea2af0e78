/** Account data of a player from the identity system. Only `userId` is always there; the rest may be absent. */
export interface NowggUserInfo extends NowggGeoData {
  readonly userId: string;
  readonly email?: string | undefined;
  /** With the country calling code. */
  readonly mobile?: string | undefined;
  readonly name?: string | undefined;
  /** URL of the picture; the same picture is called `picture` in an id_token. */
  readonly profilePicture?: string | undefined;
}

/** Data from now.gg about the session in which a token was issued. Every field may be absent. */
export interface NowggSessionInfo {
  readonly userAgent?: string | undefined;
  readonly ip?: string | undefined;
  readonly locale?: string | undefined;
  readonly deviceData: {
    readonly os: NowggDeviceOs;
    readonly device: NowggDevice;
    readonly client: NowggDeviceClient;
  };
  readonly geoData: NowggGeoData;
  /** As now.gg sends it; its format is not documented. */
  readonly lastSessionTimestamp?: string | undefined;
  readonly packageName?: string | undefined;
}

export interface NowggDeviceOs {
  readonly version?: string | undefined;
  readonly name?: string | undefined;
  readonly platform?: string | undefined;
}

export interface NowggDevice {
  readonly brand?: string | undefined;
  readonly model?: string | undefined;
  readonly type?: string | undefined;
}

export interface NowggDeviceClient {
  readonly version?: string | undefined;
  readonly engine?: string | undefined;
  readonly name?: string | undefined;
  readonly type?: string | undefined;
  readonly engineVersion?: string | undefined;
}

export interface NowggGeoData {
  readonly countryCode?: string | undefined;
  readonly country?: string | undefined;
  readonly countryRegionCode?: string | undefined;
  readonly countryRegion?: string | undefined;
  readonly city?: string | undefined;
  readonly postalCode?: string | undefined;
}

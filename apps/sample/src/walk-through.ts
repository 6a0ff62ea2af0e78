/** One step: its title, the commands for a POSIX shell, and their output. `…` stands for any text. */
export interface WalkThroughStep {
  readonly title: string;
  readonly commands: readonly string[];
  readonly prints: readonly string[];
}

const json = `-H 'content-type: application/json'`;
const bearer = `-H "authorization: Bearer $TOKEN"`;
/** A command that takes a text field out of a JSON line: not every machine has jq. */
const field = (name: string) => `sed -n 's/.*"${name}":"\\([^"]*\\)".*/\\1/p'`;

/** The parts of the environment that the tour depends on. */
export interface WalkThroughSurroundings {
  /** The emulator's address. */
  readonly emulator: string;
  /** Whether web players sign in at the embedded provider, which asks for a name and not for a password. */
  readonly isWebEmbedded: boolean;
}

/**
 * A tour of the backend with curl, to be pasted into one shell from top to bottom.
 * @param app the backend's address
 */
export function walkThrough(app: string, { emulator, isWebEmbedded }: WalkThroughSurroundings): WalkThroughStep[] {
  return [
    codeStep(emulator),
    ...signInSteps(app),
    ...playSteps(app),
    ...signOutSteps(app),
    ...(isWebEmbedded ? webPlayerSteps(app) : []),
  ];
}

function codeStep(emulator: string): WalkThroughStep {
  const ask = (what: string, body: string) => `curl -s -X POST ${emulator}/_control/${what} ${json} -d ${body}`;
  return {
    title: 'now.gg knows a player, and gives the game on their device a one-time code. Here the emulator does both.',
    commands: [
      `PLAYER=$(${ask('players', `'{"name":"Asha Rao","countryCode":"IN"}'`)} | ${field('userId')})`,
      `CODE=$(${ask('codes', `'{"userId":"'"$PLAYER"'"}'`)} | ${field('code')})`,
    ],
    prints: [],
  };
}

function signInSteps(app: string): WalkThroughStep[] {
  return [
    {
      title:
        'The game sends the code to this backend. It answers with a token and a session; a code makes one session.',
      commands: [
        `LOGIN=$(curl -s -X POST ${app}/auth/login ${json} -d '{"provider":"nowgg","code":"'"$CODE"'"}');` +
          ` printf '%s\\n' "$LOGIN"`,
        `TOKEN=$(printf '%s' "$LOGIN" | ${field('token')})`,
        `SESSION=$(printf '%s' "$LOGIN" | ${field('session')})`,
      ],
      prints: [
        '{"token":"…","tokenExpiresAt":"…","generation":1,"session":"…","user":{"provider":"nowgg","userId":"…"…}}',
      ],
    },
    {
      title: 'Every call bears the token. Who is calling?',
      commands: [`curl -s -w '\\n' ${app}/me ${bearer}`],
      prints: ['{"id":"…","provider":"nowgg","userId":"…","displayName":"Asha Rao","countryCode":"IN","coins":500}'],
    },
    {
      title: 'What now.gg knows about the player, and about the device.',
      commands: [`curl -s -w '\\n' ${app}/me/profile ${bearer}`, `curl -s -w '\\n' ${app}/me/session ${bearer}`],
      prints: ['{"userId":"…"…"name":"Asha Rao"…}', '{…"deviceData":{…}…}'],
    },
  ];
}

function playSteps(app: string): WalkThroughStep[] {
  return [
    {
      title: 'A score, and the board as every caller sees it.',
      commands: [
        `curl -s -w '\\n' -X POST ${app}/scores ${bearer} ${json} -d '{"board":"level-1","points":4200}'`,
        `curl -s -w '\\n' ${app}/scores/level-1`,
      ],
      prints: [
        '{"id":"…","board":"level-1","points":4200}',
        '[{"rank":1,"displayName":"Asha Rao","points":4200,"mine":false}…]',
      ],
    },
    {
      title: 'A purchase. now.gg is asked about the token at this very moment; the same purchase id buys once.',
      commands: [
        `PURCHASE=$(node -p 'crypto.randomUUID()')`,
        `curl -s -w '\\n' -X POST ${app}/shop/purchases ${bearer} ${json}` +
          ` -d '{"purchaseId":"'"$PURCHASE"'","item":"xp-boost"}'`,
      ],
      prints: ['{"purchaseId":"…","item":"xp-boost","price":120,"coinsLeft":380}'],
    },
    {
      title:
        'A newer token than generation 1, and the next handle of the session. The one before stays good beside it.',
      commands: [`curl -s -w '\\n' -X POST ${app}/auth/refresh ${json} -d '{"session":"'"$SESSION"'","generation":1}'`],
      prints: ['{"token":"…","tokenExpiresAt":"…","generation":2,"session":"…"}'],
    },
  ];
}

function signOutSteps(app: string): WalkThroughStep[] {
  return [
    {
      title: 'Sign out: the session is over at once, and its token is refused although now.gg still takes it.',
      commands: [
        `curl -s -w '%{http_code}\\n' -X POST ${app}/auth/logout ${json} -d '{"session":"'"$SESSION"'"}'`,
        `curl -s -w '\\n' -X POST ${app}/auth/refresh ${json} -d '{"session":"'"$SESSION"'"}'`,
        `curl -s -w '\\n' ${app}/me ${bearer}`,
      ],
      prints: [
        '204',
        '{"statusCode":401,"message":"…","errorCode":"reauthentication_required"}',
        '{"statusCode":401,"message":"the bearer token was revoked","errorCode":"revoked_token"}',
      ],
    },
    {
      title: 'Refused calls: without a token, and with one that now.gg does not know.',
      commands: [
        `curl -s -w '\\n' ${app}/me`,
        `curl -s -w '\\n' -D - ${app}/me -H 'authorization: Bearer made-up' | grep -i -e '^www-authenticate' -e '^{'`,
      ],
      prints: [
        '{"statusCode":401,"message":"no bearer token was sent","errorCode":"missing_token"}',
        '…uthenticate: Bearer realm="game", error="invalid_token", error_description="…"',
        '{"statusCode":401,"message":"the bearer token is not valid","errorCode":"invalid_token"}',
      ],
    },
  ];
}

/** Steps of a web player, with curl as the browser: redirects, cookies, and the name typed into the provider's form. */
function webPlayerSteps(app: string): WalkThroughStep[] {
  const browse = `curl -s -L -b "$JAR" -c "$JAR" -o /dev/null -w '%{url_effective}'`;
  return [
    {
      title: 'A web player signs in at a standard OpenID provider, by the authorization code flow of a browser.',
      commands: [
        'JAR=$(mktemp)',
        `FORM=$(${browse} ${app}/auth/web/authorize)`,
        `BACK=$(${browse} --data-urlencode 'name=Kim Weber' "$FORM")`,
        `WEB=$(curl -s -b "$JAR" "${app}/auth/web/callback?\${BACK#*\\?}"); rm "$JAR"; printf '%s\\n' "$WEB"`,
        `TOKEN=$(printf '%s' "$WEB" | ${field('token')})`,
      ],
      prints: [
        '{"token":"…","tokenExpiresAt":"…","generation":1,"session":"…","user":{"provider":"web","userId":"web-…',
      ],
    },
    {
      title:
        'The same guarded route takes their token; they are a separate player. What only now.gg knows is not for them.',
      commands: [`curl -s -w '\\n' ${app}/me ${bearer}`, `curl -s -w '\\n' ${app}/me/session ${bearer}`],
      prints: [
        '{"id":"…","provider":"web","userId":"web-…","displayName":"Kim Weber","countryCode":null,"coins":…}',
        '{"statusCode":403,"message":"…","errorCode":"wrong_provider"}',
      ],
    },
  ];
}

/**
 * The walk-through as text that can be pasted as a whole. Titles and output are arguments of the command `:`, which does
 * nothing: an interactive zsh does not know comments.
 */
export function printWalkThrough(steps: readonly WalkThroughStep[]): string {
  const blocks = steps.map(({ title, commands, prints }, index) =>
    [`: '${index + 1}. ${title}'`, ...commands, ...prints.map((line) => `:    '${line}'`)].join('\n'),
  );
  return blocks.join('\n\n');
}

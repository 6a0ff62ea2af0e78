/** The text of `--help`. */
export const HELP = `Usage: nestjs-nowgg-auth doctor [options]
       nestjs-nowgg-auth vault <command> [options]
       nestjs-nowgg-auth explain <userId> [options]
       nestjs-nowgg-auth audit list [<userId>] [options]
       nestjs-nowgg-auth audit prune [options]
       nestjs-nowgg-auth routes --app <file>#<module> [--check] [--json]
       nestjs-nowgg-auth key [<id>]   prints a new encryption key, <id>:<base64>, for NOWGG_ENCRYPTION_KEYS (id: k1)

doctor looks at everything that the environment names, and says what to do: configuration; DNS, TLS, clock, delay and
credentials of now.gg (one question); version, schema, migrations, indexes, keys and connections of the database; Redis.
It changes nothing and prints no secret. It reads NOWGG_CLIENT_ID, NOWGG_CLIENT_SECRET, NOWGG_BASE_URL, NOWGG_TOKEN (a
valid access token, to check the secret), DATABASE_URL, NOWGG_ENCRYPTION_KEYS and REDIS_URL.

vault is the upkeep of the stored grants while the application runs. Ctrl-C ends a command after its current batch.
Completed batches are kept, and the same command continues from there.

Commands:
  status             counts grants, by state, by the key that encrypted them and by client
  rotate             encrypts every grant under the first key of the ring, in the newest version
  sweep              deletes grants, claimed codes and revocations that ended long ago
  retry              restores grants that ended by evidence within the last day: their refresh tokens are sent again
  adopt              gives the live grants of one client to another: after the client id or the address of the identity
                     system was changed on purpose. Sessions stay
  end                ends the live grants of a client that no application has any more
  forget <userId>    deletes every grant of a user
  keep-alive         renews grants that are not used, before the identity system forgets their refresh tokens. Takes
                     --app, --dry-run and --json only: it starts the application without its server

Options of every command:
  --json                        the result as one line of JSON; progress and errors as JSON lines on stderr
  --database-url-env <name>     environment variable that holds the database's URL (DATABASE_URL)
  --schema <name>               schema of the tables, if it is not the first one of the search path
  --help, --version

rotate, sweep, retry, adopt, end, forget, audit prune:
  --dry-run                     changes nothing and prints what would be done

rotate, sweep, retry, adopt, end, audit prune:
  --batch-size <n>              rows at a time, 1 to 5000 (500)

doctor, status, rotate, adopt:
  --encryption-keys-env <name>  environment variable that holds the ring (NOWGG_ENCRYPTION_KEYS): id:base64 for each
                                key, separated by commas; the first one encrypts. Optional for doctor and status

rotate:
  --new-key                     rotates even if no process has started with the first key of the ring in front yet
  --close-first-version         leaves tokens that are encrypted in the first version unchanged and counts them as
                                unreadable, as an application with tokens.openFirstVersion: false does

sweep, in days:
  --ended <n>                   revoked and dead grants, since their end (30)
  --expired <n>                 grants whose refresh token has expired, since its expiry (30)
  --codes <n>                   claimed codes, since the claim; at least 1 (1)
  --revocations <n>             revocations that no longer refuse anything, since their last change; at least 1 (30)

adopt, end, forget:
  --provider <name>             the identity provider that the client or the user belongs to (nowgg)

adopt:
  --from <key>, --to <key>      keys of the two clients, as vault status lists them

end:
  --client <key>                key of the client

forget:
  --sign-out                    also refuses the access tokens that are already out. Keeps the user's id in the
                                table of revocations until a sweep deletes it, a month later

end, forget:
  --yes                         ends or deletes; without this option the command only prints what it would do

rotate, end, forget, audit prune:
  --by <name>, --note <text>    who does it and why, for the audit. No name or id of a player: it would stay

explain says where a player is signed in, on which devices, whether tokens are refused now and why, how the last refreshes
went and what operators did. It reads the database alone, changes nothing and prints no token or session handle.
  --provider <name>             the identity provider of the player (nowgg)
  --token-env <name>            instead of a user id: environment variable that holds an access token of the player

audit list prints what operators did, the newest first: bans, sign-outs, restores, erasures, key rotations. With a user
id, what they did to this player. audit prune deletes old rows, as a role that may: the application's role must not.
  --provider <name>             the identity provider of the player (nowgg)
  --limit <n>                   rows, 1 to 500 (50)
  --days <n>                    only those of the last days
  --older-than <n>              prune: age of the rows in days; at least 1 (365)

routes lists the handlers of an application and how each is protected, without starting it: no provider is created.
  --app <file>#<module>         the compiled file of the root module and its exported name: dist/app.module.js#AppModule
  --check                       exits with 1 when something is found
  --json                        the table as one line of JSON

Examples:
  nestjs-nowgg-auth doctor                              what is wrong, and what to do
  nestjs-nowgg-auth doctor --json | jq '.findings[] | select(.status == "failed")'
  nestjs-nowgg-auth vault status --json                 counts for a dashboard
  nestjs-nowgg-auth vault rotate --dry-run              number of grants under an old key
  nestjs-nowgg-auth vault rotate                        encrypts them under the first key
  nestjs-nowgg-auth vault sweep --ended 90              deletes what ended more than 90 days ago
  nestjs-nowgg-auth vault adopt --from <key> --to <key> after a change of the client id
  nestjs-nowgg-auth vault forget --sign-out --yes --by desk-7 --note 'request 1234' -- <userId>
  nestjs-nowgg-auth vault keep-alive --app dist/app.module.js#AppModule --dry-run
  nestjs-nowgg-auth explain <userId>                    why can this player not play?
  NOWGG_TOKEN=… nestjs-nowgg-auth explain --token-env NOWGG_TOKEN --json
  nestjs-nowgg-auth audit list <userId>                 who banned or restored this player, when and why
  nestjs-nowgg-auth audit prune --older-than 730 --database-url-env OWNER_URL
  nestjs-nowgg-auth routes --app dist/app.module.js#AppModule --check

Write a user id that begins with a dash after --.

Exit codes: 0 done, 1 failed, not complete or something found, 2 wrong arguments or environment.
`;

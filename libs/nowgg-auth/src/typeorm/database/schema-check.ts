import { getMetadataArgsStorage } from 'typeorm';
import { NowggConfigurationError } from '../../errors.js';

/** The major version of the tables that this release reads and writes. See `docs/upgrading.md`. */
export const SCHEMA_MAJOR = 1;

/** A table, and the columns that this release needs. More columns may exist. */
export interface ExpectedTable {
  readonly name: string;
  readonly columns: readonly string[];
}

/** What the statements of the stores do with a table where it is not all of SELECT, INSERT and UPDATE. */
const RIGHTS: Readonly<Record<string, readonly string[]>> = {
  nowgg_schema: ['SELECT'],
  nowgg_issued_token: ['SELECT', 'INSERT'],
  nowgg_key: ['SELECT', 'INSERT'],
  nowgg_exchange: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  nowgg_session_proof: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  nowgg_audit: ['SELECT', 'INSERT'],
  nowgg_audit_person: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
};
/** What deleting old rows of the audit takes. */
const PRUNING_RIGHTS: typeof RIGHTS = { nowgg_audit: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] };
const USUAL_RIGHTS = ['SELECT', 'INSERT', 'UPDATE'];

/** Triggers without which counts and times of grants are wrong. A schema that no migration made has none. */
const TRIGGERS: Readonly<Record<string, readonly string[]>> = {
  nowgg_grant: ['derive', 'count_insert', 'count_update', 'count_delete', 'count_truncate'].map(
    (name) => `nowgg_grant_${name}`,
  ),
};

/** A table as the database describes it. */
export interface FoundTable {
  readonly name: string;
  /** JSON; null when there is no such table. */
  readonly columns: string | null;
  /** Rights that the role has, as JSON; null when there is no such table. */
  readonly rights: string | null;
  /** Triggers that are enabled, as JSON; null when there is no such table. */
  readonly triggers: string | null;
  /** Major version of all tables; null when it is not known. */
  readonly major: number | null;
}

type EntityClass = abstract new () => object;

/** Tables and columns of these entities, from their decorators. The entities need not be those of any DataSource. */
export function expectedTables(entities: readonly EntityClass[]): ExpectedTable[] {
  const { tables, columns } = getMetadataArgsStorage();
  return entities.map((entity) => ({
    name: tables.find(({ target }) => target === entity)?.name as string,
    columns: columns
      .filter(({ target }) => target === entity)
      .map(({ options, propertyName }) => options.name ?? propertyName),
  }));
}

/**
 * Statements about the tables. They read the catalog, which every role may read, and resolve names as all other
 * statements do.
 */
export function schemaStatements(schemaTable: string) {
  const describe = (major: string) => `
    SELECT found.name, ${major} AS major,
      CASE WHEN found.id IS NOT NULL THEN (
        SELECT coalesce(json_agg(a.attname), '[]')::text FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = found.id AND a.attnum > 0 AND NOT a.attisdropped
      ) END AS columns,
      CASE WHEN found.id IS NOT NULL THEN (
        SELECT coalesce(json_agg(r.name), '[]')::text FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS r(name)
        WHERE has_table_privilege(found.id, r.name) OR (r.name <> 'DELETE' AND has_any_column_privilege(found.id, r.name))
      ) END AS rights,
      CASE WHEN found.id IS NOT NULL THEN (
        SELECT coalesce(json_agg(t.tgname), '[]')::text FROM pg_catalog.pg_trigger t
        WHERE t.tgrelid = found.id AND t.tgenabled IN ('O', 'A')
      ) END AS triggers
    FROM (
      SELECT wanted.name, to_regclass(wanted.qualified)::oid AS id
      FROM unnest($1::text[], $2::text[]) AS wanted(name, qualified)
    ) AS found`;
  return {
    // $1 names, $2 qualified names
    describe: describe(`(SELECT max(major) FROM ${schemaTable})`),
    /** For a database without the table of the version. */
    describeUnversioned: describe('NULL::integer'),
  };
}

/**
 * @param purpose `prune`: old rows of the audit are deleted, which the application's role need not be able to do
 * @throws NowggConfigurationError that names everything that is missing, or the version that is not known
 */
export function compareSchema(
  expected: readonly ExpectedTable[],
  found: readonly FoundTable[],
  purpose: 'use' | 'prune' = 'use',
): void {
  const major = found[0]?.major ?? SCHEMA_MAJOR;
  if (major > SCHEMA_MAJOR) {
    throw new NowggConfigurationError(
      `the tables in the database have major version ${major}, and this release knows ${SCHEMA_MAJOR}: ` +
        'deploy a release that knows it, or undo its migrations with that release (docs/upgrading.md)',
    );
  }
  const missing = expected.flatMap(({ name, columns }) => {
    const table = found.find((each) => each.name === name);
    if (typeof table?.columns !== 'string') return [`the table ${name}`];
    const existing = JSON.parse(table.columns) as string[];
    return columns.filter((column) => !existing.includes(column)).map((column) => `the column ${name}.${column}`);
  });
  if (missing.length > 0) {
    throw new NowggConfigurationError(
      `the database lacks ${missing.join(', ')}: run nowggMigrations, then start this release (docs/upgrading.md)`,
    );
  }
  for (const table of found) compareUse(table, purpose);
}

/** @throws NowggConfigurationError that names triggers that are missing or disabled, or rights that the role lacks */
function compareUse({ name, rights, triggers }: FoundTable, purpose: 'use' | 'prune'): void {
  const lacking = (wanted: readonly string[], json: string | null) => {
    const existing = JSON.parse(json ?? '[]') as string[];
    return wanted.filter((each) => !existing.includes(each));
  };
  const silent = lacking(TRIGGERS[name] ?? [], triggers);
  if (silent.length > 0) {
    throw new NowggConfigurationError(
      `the table ${name} lacks the trigger ${silent.join(', ')}, or it is disabled: make the tables with nowggMigrations, ` +
        'not with synchronize, and enable its triggers (docs/upgrading.md)',
    );
  }
  const ofPurpose = purpose === 'prune' ? PRUNING_RIGHTS[name] : undefined;
  const denied = lacking(ofPurpose ?? RIGHTS[name] ?? USUAL_RIGHTS, rights);
  if (denied.length > 0) {
    if (ofPurpose) {
      throw new NowggConfigurationError(
        `the database role lacks the right to ${denied.join(', ')} in the table ${name}: delete old rows with a role ` +
          'that has it, such as the owner of the tables, and not with that of the application (docs/operations/audit.md)',
      );
    }
    throw new NowggConfigurationError(
      `the database role lacks the right to ${denied.join(', ')} in the table ${name}: ` +
        'grant SELECT, INSERT, UPDATE and DELETE on every nowgg table, on nowgg_audit SELECT and INSERT (docs/upgrading.md)',
    );
  }
}

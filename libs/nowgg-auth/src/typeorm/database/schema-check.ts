import { getMetadataArgsStorage } from 'typeorm';
import { NowggConfigurationError } from '../../errors.js';

/** The major version of the tables that this release reads and writes. See `docs/upgrading.md`. */
export const SCHEMA_MAJOR = 1;

/** A table, and the columns that this release needs. More columns may exist. */
export interface ExpectedTable {
  readonly name: string;
  readonly columns: readonly string[];
}

/** A table as the database describes it. */
export interface FoundTable {
  readonly name: string;
  /** JSON; null when there is no such table. */
  readonly columns: string | null;
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
    SELECT wanted.name, ${major} AS major, CASE WHEN to_regclass(wanted.qualified) IS NOT NULL THEN (
        SELECT coalesce(json_agg(a.attname), '[]')::text FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = to_regclass(wanted.qualified) AND a.attnum > 0 AND NOT a.attisdropped
      ) END AS columns
    FROM unnest($1::text[], $2::text[]) AS wanted(name, qualified)`;
  return {
    // $1 names, $2 qualified names
    describe: describe(`(SELECT max(major) FROM ${schemaTable})`),
    /** For a database without the table of the version. */
    describeUnversioned: describe('NULL::integer'),
  };
}

/** @throws NowggConfigurationError that names everything that is missing, or the version that is not known */
export function compareSchema(expected: readonly ExpectedTable[], found: readonly FoundTable[]): void {
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
  if (missing.length === 0) return;
  throw new NowggConfigurationError(
    `the database lacks ${missing.join(', ')}: run nowggMigrations, then start this release (docs/upgrading.md)`,
  );
}

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

const root = path.resolve(import.meta.dirname, '..');

/** The entry points that a consumer can import, with their sources: the exports of the manifests. */
export function entryPoints() {
  return ['nowgg-auth', 'nowgg-auth-client', 'nowgg-emulator'].flatMap((lib) => {
    const { name, exports } = JSON.parse(readFileSync(path.join(root, 'libs', lib, 'package.json'), 'utf8'));
    return Object.entries(exports)
      .filter(([, target]) => typeof target === 'object')
      .map(([subpath, target]) => ({
        lib,
        importName: path.posix.join(name, subpath),
        source: path.posix.join('libs', lib, target['@nowgg/source']),
        declaration: path.posix.relative('dist', target.default.types),
      }));
  });
}

/**
 * Describes the public surface of the libraries: the declarations are emitted as the build emits them, so no old build
 * can be described by mistake. Each declaration stands in one report: that of the first entry point that exports it, or
 * else of the first one whose signatures mention it.
 * @returns {{ file: string, text: string, importName: string, values: string[] }[]} one report for each entry point;
 *   `file` is relative to the root, `values` are the exports that exist at run time
 */
export function publicApiReports() {
  const cache = path.join(root, 'node_modules/.cache');
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(path.join(cache, 'public-api-'));
  try {
    writeFileSync(path.join(folder, 'package.json'), '{ "type": "module" }');
    const entries = entryPoints();
    for (const lib of new Set(entries.map((entry) => entry.lib))) emitDeclarations(lib, path.join(folder, lib));
    const surfaces = entries.map((entry) => ({ entry, ...surfaceOf(entry, path.join(folder, entry.lib)) }));
    const owners = new Map();
    const claim = (entry) => (declared) => owners.has(declared.key) || owners.set(declared.key, entry);
    for (const { entry, exported } of surfaces) exported.forEach(claim(entry));
    for (const { entry, reachable } of surfaces) reachable.forEach(claim(entry));
    return surfaces.map((surface) => reportOf(surface, owners));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Names that a built entry point exports at run time, as Node.js finds it by its import name. */
export function builtExports(importName) {
  const program = 'console.log(JSON.stringify(Object.keys(await import(process.argv[1])).sort()))';
  const args = ['--input-type=module', '--eval', program, importName];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${importName} cannot be loaded; npm run build first:\n${stderr}`);
  return JSON.parse(stdout);
}

function emitDeclarations(lib, outDir) {
  const options = ['--emitDeclarationOnly', '--outDir', outDir, '--sourceMap', 'false', '--declarationMap', 'false'];
  const { status, stdout, error } = spawnSync(
    path.join(root, 'node_modules/.bin/tsc'),
    ['-p', `libs/${lib}/tsconfig.build.json`, ...options],
    { cwd: root, encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`the declarations of ${lib} cannot be emitted:\n${error?.message ?? stdout}`);
}

function reportOf({ entry, exported, reachable, values }, owners) {
  const { importName } = entry;
  const sections = [
    `# Public API of \`${importName}\``,
    'Every name that this entry point exports, with its signature. `npm run api:update` writes this file anew.',
    ...exported.map(({ title, text, key }) => {
      const owner = owners.get(key);
      return owner === entry ? section(title, text) : `## ${title}\n\nAs in \`${owner.importName}\`.`;
    }),
  ];
  const own = reachable.filter(({ key }) => owners.get(key) === entry);
  if (own.length > 0) {
    sections.push('# Not exported, but part of the signatures above');
    sections.push(...own.map(({ title, text }) => section(title, text)));
  }
  const file = `docs/public-api/${importName.replaceAll('/', '-')}.md`;
  return { file, text: `${sections.join('\n\n')}\n`, importName, values };
}

const section = (title, text) => `## ${title}\n\n\`\`\`text\n${text}\n\`\`\``;

function surfaceOf({ declaration }, ownFolder) {
  const file = path.join(ownFolder, declaration);
  const program = ts.createProgram([file], {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2023,
    customConditions: ['@nowgg/source'],
    strict: true,
    skipLibCheck: true,
    types: ['node'],
    noEmit: true,
  });
  const checker = program.getTypeChecker();
  const moduleSymbol = checker.getSymbolAtLocation(program.getSourceFile(file));
  const symbols = moduleSymbol ? checker.getExportsOfModule(moduleSymbol) : [];
  const resolve = (symbol) => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol);
  const isOwn = (node) => node.getSourceFile().fileName.startsWith(`${ownFolder}${path.sep}`);
  const describe = (title, symbol) => {
    const declarations = symbol.declarations ?? [];
    const own = declarations.filter(isOwn);
    const text = own.length > 0 ? own.map(printDeclaration).join('\n') : `export of another package: ${symbol.name}`;
    return { title, text, key: `${declarations[0]?.getSourceFile().fileName} ${symbol.name}` };
  };
  const exported = symbols.map((symbol) => describe(symbol.name, resolve(symbol)));
  const reachable = findReachable(symbols.map(resolve), checker, isOwn);
  // An export that a `type` keyword stands in front of does not exist at run time, whatever it names.
  const isValue = (symbol) =>
    (resolve(symbol).flags & ts.SymbolFlags.Value) !== 0 &&
    !(symbol.declarations ?? []).some(ts.isTypeOnlyExportDeclaration);
  return {
    exported: exported.toSorted(byTitle),
    reachable: reachable.map((symbol) => describe(symbol.name, symbol)).toSorted(byTitle),
    values: symbols
      .filter(isValue)
      .map(({ name }) => name)
      .toSorted(),
  };
}

const byTitle = (a, b) => (a.title < b.title ? -1 : 1);

/** Own declarations that the exported ones mention, directly or through each other, without being exported. */
function findReachable(exported, checker, isOwn) {
  const known = new Set(exported);
  const found = [];
  const queue = [...exported];
  const visit = (node) => {
    if (isHidden(node)) return;
    const symbol = ts.isIdentifier(node) ? checker.getSymbolAtLocation(node) : undefined;
    if (symbol) add(symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol);
    ts.forEachChild(node, visit);
  };
  const add = (symbol) => {
    const declarations = symbol.declarations ?? [];
    if (known.has(symbol) || !declarations.some((node) => isOwn(node) && isTopLevel(node))) return;
    known.add(symbol);
    found.push(symbol);
    queue.push(symbol);
  };
  for (let symbol = queue.shift(); symbol; symbol = queue.shift()) {
    for (const node of symbol.declarations ?? []) if (isOwn(node)) ts.forEachChild(node, visit);
  }
  return found;
}

function isTopLevel(node) {
  const statement = ts.isVariableDeclaration(node) ? node.parent.parent : node;
  return ts.isSourceFile(statement.parent) && !ts.isImportDeclaration(statement);
}

/**
 * Whether a member is hidden. Private members are not part of the surface; a private constructor is: it forbids
 * construction.
 */
function isHidden(node) {
  if (!ts.isClassElement(node) || ts.isConstructorDeclaration(node)) return false;
  if (node.name && ts.isPrivateIdentifier(node.name)) return true;
  return (ts.getCombinedModifierFlags(node) & ts.ModifierFlags.Private) !== 0;
}

const printer = ts.createPrinter({ removeComments: true, newLine: ts.NewLineKind.LineFeed });

function printDeclaration(declaration) {
  const node = ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration;
  const { transformed } = ts.transform(node, [
    (context) => (top) =>
      ts.visitNode(top, function strip(child) {
        if (isHidden(child)) return undefined;
        if (child.kind === ts.SyntaxKind.ExportKeyword || child.kind === ts.SyntaxKind.DeclareKeyword) return undefined;
        return ts.visitEachChild(child, strip, context);
      }),
  ]);
  return printer.printNode(ts.EmitHint.Unspecified, transformed[0], declaration.getSourceFile());
}

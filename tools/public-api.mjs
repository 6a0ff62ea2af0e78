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
        declaration: path.posix.relative('dist', target.types),
      }));
  });
}

/**
 * Describes the public surface of the libraries: the declarations are emitted as the build emits them, so nothing has
 * to be built before and no old build can be described by mistake.
 * @returns {{ file: string, text: string }[]} one report for each entry point; `file` is relative to the root
 */
export function publicApiReports() {
  const cache = path.join(root, 'node_modules/.cache');
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(path.join(cache, 'public-api-'));
  try {
    writeFileSync(path.join(folder, 'package.json'), '{ "type": "module" }');
    const entries = entryPoints();
    for (const lib of new Set(entries.map((entry) => entry.lib))) emitDeclarations(lib, path.join(folder, lib));
    return entries.map((entry) => reportOf(entry, path.join(folder, entry.lib)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
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

function reportOf({ importName, declaration }, declarations) {
  const file = path.join(declarations, declaration);
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
  const surface = surfaceOf(program, file, declarations);
  const sections = [
    `# Public API of \`${importName}\``,
    'Every name that this entry point exports, with its signature. `npm run api:update` writes this file anew.',
    ...surface.exported.map(({ title, text }) => section(title, text)),
  ];
  if (surface.reachable.length > 0) {
    sections.push('# Not exported, but part of the signatures above');
    sections.push(...surface.reachable.map(({ title, text }) => section(title, text)));
  }
  return {
    file: `docs/public-api/${importName.replaceAll('/', '-')}.md`,
    text: `${sections.join('\n\n')}\n`,
  };
}

const section = (title, text) => `## ${title}\n\n\`\`\`text\n${text}\n\`\`\``;

function surfaceOf(program, file, ownFolder) {
  const checker = program.getTypeChecker();
  const moduleSymbol = checker.getSymbolAtLocation(program.getSourceFile(file));
  const symbols = moduleSymbol ? checker.getExportsOfModule(moduleSymbol) : [];
  const resolve = (symbol) => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol);
  const isOwn = (node) => node.getSourceFile().fileName.startsWith(`${ownFolder}${path.sep}`);
  const describe = (title, symbol) => {
    const declarations = symbol.declarations ?? [];
    const own = declarations.filter(isOwn);
    const text = own.length > 0 ? own.map(printDeclaration).join('\n') : `export of another package: ${symbol.name}`;
    return { title, text };
  };
  const exported = symbols.map((symbol) => describe(symbol.name, resolve(symbol)));
  const reachable = findReachable(symbols.map(resolve), checker, isOwn);
  return {
    exported: exported.toSorted(byTitle),
    reachable: reachable.map((symbol) => describe(symbol.name, symbol)).toSorted(byTitle),
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

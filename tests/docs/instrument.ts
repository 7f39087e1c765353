/**
 * Turns an example into a module whose `// => value` comments are assertions.
 *
 * A comment belongs to the statement that it trails, or that ends on the line above. It is compared with the value of
 * the expression, of the variable just declared, or, for `console.log(…)`, with what is printed. `// => throws Name`
 * expects an error. Names that the example uses without importing them are imported for it.
 */
import ts from 'typescript';
import { compilerOptions } from './extract.js';

/** Where an undeclared name of an example may come from. */
export interface NameSource {
  readonly specifier: string;
  readonly names: ReadonlySet<string>;
}

/**
 * Makes the module text.
 *
 * @param checker - URL of the module that exports `check` and `checkThrows`
 * @param sources - modules searched, in order, for names that the example neither declares nor imports
 */
export function instrument(code: string, checker: string, sources: readonly NameSource[]): string {
  const file = ts.createSourceFile('example.ts', code, ts.ScriptTarget.ES2023, true, ts.ScriptKind.TS);
  const edits: { start: number; end: number; text: string }[] = [];
  const expectations = expectationsOf(code);
  const visit = (node: ts.Node): void => {
    if (ts.isExpressionStatement(node) || ts.isVariableStatement(node)) {
      const line = file.getLineAndCharacterOfPosition(node.getEnd()).line;
      const expected =
        expectations.get(line) ?? (isCommentLine(code, line + 1) ? expectations.get(line + 1) : undefined);
      if (expected !== undefined) edits.push(assertion(node, line + 1, expected));
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  let text = code;
  for (const { start, end, text: by } of edits.sort((a, b) => b.start - a.start)) {
    text = text.slice(0, start) + by + text.slice(end);
  }
  const imports = [`import { check as __check, checkThrows as __checkThrows } from ${JSON.stringify(checker)};`];
  for (const [specifier, names] of missingImports(file, sources)) {
    imports.push(
      names.has('tf')
        ? `import * as tf from ${JSON.stringify(specifier)};`
        : `import { ${[...names].join(', ')} } from ${JSON.stringify(specifier)};`,
    );
  }
  return ts.transpileModule(`${imports.join('\n')}\n${text}`, { compilerOptions }).outputText;
}

function assertion(node: ts.ExpressionStatement | ts.VariableStatement, line: number, expected: string) {
  const quoted = JSON.stringify(expected);
  if (ts.isVariableStatement(node)) {
    const declared = node.declarationList.declarations.at(-1)?.name.getText() ?? 'undefined';
    return { start: node.getEnd(), end: node.getEnd(), text: ` __check(${line}, [${declared}], ${quoted});` };
  }
  const source = node.expression.getText();
  const thrown = /^throws\b\s*(.*)$/.exec(expected);
  let text = `__check(${line}, [${source}], ${quoted});`;
  if (thrown) text = `await __checkThrows(${line}, async () => (${source}), ${JSON.stringify(thrown[1])});`;
  else if (ts.isCallExpression(node.expression) && node.expression.expression.getText() === 'console.log') {
    text = `__check(${line}, [${node.expression.arguments.map((a) => a.getText()).join(', ')}], ${quoted}, true);`;
  }
  return { start: node.getStart(), end: node.getEnd(), text };
}

/** Expected value by the (0-based) line of its `// =>`; comment lines below that are indented further continue it. */
function expectationsOf(code: string): Map<number, string> {
  const found = new Map<number, string>();
  let open: number | undefined;
  for (const [line, text] of code.split('\n').entries()) {
    const start = /\/\/ ?=> ?(.*)$/.exec(text);
    const more = /^\s*\/\/ {2,}(\S.*)$/.exec(text);
    if (start) {
      open = line;
      found.set(line, (start[1] ?? '').trim());
    } else if (more && open !== undefined) found.set(open, `${found.get(open)} ${more[1]}`.trim());
    else open = undefined;
  }
  return found;
}

function isCommentLine(code: string, line: number): boolean {
  return /^\s*\/\//.test(code.split('\n')[line] ?? '');
}

function missingImports(file: ts.SourceFile, sources: readonly NameSource[]): Map<string, Set<string>> {
  const declared = new Set<string>();
  const used = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) {
      const parent = node.parent;
      const isDeclaration =
        (ts.isVariableDeclaration(parent) ||
          ts.isParameter(parent) ||
          ts.isBindingElement(parent) ||
          ts.isFunctionDeclaration(parent) ||
          ts.isClassDeclaration(parent) ||
          ts.isImportSpecifier(parent) ||
          ts.isImportClause(parent) ||
          ts.isNamespaceImport(parent)) &&
        parent.name === node;
      const isMember =
        (ts.isPropertyAccessExpression(parent) || ts.isPropertyAssignment(parent) || ts.isMethodDeclaration(parent)) &&
        parent.name === node;
      if (isDeclaration) declared.add(node.text);
      else if (!isMember) used.add(node.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  const missing = new Map<string, Set<string>>();
  for (const name of used) {
    const source = declared.has(name) ? undefined : sources.find(({ names }) => names.has(name));
    if (source) missing.set(source.specifier, (missing.get(source.specifier) ?? new Set()).add(name));
  }
  return missing;
}

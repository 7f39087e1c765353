/** Finds the examples of a package: fences of its markdown files and `@example` blocks of its doc comments. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import ts from 'typescript';

/** One example. */
export interface Example {
  /** File, relative to the repository root, and line of its first line of code: `packages/core/README.md:12`. */
  readonly where: string;
  readonly code: string;
}

/** ```` ```ts ````, ```` ```js ```` and their long names; anything after the language, such as `no-run`, is in group 2. */
const fence = /^([ \t]*)```(?:ts|js|typescript|javascript|mjs)\b([^\n]*)\n([\s\S]*?)^[ \t]*```[ \t]*$/gm;

/** Examples of a markdown file that are to be run: those not marked `no-run`. */
export function examplesOfMarkdown(root: string, file: string): Example[] {
  const text = readFileSync(join(root, file), 'utf8');
  return fencesOf(text).map(({ code, line }) => ({ where: `${file}:${line}`, code }));
}

/** Examples of all doc comments below a folder. An `@example` without a fence is code throughout. */
export function examplesOfSources(root: string, folder: string): Example[] {
  return sourcesBelow(join(root, folder)).flatMap((path) => {
    const file = relative(root, path).replaceAll('\\', '/');
    const text = readFileSync(path, 'utf8');
    return [...text.matchAll(/\/\*\*[\s\S]*?\*\//g)].flatMap((comment) => {
      const firstLine = lineAt(text, comment.index);
      return examplesOfComment(comment[0]).map(({ code, line }) => ({
        where: `${file}:${firstLine + line - 1}`,
        code,
      }));
    });
  });
}

interface Block {
  readonly code: string;
  readonly line: number;
}

function examplesOfComment(comment: string): Block[] {
  const text = comment
    .replace(/^\/\*\*/, '')
    .replace(/\*\/$/, '')
    .replace(/^[ \t]*\* ?/gm, '');
  const blocks: Block[] = [];
  // An example ends at the next block tag, which stands at the start of a line.
  for (const match of text.matchAll(/^@example\b([^\n]*)\n([\s\S]*?)(?=^@\w|(?![\s\S]))/gm)) {
    const line = lineAt(text, match.index) + 1;
    const body = match[2] ?? '';
    const fences = fencesOf(body);
    if (fences.length > 0) blocks.push(...fences.map((f) => ({ code: f.code, line: line + f.line - 1 })));
    else if (!body.includes('```') && body.trim() !== '') blocks.push({ code: body.trimEnd(), line });
  }
  return blocks;
}

function fencesOf(text: string): Block[] {
  return [...text.matchAll(fence)]
    .filter((match) => !/\bno-run\b/.test(match[2] ?? ''))
    .map((match) => ({ code: (match[3] ?? '').trimEnd(), line: lineAt(text, match.index) + 1 }));
}

function sourcesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.d.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function lineAt(text: string, index: number): number {
  let line = 1;
  for (let i = text.indexOf('\n'); i >= 0 && i < index; i = text.indexOf('\n', i + 1)) line++;
  return line;
}

/** The first `ts` or `js` fence of a markdown file, whether or not it is marked; undefined without one. */
export function firstExample(path: string): string | undefined {
  const [match] = readFileSync(path, 'utf8').matchAll(fence);
  return match?.[3] && ts.transpileModule(match[3], { compilerOptions }).outputText;
}

/** How examples become modules that Node runs: types go, everything else stays. */
export const compilerOptions: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2023,
  module: ts.ModuleKind.ESNext,
  verbatimModuleSyntax: true,
};

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { instrument } from './instrument.js';

const checker = new URL('./check.mjs', import.meta.url).href;

/** Exit code and error text of an instrumented example. */
function run(code: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'strata-instrument-'));
  const path = join(folder, 'example.mjs');
  const source = { specifier: 'node:path', names: new Set(['basename']) };
  writeFileSync(path, instrument(code, checker, [source]));
  const { status, stderr } = spawnSync(process.execPath, [path], { encoding: 'utf8' });
  rmSync(folder, { recursive: true });
  return status === 0 ? 'passes' : stderr;
}

describe('examples', () => {
  it.each([
    ['a value', '1 + 1; // => 2'],
    ['a declared variable', 'const x = [1, 2]; // => [1, 2]'],
    ['a typed array without its length', 'Float32Array.of(1, 2); // => Float32Array [1, 2]'],
    ['a string in double quotes', "'a' + 'b'; // => \"ab\""],
    ['a comment on the next line', '({ a: 1 });\n// => { a: 1 }'],
    ['a value on several lines', '({ a: 1, b: 2 });\n// => {\n//      a: 1, b: 2 }'],
    ['what is printed', "console.log('%d rows', 3); // => 3 rows"],
    ['a beginning', '1 / 3; // => 0.333…'],
    ['an error', "JSON.parse('x'); // => throws SyntaxError"],
    ['a number that float32 rounds', 'Float32Array.of(0.1, 3); // => Float32Array [0.1, 3]'],
    ['an awaited value', 'await Promise.resolve(4); // => 4'],
    ['types', 'const n: number = 3; n as number; // => 3'],
    ['a name that it did not import', "basename('a/b'); // => b"],
  ])('pass with %s', (_, code) => expect(run(code)).toBe('passes'));

  it.each([
    ['another value', '1 + 1; // => 3', 'line 1: the comment says 3, the value is 2'],
    ['a number a little off', '0.5 + 1e-5; // => 0.5', 'the value is 0.50001'],
    ['another whole number', '10_000_001; // => 10000000', 'the value is 10000001'],
    ['a value in a function', 'function f() {\n  [1].length; // => 2\n}\nf();', 'line 2'],
    ['another text', "console.log('3 rows'); // => 4 rows", 'the value is 3 rows'],
    ['an error that does not come', "JSON.parse('1'); // => throws SyntaxError", 'it did not'],
    ['another error', "JSON.parse('x'); // => throws TypeError", 'it threw SyntaxError'],
    ['an error that nobody announced', 'null.x;', 'TypeError'],
  ])('fail with %s', (_, code, message) => expect(run(code)).toContain(message));
});

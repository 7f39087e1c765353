/** The assertions that instrumented examples call. Runs in the child process of `runExamples.mjs`. */
import { format, inspect } from 'node:util';

/** Throws unless the values read as the comment says. */
export function check(line, values, expected, isPrinted = false) {
  const options = { depth: 6, breakLength: Number.POSITIVE_INFINITY, maxArrayLength: 1000 };
  const actual = isPrinted ? format(...values) : inspect(values[0], options);
  if (matches(actual, expected)) return;
  // A string may stand without its quotes.
  if (typeof values[0] === 'string' && matches(values[0], expected)) return;
  throw new Error(`line ${line}: the comment says ${expected}, the value is ${actual}`);
}

/** Throws unless `run` throws an error whose name, code or message holds the expected text. */
export async function checkThrows(line, run, expected) {
  try {
    await run();
  } catch (error) {
    const seen = [error?.constructor?.name, error?.name, error?.code, error?.message].join(' ');
    if (seen.includes(expected)) return;
    throw new Error(`line ${line}: the comment says it throws ${expected}, it threw ${seen}`);
  }
  throw new Error(`line ${line}: the comment says it throws ${expected}, it did not`);
}

/**
 * Equal apart from white space, the kind of quotes and `Array(3)` lengths; `…` in the comment stands for anything, and a
 * fraction for all numbers within a millionth of it: float32 does not print what people write.
 */
function matches(actual, expected) {
  const parts = normalise(expected)
    .split('…')
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  if (new RegExp(`^${parts.join('[\\s\\S]*')}$`).test(normalise(actual))) return true;
  return parts.length === 1 && isNumericallyEqual(normalise(actual), normalise(expected));
}

const numeral = /-?\d+(?:\.\d+)?(?:e[+-]?\d+)?/g;

function isNumericallyEqual(actual, expected) {
  if (actual.replace(numeral, '#') !== expected.replace(numeral, '#')) return false;
  const [seen = [], wanted = []] = [actual.match(numeral) ?? [], expected.match(numeral) ?? []];
  return wanted.every((text, i) => {
    const [a, b] = [Number(seen[i]), Number(text)];
    return a === b || (!(Number.isInteger(a) && Number.isInteger(b)) && Math.abs(a - b) <= 1e-6 * Math.abs(b));
  });
}

function normalise(text) {
  return text
    .replace(/\b([A-Z]\w*)\(\d+\) (?=[[{])/g, '$1 ')
    .replace(/["`]/g, "'")
    .replace(/\.\.\./g, '…')
    .replace(/\s+/g, '')
    .replace(/,(?=[\]}])/g, '');
}

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

/** Equal apart from white space, the kind of quotes and `Array(3)` lengths; `…` in the comment stands for anything. */
function matches(actual, expected) {
  const parts = normalise(expected)
    .split('…')
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('[\\s\\S]*')}$`).test(normalise(actual));
}

function normalise(text) {
  return text
    .replace(/\b([A-Z]\w*)\(\d+\) (?=[[{])/g, '$1 ')
    .replace(/["`]/g, "'")
    .replace(/\.\.\./g, '…')
    .replace(/\s+/g, '')
    .replace(/,(?=[\]}])/g, '');
}

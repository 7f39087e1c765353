/** Runs modules one after another, each in this process, and prints one line of JSON per module on descriptor 3. */
import { writeSync } from 'node:fs';

for (const url of process.argv.slice(2)) {
  let error = null;
  try {
    await import(url);
  } catch (thrown) {
    error = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  }
  writeSync(3, `${JSON.stringify({ url, error })}\n`);
}
process.exit(0);

#!/usr/bin/env node
import { main } from '../dist/index.js';

// A reader that goes away (`strata data list | head`) is no failure.
process.stdout.on('error', (error) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});
process.exitCode = await main(process.argv.slice(2));
// Everything is done and closed by now. Should a native library still hold a handle, it must not keep the shell waiting.
setTimeout(() => process.exit(), 2000).unref();

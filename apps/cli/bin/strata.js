#!/usr/bin/env node
import { main } from '../dist/index.js';

process.exitCode = await main(process.argv.slice(2));
// Everything is done and closed by now. Should a native library still hold a handle, it must not keep the shell waiting.
setTimeout(() => process.exit(), 2000).unref();

/** Runs one step of the set-up as a child process: one line on the terminal while it works, its whole log if it fails. */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';

const stillWorkingMs = 20_000;

/** A step that failed; `log` is all that it wrote. */
export class PhaseError extends Error {
  constructor(title, code, log) {
    super(`${title}: failed with exit code ${code}`);
    this.log = log;
  }
}

/**
 * Runs `command` with its output kept back.
 *
 * @param {string} title - what the step does, e.g. `installing dependencies`
 * @param {string[]} command - the program and its arguments
 * @param {{ cwd: string, env: NodeJS.ProcessEnv }} options
 * @throws {PhaseError} if the command does not exit with 0
 */
export async function phase(title, [program, ...args], { cwd, env }) {
  const started = process.hrtime.bigint();
  const seconds = () => Number((process.hrtime.bigint() - started) / 1_000_000_000n);
  const line = progressLine(title, seconds);
  const log = [];
  const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], shell: onWindows(program) });
  child.stdout.on('data', (chunk) => log.push(chunk));
  child.stderr.on('data', (chunk) => log.push(chunk));
  const code = await exitCodeOf(child).catch((error) => {
    log.push(Buffer.from(String(error)));
    return 127;
  });
  line.end(code === 0 ? `${seconds()} s` : 'failed');
  if (code !== 0) throw new PhaseError(title, code, Buffer.concat(log).toString());
}

/** Runs `command` on this terminal and gives its exit code; 128 + n when signal n ended it. */
export async function passThrough([program, ...args], { cwd, env }) {
  const child = spawn(program, args, { cwd, env, stdio: 'inherit' });
  // Ctrl-C reaches the child too (same process group); it decides how to end, we only report what it decided.
  const ignore = () => {};
  const forward = () => child.kill('SIGTERM');
  process.on('SIGINT', ignore).on('SIGTERM', forward);
  try {
    return await exitCodeOf(child);
  } finally {
    process.off('SIGINT', ignore).off('SIGTERM', forward);
  }
}

function exitCodeOf(child) {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code ?? 128 + (constants.signals[signal] ?? 1)));
  });
}

/** npx and pnpm are .cmd files on Windows, which only a shell starts. */
function onWindows(program) {
  return process.platform === 'win32' && !program.endsWith('.exe');
}

/** On a terminal one line that counts seconds; elsewhere a line at the start, one now and then, and one at the end. */
function progressLine(title, seconds) {
  const isTerminal = process.stderr.isTTY === true && !process.env.CI;
  const write = (text) => process.stderr.write(text);
  if (!isTerminal) write(`strata: ${title} …\n`);
  const draw = () => write(isTerminal ? `\r\u001b[2Kstrata: ${title} … ${seconds()} s` : `strata: … ${seconds()} s\n`);
  if (isTerminal) draw();
  const timer = setInterval(draw, isTerminal ? 500 : stillWorkingMs);
  return {
    end(result) {
      clearInterval(timer);
      write(isTerminal ? `\r\u001b[2Kstrata: ${title}: ${result}\n` : `strata: ${title}: ${result}\n`);
    },
  };
}

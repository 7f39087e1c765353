/** Two network namespaces joined by a shaped veth pair: two real servers for MPI over TCP on one machine. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TrafficRow } from '@strata-ml/core';
import { describe, expect, it } from 'vitest';
import { launchers, runRanks } from './mpirun.js';

const openMpi = launchers.find((l) => l.family === 'openmpi');
const id = `${process.pid % 100_000}`;
const names = [`strata${id}a`, `strata${id}b`] as const;
const addresses = ['10.213.77.1', '10.213.77.2'] as const;
const SUBNET = '10.213.77.0/24';

const isPossible = openMpi !== undefined && process.getuid?.() === 0 && canMakeNamespaces();

describe.skipIf(!isPossible)('two servers (skipped without Open MPI, root, iproute2 and network namespaces)', () => {
  it('are found by host name, carry 1 Gb/s between them, and count by link', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'strata-netns-'));
    try {
      setUp();
      // mpirun starts its daemon on the other "host" with this instead of ssh.
      const agent = script(
        folder,
        'agent',
        `shift\nexec ip netns exec ${names[1]} unshare --uts sh -c "hostname ${names[1]}; $*"`,
      );
      const start = script(
        folder,
        'start',
        `exec ip netns exec ${names[0]} unshare --uts sh -c 'hostname ${names[0]}; exec ${openMpi!.command} "$@"' mpirun "$@"`,
      );
      const outcome = await runRanks({ ...openMpi!, command: start }, 'links.mjs', {
        ranks: 4,
        launcherArgs: [
          // Each "host" seems to have all cores to itself: without this, waiting ranks would hog them.
          ...mca('mpi_yield_when_idle', '1'),
          ...mca('plm_rsh_agent', agent),
          ...mca('btl', 'self,vader,tcp'),
          ...mca('btl_tcp_if_include', SUBNET),
          ...mca('oob_tcp_if_include', SUBNET),
          '--host',
          addresses.map((a) => `${a}:2`).join(),
        ],
      });
      expect(outcome.code, outcome.stderr).toBe(0);
      const { devicesPerServer, serverHosts, intra, inter, isRight, traffic } = JSON.parse(outcome.stdout);
      expect({ devicesPerServer, serverHosts, isRight }).toEqual({
        devicesPerServer: [2, 2],
        serverHosts: [...names],
        isRight: true,
      });
      // The shaped link: never faster, and within reach of its rate on a busy machine. Shared memory is faster.
      expect(inter).toBeLessThan(1.15e9);
      expect(inter).toBeGreaterThan(0.2e9);
      expect(intra).toBeGreaterThan(inter);
      const row = (phase: string) => (traffic as TrafficRow[]).find((r) => r.phase === phase);
      expect(row('to 1')).toMatchObject({ class: 'intra', bytes: 4 * 2 ** 22, messages: 4 });
      expect(row('to 2')).toMatchObject({ class: 'inter', bytes: 4 * 2 ** 22, messages: 4 });
    } finally {
      tearDown();
      rmSync(folder, { recursive: true });
    }
  });
});

function setUp(): void {
  const links = [`veth${id}a`, `veth${id}b`] as const;
  for (const name of names) ip('netns', 'add', name);
  ip('link', 'add', links[0], 'netns', names[0], 'type', 'veth', 'peer', 'name', links[1], 'netns', names[1]);
  for (const i of [0, 1] as const) {
    ip('-n', names[i], 'addr', 'add', `${addresses[i]}/24`, 'dev', links[i]);
    ip('-n', names[i], 'link', 'set', links[i], 'up');
    ip('-n', names[i], 'link', 'set', 'lo', 'up');
    const shape = ['root', 'tbf', 'rate', '1gbit', 'burst', '256kb', 'limit', '16mb'];
    command('tc', '-n', names[i], 'qdisc', 'add', 'dev', links[i], ...shape);
  }
}

/** Removing a namespace removes its end of the pair, and with it the other. */
function tearDown(): void {
  for (const name of names) spawnSync('ip', ['netns', 'del', name]);
}

function canMakeNamespaces(): boolean {
  if (spawnSync('tc', ['-V']).status !== 0 || spawnSync('unshare', ['--uts', 'true']).status !== 0) return false;
  try {
    setUp();
    return true;
  } catch {
    return false;
  } finally {
    tearDown();
  }
}

function ip(...args: string[]): void {
  command('ip', ...args);
}

function command(name: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(name, args, { encoding: 'utf8', timeout: 10_000 });
  if (status !== 0) throw new Error(`${name} ${args.join(' ')}: ${stderr}`);
}

function mca(name: string, value: string): string[] {
  return ['--mca', name, value];
}

function script(folder: string, name: string, body: string): string {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\n${body}\n`);
  chmodSync(path, 0o755);
  return path;
}

/** Two network namespaces joined by a shaped pair of interfaces: two servers on one machine, with a link of a chosen speed. */
import { spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const SUBNET = '10.213.78';

/** Two namespaces. Needs root, iproute2 and `unshare`. */
export class ShapedPair {
  readonly #names: readonly [string, string];
  readonly #links: readonly [string, string];

  constructor() {
    const id = process.pid % 100_000;
    this.#names = [`stratab${id}a`, `stratab${id}b`];
    this.#links = [`vetb${id}a`, `vetb${id}b`];
  }

  /** Makes them; throws what the tools say if that is impossible. */
  make(): void {
    const [a, b] = this.#names;
    for (const name of this.#names) run('ip', 'netns', 'add', name);
    run('ip', 'link', 'add', this.#links[0], 'netns', a, 'type', 'veth', 'peer', 'name', this.#links[1], 'netns', b);
    this.#names.forEach((name, i) => {
      run('ip', '-n', name, 'addr', 'add', `${SUBNET}.${i + 1}/24`, 'dev', this.#links[i]!);
      run('ip', '-n', name, 'link', 'set', this.#links[i]!, 'up');
      run('ip', '-n', name, 'link', 'set', 'lo', 'up');
    });
  }

  /** Shapes both directions with a token bucket, e.g. to `100mbit`. */
  shape(rate: string): void {
    this.#names.forEach((name, i) => {
      const bucket = ['tbf', 'rate', rate, 'burst', '256kb', 'limit', '16mb'];
      run('tc', '-n', name, 'qdisc', 'replace', 'dev', this.#links[i]!, 'root', ...bucket);
    });
  }

  /** The command that starts MPI ranks in both, as many on each. */
  mpirun(folder: string, ranksEach: number): readonly string[] {
    const [a, b] = this.#names;
    // mpirun starts its daemon on the other "host" with this instead of ssh.
    const agent = script(folder, 'agent', `shift\nexec ip netns exec ${b} unshare --uts sh -c "hostname ${b}; $*"`);
    const start = script(
      folder,
      'start',
      `exec ip netns exec ${a} unshare --uts sh -c 'hostname ${a}; exec mpirun "$@"' mpirun "$@"`,
    );
    const mca = (name: string, value: string) => ['--mca', name, value];
    const hosts = [1, 2].map((i) => `${SUBNET}.${i}:${ranksEach}`).join();
    return [
      start,
      // Each "host" seems to have all cores to itself: without this, waiting ranks would hog them.
      ...mca('mpi_yield_when_idle', '1'),
      ...mca('plm_rsh_agent', agent),
      ...mca('btl', 'self,vader,tcp'),
      ...mca('btl_tcp_if_include', `${SUBNET}.0/24`),
      ...mca('oob_tcp_if_include', `${SUBNET}.0/24`),
      '--host',
      hosts,
      '-np',
      String(2 * ranksEach),
    ];
  }

  /** Removing a namespace removes its end of the pair, and with it the other. */
  remove(): void {
    for (const name of this.#names) spawnSync('ip', ['netns', 'del', name]);
  }
}

function run(name: string, ...args: string[]): void {
  const { status, stderr, error } = spawnSync(name, args, { encoding: 'utf8', timeout: 10_000 });
  if (status !== 0) throw new Error(`${name} ${args.join(' ')}: ${stderr ?? error?.message}`);
}

function script(folder: string, name: string, body: string): string {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\n${body}\n`);
  chmodSync(path, 0o755);
  return path;
}

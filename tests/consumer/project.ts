/** An empty npm project outside the workspace with the packed packages in it: what a user has after `npm install`. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pnpm, root } from '../../scripts/lib/setup.mjs';

const run = promisify(execFile);
const installTimeoutMs = 170_000;

/** A public package of the workspace. */
export interface PublicPackage {
  readonly name: string;
  /** Relative to the repository root. */
  readonly folder: string;
  readonly manifest: {
    readonly version: string;
    readonly peerDependencies?: Readonly<Record<string, string>>;
    readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
  };
}

/** All packages that are published, sorted by folder. */
export function publicPackages(): PublicPackage[] {
  return ['apps', 'packages']
    .flatMap((area) => readdirSync(join(root, area)).map((name) => `${area}/${name}`))
    .map((folder) => ({ folder, manifest: JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) }))
    .filter(({ manifest }) => manifest.private !== true)
    .map(({ folder, manifest }) => ({ name: manifest.name, folder, manifest }));
}

/** True if npm's registry answers: installing needs it. */
export async function isRegistryReachable(): Promise<boolean> {
  return run('npm', ['view', 'tslib', 'version', '--fetch-retries=0', '--fetch-timeout=15000'], { cwd: tmpdir() }).then(
    () => true,
    () => false,
  );
}

/** Packs every public package into `folder` and gives the tarball of each name. */
export async function packAll(folder: string): Promise<Map<string, string>> {
  const [program = 'npx', ...args] = pnpm('pack', '--pack-destination', folder);
  const tarballs = new Map<string, string>();
  for (const { name, folder: from } of publicPackages()) {
    await run(program, args, { cwd: join(root, from) });
    const { version } = JSON.parse(readFileSync(join(root, from, 'package.json'), 'utf8'));
    tarballs.set(name, join(folder, `${name.replace('@', '').replace('/', '-')}-${version}.tgz`));
  }
  return tarballs;
}

/** A folder with installed packages. */
export class ConsumerProject {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /**
   * Installs the tarballs and the peers that they name.
   *
   * @param flags - further flags of `npm install`
   */
  static async create(tarballs: ReadonlyMap<string, string>, flags: readonly string[] = []): Promise<ConsumerProject> {
    const folder = mkdtempSync(join(tmpdir(), 'strata-consumer-'));
    const peers = Object.assign({}, ...publicPackages().map(requiredPeers));
    const own = Object.fromEntries([...tarballs].map(([name, path]) => [name, `file:${path}`]));
    writeFileSync(
      join(folder, 'package.json'),
      JSON.stringify({
        name: 'consumer',
        private: true,
        dependencies: { ...peers, ...own },
        // The tarballs ask for each other by version, which no registry has yet.
        overrides: Object.fromEntries([...tarballs.keys()].map((name) => [name, `$${name}`])),
      }),
    );
    await run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', ...flags], {
      cwd: folder,
      timeout: installTimeoutMs,
      env: { ...consumerEnvironment(), ONNXRUNTIME_NODE_INSTALL: 'skip' },
    });
    return new ConsumerProject(folder);
  }

  /** Runs a module text in the project and gives what it prints. */
  async runModule(name: string, code: string): Promise<string> {
    mkdirSync(join(this.folder, 'run'), { recursive: true });
    const path = join(this.folder, 'run', name);
    writeFileSync(path, code);
    return this.run(process.execPath, [path]);
  }

  /** Runs a program in the project and gives what it prints on stdout; throws with stderr if it fails. */
  async run(program: string, args: readonly string[]): Promise<string> {
    const options = { cwd: this.folder, env: consumerEnvironment(), timeout: 120_000, maxBuffer: 1 << 24 };
    const { stdout } = await run(program, [...args], options);
    return stdout;
  }

  /** Deletes the folder. */
  dispose(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function requiredPeers({ manifest }: PublicPackage): Record<string, string> {
  const { peerDependencies = {}, peerDependenciesMeta = {} } = manifest;
  return Object.fromEntries(Object.entries(peerDependencies).filter(([name]) => !peerDependenciesMeta[name]?.optional));
}

/** Without what this test run's own npm and pnpm put there, and without an engine that only this machine has. */
function consumerEnvironment(): NodeJS.ProcessEnv {
  const own =
    /^(NODE_ENV|NODE_OPTIONS|NODE_PATH|VITEST.*|STRATA_.*|npm_(lifecycle|package|config_(prefix|dir|workspace)).*)$/i;
  const entries = Object.entries(process.env).filter(([name]) => !own.test(name));
  return Object.fromEntries(entries);
}

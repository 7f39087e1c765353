import { existsSync, readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const root = fileURLToPath(new URL('.', import.meta.url));

// One project per package that has tests, built in code so that root settings reach all of them (`extends: true`).
const packageTests = ['packages', 'apps']
  .flatMap((area) => readdirSync(`${root}${area}`).map((name) => `${area}/${name}`))
  .filter((folder) => existsSync(`${root}${folder}/test`) && existsSync(`${root}${folder}/package.json`))
  .map((folder) => ({ name: basename(folder), folder, include: ['test/**/*.test.ts'] }));

// What concerns the repository as a whole: `docs` runs the examples, `consumer` the packed packages, `tools` scripts/.
const repositoryTests = readdirSync(`${root}tests`, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => ({ name, folder: `tests/${name}`, include: ['**/*.test.ts'] }));

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
    projects: [...packageTests, ...repositoryTests].map(({ name, folder, include }) => ({
      extends: true as const,
      test: { name, root: folder, include, setupFiles: [`${root}tests/setup.ts`] },
    })),
  },
});

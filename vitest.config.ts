import { existsSync, readdirSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

// One project per package that has tests, built in code so that root settings reach all of them (`extends: true`).
const folders = ['packages', 'apps']
  .flatMap((area) => readdirSync(area).map((name) => `${area}/${name}`))
  .filter((folder) => existsSync(`${folder}/test`) && existsSync(`${folder}/package.json`));

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
    projects: folders.map((folder) => ({
      extends: true as const,
      test: { name: folder.replace('packages/', ''), root: folder, include: ['test/**/*.test.ts'] },
    })),
  },
});

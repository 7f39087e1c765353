/** Refuses a Node that cannot run Strata, in words a person can act on. Plain old syntax: it must parse everywhere. */

const required = [20, 19];

/** Exits with code 1 when this Node is older than 20.19. */
export function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > required[0] || (major === required[0] && minor >= required[1])) return;
  process.stderr.write(
    `strata: Node ${required.join('.')} or newer is needed, this is ${process.version}.\n` +
      'strata: get one from https://nodejs.org, then run the same command again.\n',
  );
  process.exit(1);
}

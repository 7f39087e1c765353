/** TypeDoc plugin: `{@link OptionError}` in one package is right when another package documents that name. */

/** `ReflectionKind.Module`: what packages become when they are merged. */
const moduleKind = 2;

/** Called by TypeDoc. */
export function load(app) {
  app.converter.addUnknownSymbolResolver((reference, from) => {
    const [name, ...rest] = reference.symbolReference?.path ?? [];
    if (!name || rest.length > 0) return undefined;
    const modules = (from.project.children ?? []).filter(({ kind }) => kind === moduleKind);
    const isDocumented = modules.some(({ children = [] }) => children.some((child) => child.name === name.path));
    return isDocumented ? '#' : undefined; // known, shown as plain text: a reflection cannot be carried over
  });
}

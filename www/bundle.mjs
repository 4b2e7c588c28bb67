// SPDX-License-Identifier: MIT
// bundle.mjs - `make page`: elements.js and all that it imports at once as one file, doorbell.min.js for <script src> and doorbell.mjs
// for import, each with its source map; and the code of lists and toasts, which both load when a page has one, in ui/min/. What else
// they load later stays as it is. ES2019 and import(), for browsers back to Chrome 70, Safari 13 and Firefox 68. With --check it
// writes nothing, and exits 1 if the files are not what it would write or have grown.

import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const classic = "import { addWords, Doorbell, DoorbellError, useDoorbell } from './elements.js'; self.Doorbell = Object.assign(Doorbell, { addWords, DoorbellError, useDoorbell });";
const linked = { sourcemap: 'linked', sourcesContent: false };
const bundles = [
  { name: 'doorbell.min.js', contents: classic, around: ['(() => { const script = document.currentScript ? document.currentScript.src : self.doorbellScript;', '})();'], script: 'script', sizeMax: 20 * 1024, map: linked },
  { name: 'doorbell.mjs', contents: "export * from './elements.js';", sizeMax: 20 * 1024, map: linked },
  { name: 'bell/min/worker.js', of: 'bell/worker.js', around: ['(() => {', '})();'], sizeMax: 11 * 1024 },
  { name: 'ui/min/list.js', of: 'ui/list/all.js', sizeMax: 11.5 * 1024 },
  { name: 'ui/min/toasts.js', of: 'ui/toasts/toast.js', sizeMax: 2 * 1024 },
]; // sizes are of gzip
const BANNER = '/*! Doorbell, MIT licence: https://spdx.org/licenses/MIT.html\n * SPDX-License-Identifier: MIT */';
const www = fileURLToPath(new URL('.', import.meta.url));
const { build } = createRequire(new URL('../tests/package.json', import.meta.url))('esbuild');

// Private names as properties with short names, `#x` → `_x_`: in ES2019 they would be WeakMaps, a fifth of the file.
const privates = /(^\s+(?:async |get |set |static )*|\.)#(\w+)/gm;
const sheets = /css = `([^`]*)`/;

async function lowered({ path }) {
  const source = readFileSync(path, 'utf8').replace(privates, '$1_$2_');
  const sheet = sheets.exec(source);
  // As TypeScript, since only there esbuild makes fields plain assignments.
  return { contents: sheet ? source.replace(sheet[1], () => squeezed(sheet[1])) : source, loader: 'ts' };
}

// What esbuild would do with it, were it not in a template with places to fill in.
const squeezed = (sheet) => sheet.replace(/\n\s*/g, '').replace(/\s*([{},;]|:(?= ))\s*/g, '$1').replace(/;}/g, '}');

// What is loaded later, by its address as seen from the bundle.
function loadedLater({ path: to, resolveDir, kind }) {
  if (kind !== 'dynamic-import') return null;
  const file = path.relative(www, path.join(resolveDir, to));
  const { name } = bundles.find(({ of }) => of === file) ?? { name: file };
  return { path: `./${name}`, external: true };
}

async function bundle({ name, of, contents = `export * from './${of}';`, around: [before, after] = ['', ''], script, map }) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: www, sourcefile: name },
    outfile: `${www}${name}`,
    write: false, bundle: true, minify: true, format: 'esm', target: 'es2019', supported: { 'dynamic-import': true }, charset: 'utf8',
    define: { globalThis: 'self', ...(script && { 'import.meta.url': script }) }, // Chrome 70 has no globalThis, a classic script no import.meta
    ...map, legalComments: 'none', banner: { js: `${BANNER}\n${before}` }, footer: { js: after },
    mangleProps: /^_.*_$/, tsconfigRaw: { compilerOptions: { useDefineForClassFields: false } },
    plugins: [{
      name: 'page',
      setup(on) {
        on.onResolve({ filter: /^\./ }, loadedLater);
        on.onLoad({ filter: /\.js$/ }, lowered);
      },
    }],
  });
  return outputFiles;
}

const isCheck = process.argv.includes('--check');
const faults = [];
for (const one of bundles) {
  for (const { path: file, contents } of await bundle(one)) {
    const name = path.relative(www, file);
    const size = gzipSync(contents, { level: 9 }).length;
    if (name === one.name && !isCheck) console.log(`www/${name}: ${contents.length} bytes, ${size} gzip`);
    if (name === one.name && size > one.sizeMax) faults.push(`www/${name}: ${size} bytes gzip, more than ${one.sizeMax}; make it smaller`);
    if (!isCheck) writeFileSync(file, contents);
    else if (Buffer.compare(readFileSync(file), Buffer.from(contents)) !== 0)
      faults.push(`www/${name} is not made of what is beside it; run: make page`);
  }
}
for (const fault of faults) console.log(fault);
process.exitCode = faults.length > 0 ? 1 : 0;

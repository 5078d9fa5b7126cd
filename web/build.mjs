// Bundles the page into out/: hashed names, chunks by page, each with a Brotli twin. Run by
// tools/page.py in a copy of this folder.
import { brotliCompressSync, constants } from "node:zlib";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import * as esbuild from "esbuild";

const common = {
  bundle: true,
  minify: true,
  metafile: true,
  format: "esm",
  target: ["es2022"],
  outdir: "out",
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "none",
  logLevel: "warning",
};

// The name that an entry got.
function outputOf(result, entry) {
  for (const [path, output] of Object.entries(result.metafile.outputs))
    if (output.entryPoint === entry) return basename(path);
  throw new Error(`${entry} was not built`);
}

rmSync("out", { recursive: true, force: true });
mkdirSync("out");
const worker = await esbuild.build({ ...common, entryPoints: ["src/worker.ts"] });
const workerName = outputOf(worker, "src/worker.ts");
const page = await esbuild.build({
  ...common,
  splitting: true,
  entryPoints: ["src/main.tsx", "src/style/index.css"],
  define: { WORKER_FILE: JSON.stringify(`a/${workerName}`) },
});

const main = outputOf(page, "src/main.tsx");
const html = readFileSync("src/index.html", "utf8")
  .replace("MAIN_FILE", `a/${main}`)
  .replace("STYLE_FILE", `a/${outputOf(page, "src/style/index.css")}`)
  .replace(/\n\s*/g, "\n");
writeFileSync("out/index.html", html);

let total = 0;
const sizes = {};
for (const path of [...Object.keys(worker.metafile.outputs), ...Object.keys(page.metafile.outputs)]) {
  const packed = brotliCompressSync(readFileSync(path), {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11 },
  });
  writeFileSync(`${path}.br`, packed);
  sizes[basename(path)] = packed.length;
  total += packed.length;
}
console.log(JSON.stringify({ sizes, total }));

// Compiles the WGSL of all shaders with Tint, the compiler of Chrome, and makes their pipelines on a device without a GPU behind it.
//   node tint.mjs PREFIX SHADERS      PREFIX: where the npm package `webgpu` is installed
import fs from "node:fs";
import path from "node:path";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [prefix, shaders] = process.argv.slice(2);
const found = createRequire(path.resolve(prefix, "package.json")).resolve("webgpu");
const { create, globals } = await import(pathToFileURL(found));
Object.assign(globalThis, globals);

// Kept in a variable: when it is collected, so is everything that it made.
const gpu = create(["backend=null"]);
const adapter = await gpu.requestAdapter();
const features = ["shader-f16", "subgroups"];
const missing = features.filter((name) => !adapter.features.has(name));
if (missing.length) throw new Error(`this build lacks ${missing}`);
const limits = {};
for (const name of ["maxComputeWorkgroupStorageSize", "maxComputeInvocationsPerWorkgroup", "maxComputeWorkgroupSizeX"]) {
  limits[name] = adapter.limits[name];
}
const device = await adapter.requestDevice({ requiredFeatures: features, requiredLimits: limits });

const index = JSON.parse(fs.readFileSync(path.join(shaders, "index.json"), "utf8"));
let compiled = 0;
let failed = 0;
let beyond = 0;
for (const entry of index) {
  // Cooperative matrices under this name and 64-bit integers are additions of naga's.
  if (entry.matrices || entry.int64) {
    beyond += 1;
    continue;
  }
  // Tint asks for this line, naga does not know it.
  const enable = entry.subgroups ? "enable subgroups;\n" : "";
  const code = enable + fs.readFileSync(path.join(shaders, entry.files.wgsl), "utf8");
  device.pushErrorScope("validation");
  const module = device.createShaderModule({ code });
  const messages = (await module.getCompilationInfo()).messages.filter((message) => message.type === "error");
  // The device without a GPU has the least workgroup memory that there is.
  const fits = entry.workgroup_memory <= device.limits.maxComputeWorkgroupStorageSize;
  if (!messages.length && fits) device.createComputePipeline({ layout: "auto", compute: { module, entryPoint: "main" } });
  const error = await device.popErrorScope();
  const told = messages.map((m) => `line ${m.lineNum - (enable ? 1 : 0)}: ${m.message}`).concat(messages.length || !error ? [] : [error.message]);
  if (told.length) {
    failed += 1;
    console.log(`${entry.name} (${entry.case}): ${told[0].split("\n")[0]}`);
  } else {
    compiled += 1;
  }
}
console.log(`${compiled} shaders compiled, ${failed} refused` + (beyond ? `, ${beyond} with cooperative matrices or 64-bit integers left out` : ""));
process.exit(gpu && failed ? 1 : 0);

// The package types its main entry only; Node needs the ES module by its file name.
declare module "wgsl_reflect/wgsl_reflect.module.js" {
  export * from "wgsl_reflect";
}

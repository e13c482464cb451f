/**
 * Computes what a shader's functions do with whole numbers: constants, indices, addresses. Everything else, such as
 * floats and vectors, is unknown to it.
 */
import * as ast from "wgsl_reflect/wgsl_reflect.module.js";

/** A number (truth is 1 or 0), the fields of a struct, or something unknown. */
export type Value = number | { [field: string]: Value } | undefined;

type Scope = Map<string, Value>;

export class WgslArithmetic {
  readonly #functions = new Map<string, ast.Function>();
  readonly #structs = new Map<string, readonly string[]>();
  readonly #workgroup = new Set<string>();
  readonly #private: Scope = new Map();
  readonly #onRead: (array: string, indices: readonly Value[]) => void;

  /** `onRead` is told each element of workgroup memory that is read. */
  constructor(wgsl: string, onRead: (array: string, indices: readonly Value[]) => void = () => {}) {
    this.#onRead = onRead;
    // As functions, since the parser folds constants, wrongly where one is used before it is declared.
    const text = wgsl.replace(/^const (\w+) ?= ?(.*?);.*$/gm, "fn $1() -> u32 { return $2; }");
    for (const node of new ast.WgslParser().parse(text)) {
      if (node instanceof ast.Function) this.#functions.set(node.name, node);
      else if (node instanceof ast.Struct) {
        this.#structs.set(
          node.name,
          node.members.map(({ name }) => name),
        );
      } else if (node instanceof ast.Var && node.storage === "workgroup") this.#workgroup.add(node.name);
      else if (node instanceof ast.Var && node.storage === "private") this.#private.set(node.name, undefined);
    }
  }

  /** A constant of the module. Throws if it is no number that can be computed. */
  constant(name: string): number {
    const number = this.call(name);
    if (typeof number !== "number") throw new Error(`${name} is no constant number of the shader`);
    return number;
  }

  /** What a function returns. Throws if it branches by something unknown. */
  call(name: string, ...args: Value[]): Value {
    const called = this.#functions.get(name);
    if (!called) throw new Error(`the shader has no function ${name}`);
    return this.#run(called.body, new Map(called.args.map((arg, i) => [arg.name, args[i]])))?.value;
  }

  /** Whatever is returned is wrapped, since an unknown value may be. */
  #run(statements: readonly ast.Statement[], scope: Scope): { readonly value: Value } | undefined {
    for (const statement of statements) {
      if (statement instanceof ast.Return) return { value: this.#evaluate(statement.value, scope) };
      if (statement instanceof ast.If) {
        const condition = this.#evaluate(statement.condition, scope);
        if (typeof condition !== "number") throw new Error(`line ${statement.line}: an unknown condition`);
        const returned = this.#run(condition ? statement.body : (statement.else ?? []), scope);
        if (returned) return returned;
      } else if (
        statement instanceof ast.Let ||
        statement instanceof ast.Var ||
        statement instanceof ast.Const
      ) {
        scope.set(statement.name, statement.value ? this.#evaluate(statement.value, scope) : undefined);
      } else if (statement instanceof ast.Assign) {
        this.#assign(statement, scope);
      } else if (statement instanceof ast.Call) {
        this.#apply(statement.name, statement.args, scope);
      } else {
        throw new Error(`line ${statement.line}: a ${statement.astNodeType} is not computed`);
      }
    }
    return undefined;
  }

  /** Whole variables only; what is put into a part of one is not followed. */
  #assign({ variable, value, operator }: ast.Assign, scope: Scope): void {
    const assigned = this.#evaluate(value, scope);
    if (!(variable instanceof ast.VariableExpr)) return;
    const known = operator === "=" && !variable.postfix ? assigned : undefined;
    (scope.has(variable.name) ? scope : this.#private).set(variable.name, known);
  }

  #evaluate(node: ast.Expression, scope: Scope): Value {
    if (node instanceof ast.LiteralExpr) return node.isScalar ? node.scalarValue : undefined;
    if (node instanceof ast.VariableExpr || node instanceof ast.ConstExpr) return this.#variable(node, scope);
    if (node instanceof ast.CallExpr) return this.#apply(node.name, node.args ?? [], scope);
    if (node instanceof ast.CreateExpr) return this.#apply(node.type?.name ?? "", node.args ?? [], scope);
    if (node instanceof ast.BitcastExpr) return this.#evaluate(node.value, scope) && undefined;
    if (node instanceof ast.UnaryOperator) {
      const right = this.#evaluate(node.right, scope);
      return typeof right === "number" ? UNARY[node.operator]?.(right) : undefined;
    }
    if (node instanceof ast.BinaryOperator) {
      const left = this.#evaluate(node.left, scope);
      const right = this.#evaluate(node.right, scope);
      if (typeof left !== "number" || typeof right !== "number") return undefined;
      const value = BINARY[node.operator]?.(left, right);
      return value === undefined ? undefined : Number(value);
    }
    throw new Error(`line ${node.line}: a ${node.astNodeType} is not computed`);
  }

  #variable(node: ast.VariableExpr | ast.ConstExpr, scope: Scope): Value {
    const { name } = node;
    const parts: (string | Value)[] = [];
    for (let part = node.postfix; part; part = part.postfix) {
      parts.push(
        part instanceof ast.ArrayIndex ? this.#evaluate(part.index, scope) : (part as ast.StringExpr).value,
      );
    }
    if (this.#workgroup.has(name)) this.#onRead(name, parts as Value[]);
    let value = scope.has(name) ? scope.get(name) : this.#private.get(name);
    if (!scope.has(name) && this.#functions.has(name)) value = this.call(name);
    for (const part of parts) {
      value = typeof value === "object" && typeof part === "string" ? value[part] : undefined;
    }
    return value;
  }

  #apply(name: string, nodes: readonly ast.Expression[], scope: Scope): Value {
    const args = nodes.map((node) => this.#evaluate(node, scope));
    if (this.#functions.has(name)) return this.call(name, ...args);
    const fields = this.#structs.get(name);
    if (fields) return Object.fromEntries(fields.map((field, i) => [field, args[i]]));
    const builtin = BUILTIN[name];
    const numbers = args.filter((arg) => typeof arg === "number");
    return builtin && numbers.length === args.length ? builtin(...numbers) : undefined;
  }
}

const UNARY: Readonly<Record<string, (a: number) => number>> = {
  "-": (a) => -a,
  "~": (a) => ~a >>> 0,
  "!": (a) => Number(!a),
};

/** On u32, as all indices are. */
const BINARY: Readonly<Record<string, (a: number, b: number) => number | boolean>> = {
  "+": (a, b) => (a + b) >>> 0,
  "-": (a, b) => (a - b) >>> 0,
  "*": (a, b) => Math.imul(a, b) >>> 0,
  "/": (a, b) => Math.trunc(a / b),
  "%": (a, b) => a % b,
  "&": (a, b) => (a & b) >>> 0,
  "|": (a, b) => (a | b) >>> 0,
  "^": (a, b) => (a ^ b) >>> 0,
  "<<": (a, b) => (a << b) >>> 0,
  ">>": (a, b) => a >>> b,
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
  "&&": (a, b) => a !== 0 && b !== 0,
  "||": (a, b) => a !== 0 || b !== 0,
};

const BUILTIN: Readonly<Record<string, (...args: number[]) => number>> = {
  min: Math.min,
  max: Math.max,
  u32: (a) => a! >>> 0,
  select: (no, yes, condition) => (condition ? yes! : no!),
};

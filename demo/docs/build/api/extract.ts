/** The public symbols of the package's doors with their docstrings, read from the sources. */
import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import ts from "typescript-6";
import { cached, root } from "../cache.ts";

/** The files of the doors, by the name that an app imports: what package.json exports with types of its own. */
function doorFiles(): [name: string, file: string][] {
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
  };
  return Object.entries(exports).flatMap(([name, target]) => {
    if (typeof target === "string" || target.types.replace(".d.ts", ".js") !== target.default) return [];
    const file = target.types.replace("./dist/", "src/").replace(".d.ts", ".ts");
    return [[join("webgraft", name), join(root, file)]];
  });
}

export interface Member {
  readonly name: string;
  readonly signature: string;
  readonly doc: string;
}

export interface PublicSymbol {
  readonly name: string;
  readonly kind: "function" | "class" | "interface" | "type" | "constant";
  /** The declaration without bodies, members and what every declaration says. */
  readonly signature: string;
  readonly doc: string;
  readonly members: readonly Member[];
  /** Relative to the repository. */
  readonly file: string;
  /** Names of error classes that its own code throws. */
  readonly throws: readonly string[];
}

export interface Section {
  /** The door's comment above its exports up to a colon, and what follows that; empty if it has none. */
  readonly title: string;
  readonly about: string;
  readonly symbols: readonly PublicSymbol[];
}

export interface Door {
  readonly name: string;
  readonly doc: string;
  readonly sections: readonly Section[];
}

/** The doors with all that is public. */
export const publicDoors = (): Promise<readonly Door[]> =>
  cached("docs-doors", ["src", "demo/docs/build/api", "package.json", "tsconfig.json"], extractDoors);

function extractDoors(): Door[] {
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(`${root}tsconfig.json`, ts.sys.readFile).config,
    ts.sys,
    root,
  );
  const files = doorFiles();
  const program = ts.createProgram({ rootNames: files.map(([, file]) => file), options });
  const checker = program.getTypeChecker();
  return files.map(([name, file]) => doorOf(name, program.getSourceFile(file)!, checker));
}

/** A comment line that heads the exports below it. */
const HEADING = /^\/\/ ([^:]+)(?:: (.+))?$/;

function doorOf(name: string, source: ts.SourceFile, checker: ts.TypeChecker): Door {
  const sections: { title: string; about: string; symbols: PublicSymbol[] }[] = [];
  const text = source.getFullText();
  for (const statement of source.statements) {
    const exported = exportsOf(statement, checker);
    if (exported.length === 0) continue;
    const comments = ts.getLeadingCommentRanges(text, statement.getFullStart()) ?? [];
    for (const { pos, end } of comments) {
      const [, title, about = ""] = HEADING.exec(text.slice(pos, end)) ?? [];
      if (title) sections.push({ title, about, symbols: [] });
    }
    if (sections.length === 0) sections.push({ title: "", about: "", symbols: [] });
    sections.at(-1)!.symbols.push(...exported.flatMap((symbol) => describe(symbol, checker)));
  }
  const doc = /\/\*\*([\s\S]*?)\*\//.exec(text)?.[1] ?? "";
  return { name, doc: plainComment(doc), sections: sections.filter(({ symbols }) => symbols.length > 0) };
}

/** A comment's text without its stars. */
const plainComment = (comment: string): string =>
  comment
    .replace(/^\/\*\*|\*\/$/g, "")
    .replace(/^\s*\* ?/gm, "")
    .trim();

/** What a statement of a door exports. */
function exportsOf(statement: ts.Statement, checker: ts.TypeChecker): ts.Symbol[] {
  if (ts.isExportDeclaration(statement)) return reexportsOf(statement, checker);
  const isExported =
    (ts.getCombinedModifierFlags(statement as ts.DeclarationStatement) & ts.ModifierFlags.Export) !== 0;
  const { name } = statement as ts.DeclarationStatement;
  return isExported && name ? [checker.getSymbolAtLocation(name)!] : [];
}

function reexportsOf(
  { exportClause, moduleSpecifier }: ts.ExportDeclaration,
  checker: ts.TypeChecker,
): ts.Symbol[] {
  const names =
    exportClause && ts.isNamedExports(exportClause)
      ? exportClause.elements.map(({ name }) => checker.getSymbolAtLocation(name)!)
      : checker.getExportsOfModule(checker.getSymbolAtLocation(moduleSpecifier!)!);
  return names.map((symbol) =>
    symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol,
  );
}

/**
 * What is written above a symbol's declarations, as it is: TypeScript's own reading ends at the first `@group`. What is
 * inherited, it finds.
 */
function docOf(symbol: ts.Symbol, checker: ts.TypeChecker): string {
  const own = (symbol.declarations ?? []).flatMap((declaration) =>
    ts
      .getJSDocCommentsAndTags(declaration)
      .filter(ts.isJSDoc)
      .slice(-1)
      .map((comment) => plainComment(comment.getText())),
  );
  return [...new Set(own)].join("\n\n") || ts.displayPartsToString(symbol.getDocumentationComment(checker));
}

/** Generated kernels are in the gallery, and not described here. */
function describe(symbol: ts.Symbol, checker: ts.TypeChecker): PublicSymbol[] {
  const declarations = symbol.declarations ?? [];
  const declaration =
    declarations.find((each) => !ts.isFunctionDeclaration(each) || each.body) ?? declarations[0];
  if (!declaration || declaration.getSourceFile().fileName.endsWith("shaders.gen.ts")) return [];
  const base = {
    name: symbol.name,
    doc: docOf(symbol, checker),
    file: relative(root, declaration.getSourceFile().fileName),
    throws: thrownBy(declaration),
  };
  if (ts.isClassDeclaration(declaration)) {
    return [
      {
        ...base,
        kind: "class",
        signature: classHead(declaration),
        members: classMembers(declaration, checker),
      },
    ];
  }
  if (ts.isInterfaceDeclaration(declaration)) {
    return [
      {
        ...base,
        kind: "interface",
        signature: head(declaration),
        members: typeMembers(declaration.members, checker),
      },
    ];
  }
  if (ts.isTypeAliasDeclaration(declaration)) {
    const members = ts.isTypeLiteralNode(declaration.type)
      ? typeMembers(declaration.type.members, checker)
      : [];
    return [{ ...base, kind: "type", signature: tidy(withoutComments(declaration)), members }];
  }
  if (ts.isFunctionDeclaration(declaration)) {
    return [{ ...base, kind: "function", signature: tidy(callHead(declaration)), members: [] }];
  }
  const [signature] = checker.getTypeOfSymbol(symbol).getCallSignatures();
  const made = signature?.getDeclaration();
  if (
    signature &&
    ts.isVariableDeclaration(declaration) &&
    made &&
    ts.isArrowFunction(made) &&
    declaration.initializer === made
  ) {
    const text = `function ${symbol.name}${callHead(made)}`;
    const returns = made.type ? "" : `: ${checker.typeToString(signature.getReturnType(), made, FORMAT)}`;
    return [{ ...base, kind: "function", signature: tidy(text + returns), members: [] }];
  }
  const type = checker.typeToString(checker.getTypeOfSymbol(symbol), declaration, FORMAT);
  return [{ ...base, kind: "constant", signature: `const ${symbol.name}: ${type}`, members: [] }];
}

const FORMAT = ts.TypeFormatFlags.UseAliasDefinedOutsideCurrentScope;

const withoutComments = (node: ts.Node): string =>
  node
    .getText()
    .replace(/\s*\/\*[\s\S]*?\*\//g, "")
    .replace(/^\s*\/\/.*\n/gm, "");

/** On one line if it fits, without what every declaration has. */
const tidy = (text: string): string => {
  const plain = text
    .replace(/^(export |declare |async |abstract |override |readonly |static )+/, "")
    .replace(/;$/, "")
    .trim();
  const line = plain.replace(/\s*\n\s*/g, " ").replace(/,\s*([)}\]])/g, "$1");
  return line.length <= 90 ? line : plain;
};

/** A function's text up to its body. */
function callHead(node: ts.FunctionLikeDeclaration): string {
  const { body } = node as { readonly body?: ts.Node };
  const source = node.getSourceFile().text;
  const end = body ? body.getFullStart() : node.end;
  return source
    .slice(node.getStart(), end)
    .replace(/=>\s*$/, "")
    .replace(/\{\s*$/, "")
    .trim();
}

const head = (node: ts.InterfaceDeclaration | ts.ClassDeclaration): string => {
  const text = node.getSourceFile().text.slice(node.getStart(), node.members.pos);
  return tidy(text.replace(/\{\s*$/, ""));
};

function classHead(node: ts.ClassDeclaration): string {
  const made = node.members.find((member) => ts.isConstructorDeclaration(member));
  const isPublic = made && !isHidden(made);
  return isPublic ? `${head(node)} {\n  ${callHead(made)};\n}` : head(node);
}

const isHidden = (node: ts.Declaration): boolean =>
  (ts.getCombinedModifierFlags(node) & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected)) !== 0 ||
  (node as ts.NamedDeclaration).name?.kind === ts.SyntaxKind.PrivateIdentifier ||
  ts.getJSDocTags(node).some(({ tagName }) => tagName.text === "internal");

function classMembers(node: ts.ClassDeclaration, checker: ts.TypeChecker): Member[] {
  return node.members.flatMap((member) => {
    if (isHidden(member) || ts.isConstructorDeclaration(member) || ts.isSemicolonClassElement(member))
      return [];
    if (!member.name || ts.isClassStaticBlockDeclaration(member) || ts.isSetAccessorDeclaration(member))
      return [];
    const symbol = checker.getSymbolAtLocation(member.name);
    const name = member.name.getText();
    if (name.startsWith("[")) return [];
    const isStatic = (ts.getCombinedModifierFlags(member) & ts.ModifierFlags.Static) !== 0;
    const text = ts.isPropertyDeclaration(member)
      ? propertyText(member, checker)
      : callHead(member as ts.MethodDeclaration);
    return {
      name: isStatic ? `static ${name}` : name,
      signature: tidy(text),
      doc: symbol ? docOf(symbol, checker) : "",
    };
  });
}

function propertyText(member: ts.PropertyDeclaration, checker: ts.TypeChecker): string {
  const type =
    member.type?.getText() ?? checker.typeToString(checker.getTypeAtLocation(member), member, FORMAT);
  return `${member.name.getText()}${member.questionToken ? "?" : ""}: ${type}`;
}

const typeMembers = (members: ts.NodeArray<ts.TypeElement>, checker: ts.TypeChecker): Member[] =>
  members.flatMap((member) => {
    const symbol = member.name && checker.getSymbolAtLocation(member.name);
    if (!symbol) return [];
    return { name: symbol.name, signature: tidy(withoutComments(member)), doc: docOf(symbol, checker) };
  });

/** The error classes that a declaration's own text throws to its caller. */
function thrownBy(declaration: ts.Declaration): string[] {
  const names = new Set<string>();
  const look = (node: ts.Node): void => {
    if (ts.isClassElement(node) && isHidden(node)) return;
    // What is caught is not thrown.
    if (ts.isTryStatement(node) && node.catchClause) {
      look(node.catchClause);
      return;
    }
    if (ts.isThrowStatement(node) && ts.isNewExpression(node.expression))
      names.add(node.expression.expression.getText());
    ts.forEachChild(node, look);
  };
  look(declaration);
  return [...names];
}

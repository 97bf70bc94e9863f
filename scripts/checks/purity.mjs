// Purity of the core: its sources use nothing but their arguments, so that same inputs give same outputs on every
// platform. A global that is not listed here is refused, known or not.
import { join } from "node:path";
import ts from "typescript";

/** Globals that are the same everywhere. */
const allowedGlobals = new Set(
  (
    "Array ArrayBuffer BigInt BigUint64Array Boolean DataView Error Infinity Map NaN Number Object RangeError Set " +
    "String Symbol TextDecoder TextEncoder TypeError Uint32Array Uint8Array WeakMap WeakSet undefined"
  ).split(" "),
);

/** Members of Math whose results are exact. The others differ between platforms, or are random. */
const allowedMath = new Set(["abs", "ceil", "clz32", "floor", "imul", "max", "min", "sign", "trunc"]);

/** Methods whose results depend on the language that the machine is set to. */
const localeMethods = new Set(["localeCompare", "toLocaleLowerCase", "toLocaleString", "toLocaleUpperCase"]);

/** @typedef {{ file: string, line: number, what: string }} Impurity */

/**
 * Everything in packages/core/src, tests excepted, that is not pure.
 *
 * @param {string} root
 * @returns {Impurity[]}
 */
export function findImpurities(root) {
  const folder = join(root, "packages", "core", "src");
  const files = listSources(folder);
  if (files.length === 0) throw new Error(`there are no sources in ${folder}`);
  // Imports are not followed: what an imported name stands for is the business of the layers.
  const program = ts.createProgram(files, {
    target: ts.ScriptTarget.ES2022,
    lib: ["lib.es2023.d.ts", "lib.dom.d.ts"],
    module: ts.ModuleKind.NodeNext,
    types: [],
    noResolve: true,
  });
  return files.flatMap((file) => {
    const source = program.getSourceFile(file);
    if (source === undefined) throw new Error(`${file} cannot be read`);
    return impuritiesOf(source, program.getTypeChecker(), file.slice(root.length).replace(/^[\\/]/, ""));
  });
}

/** @param {string} folder */
function listSources(folder) {
  return ts.sys.readDirectory(folder, [".ts"], ["**/*.test.ts"]);
}

/**
 * @param {ts.SourceFile} source
 * @param {ts.TypeChecker} checker
 * @param {string} file
 */
function impuritiesOf(source, checker, file) {
  /** @type {Impurity[]} */
  const found = [];
  /** @param {ts.Node} node @param {string} what */
  const report = (node, what) => {
    const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
    found.push({ file, line: line + 1, what });
  };
  /** @param {ts.Node} node */
  const visit = (node) => {
    const what = impurityOf(node, checker, source);
    if (what !== undefined) report(node, what);
    for (const child of valuesIn(node)) visit(child);
  };
  visit(source);
  return found;
}

/**
 * The parts of a node that are there when the program runs, types and names left out.
 *
 * @param {ts.Node} node
 * @returns {ts.Node[]}
 */
function valuesIn(node) {
  if (ts.isImportDeclaration(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node))
    return [];
  if (ts.isExportDeclaration(node)) return [];
  if (ts.isPropertyAccessExpression(node)) return [node.expression];
  /** @type {ts.Node[]} */
  const parts = [];
  ts.forEachChild(node, (child) => {
    if (ts.isExpressionWithTypeArguments(child) && isClassExtends(node)) parts.push(child.expression);
    else if (!ts.isTypeNode(child) && !isName(node, child)) parts.push(child);
  });
  return parts;
}

/** @param {ts.Node} node */
function isClassExtends(node) {
  return ts.isHeritageClause(node) && node.token === ts.SyntaxKind.ExtendsKeyword;
}

/**
 * Whether an identifier only names something that its parent declares or selects.
 *
 * @param {ts.Node} parent
 * @param {ts.Node} child
 */
function isName(parent, child) {
  if (!ts.isIdentifier(child)) return false;
  if (ts.isShorthandPropertyAssignment(parent)) return false;
  if (ts.isBindingElement(parent) && parent.propertyName === child) return true;
  if (ts.isLabeledStatement(parent) || ts.isBreakOrContinueStatement(parent)) return true;
  return "name" in parent && parent.name === child;
}

/**
 * @param {ts.Node} node
 * @param {ts.TypeChecker} checker
 * @param {ts.SourceFile} source
 * @returns {string | undefined}
 */
function impurityOf(node, checker, source) {
  if (node.kind === ts.SyntaxKind.AsyncKeyword) return "async: nothing in the core waits";
  if (ts.isAwaitExpression(node) || (ts.isForOfStatement(node) && node.awaitModifier !== undefined)) {
    return "await: nothing in the core waits";
  }
  if (node.kind === ts.SyntaxKind.ImportKeyword) return "import(): nothing in the core waits";
  if (ts.isMetaProperty(node)) return `${node.getText(source)} depends on where the program runs`;
  if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
    const { text } = node.moduleSpecifier;
    return text.startsWith("node:") ? `import of ${text}: the core runs in a browser too` : undefined;
  }
  if (ts.isPropertyAccessExpression(node) && localeMethods.has(node.name.text)) {
    return `${node.name.text} depends on the machine's language`;
  }
  return ts.isIdentifier(node) ? impurityOfName(node, checker) : undefined;
}

/**
 * @param {ts.Identifier} name
 * @param {ts.TypeChecker} checker
 */
function impurityOfName(name, checker) {
  const { parent, text } = name;
  const symbol = ts.isShorthandPropertyAssignment(parent)
    ? checker.getShorthandAssignmentValueSymbol(parent)
    : checker.getSymbolAtLocation(name);
  const isOwn = symbol?.declarations?.some((declaration) => !declaration.getSourceFile().isDeclarationFile);
  if (isOwn || allowedGlobals.has(text)) return undefined;
  if (text === "Math" && ts.isPropertyAccessExpression(parent)) {
    const member = parent.name.text;
    return allowedMath.has(member) ? undefined : `Math.${member} is random, or not exact on every platform`;
  }
  return `${text} is a global that is not the same everywhere, or is not known to be (see scripts/checks/purity.mjs)`;
}

/** @param {string} root */
export function checkPurity(root) {
  const found = findImpurities(root);
  for (const { file, line, what } of found) console.log(`${file}:${line}: ${what}`);
  return found.length === 0;
}

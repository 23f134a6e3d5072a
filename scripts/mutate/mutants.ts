// All mutants of one module: the same text with one token swapped, or one operand, argument, element or statement left out.
// Types are left alone, and so is prose (a string with a space), which says nothing that a program acts on.
import { parseSync, visitorKeys, type Node } from "oxc-parser";
import { mutateExpression } from "./regular-expressions.ts";
import { ASSIGNMENTS, DROPPABLE, NAMES, OPERATORS } from "./swaps.ts";

/** `replacement` takes the place of the text from `start` to `end`. */
export type Mutant = { readonly start: number; readonly end: number; readonly replacement: string };

type Source = { readonly text: string; readonly textOf: (node: Node) => string };

const swap = ({ start, end }: Node, replacement: string): Mutant => ({ start, end, replacement });

/** The operator between two operands. */
const swapBetween = (
  { text }: Source,
  [left, right]: readonly [Node, Node],
  operator: string,
  replacement: string,
): Mutant => {
  const start = text.indexOf(operator, left.end);
  if (start < 0 || start >= right.start) throw new Error(`no ${operator} at ${left.end}`);
  return { start, end: start + operator.length, replacement };
};

const isProse = (text: string): boolean => /\s/.test(text);

const mutateNumber = (node: Node, value: number): Mutant[] => {
  if (!Number.isInteger(value)) return [swap(node, String(Number((value * 1.1).toPrecision(6))))];
  const others = value > 0 && value <= 1_000 ? [value + 1, value - 1] : [value + 1];
  return others.map((other) => swap(node, String(other)));
};

/** Elements of a list or properties of an object, each left out once, with its comma. */
const leaveOut = ({ text }: Source, nodes: readonly (Node | null)[]): Mutant[] =>
  nodes.flatMap((node) => {
    if (node === null) return [];
    const [comma = ""] = /^\s*,/.exec(text.slice(node.end)) ?? [];
    return [{ start: node.start, end: node.end + comma.length, replacement: "" }];
  });

const isProseNode = (node: Node): boolean =>
  (node.type === "Literal" && typeof node.value === "string" && isProse(node.value)) ||
  (node.type === "TemplateLiteral" && node.quasis.some(({ value }) => isProse(value.raw)));

/**
 * `list[i] ?? 0`: a fallback for the compiler, which does not know that the index is inside. A fallback that says
 * something is none of these.
 */
const isForCompiler = (fallback: Node): boolean =>
  fallback.type === "Literal" && (fallback.value === 0 || fallback.value === "");

const isChecked = (node: Extract<Node, { type: "LogicalExpression" }>): boolean =>
  node.operator === "??" &&
  node.left.type === "MemberExpression" &&
  node.left.computed &&
  isForCompiler(node.right);

const either = (node: Node): Mutant[] =>
  node.type === "Literal" ? [] : [swap(node, "true"), swap(node, "false")];

/** The mutants of a node itself, without those of its children. */
const mutateNode = (node: Node, source: Source): Mutant[] => {
  const { text, textOf } = source;
  // oxlint-disable-next-line typescript/switch-exhaustiveness-check -- most of the hundred kinds of nodes have none
  switch (node.type) {
    case "BinaryExpression":
      return (OPERATORS[node.operator] ?? []).map((other) =>
        swapBetween(source, [node.left, node.right], node.operator, other),
      );
    case "LogicalExpression":
      return [...(isChecked(node) ? [] : [swap(node, textOf(node.left))]), swap(node, textOf(node.right))];
    case "UnaryExpression":
      return node.operator === "!" || node.operator === "-" ? [swap(node, textOf(node.argument))] : [];
    case "UpdateExpression":
      return [swap(node, textOf(node).replace(node.operator, node.operator === "++" ? "--" : "++"))];
    case "AssignmentExpression": {
      const other = ASSIGNMENTS[node.operator];
      return other === undefined ? [] : [swapBetween(source, [node.left, node.right], node.operator, other)];
    }
    case "Literal":
      if (typeof node.value === "number") return mutateNumber(node, node.value);
      if (typeof node.value === "boolean") return [swap(node, String(!node.value))];
      if (typeof node.value === "string")
        return isProse(node.value) ? [] : [swap(node, node.value === "" ? '"mutant"' : '""')];
      if ("regex" in node)
        return mutateExpression(node.regex.pattern).map(({ start, end, replacement }) => ({
          start: node.start + 1 + start,
          end: node.start + 1 + end,
          replacement,
        }));
      return [];
    case "TemplateLiteral":
      return [
        ...node.expressions.map((one) => ({
          start: text.lastIndexOf("${", one.start),
          end: text.indexOf("}", one.end) + 1,
          replacement: "",
        })),
        ...node.quasis
          .filter(({ value }) => value.raw !== "" && !isProse(value.raw))
          .map(({ value, start }) => {
            const at = text.indexOf(value.raw, start);
            return { start: at, end: at + value.raw.length, replacement: "" };
          }),
      ];
    case "ConditionalExpression":
    case "IfStatement":
      return either(node.test);
    case "WhileStatement":
    case "DoWhileStatement":
      return node.test.type === "Literal" ? [] : [swap(node.test, "false")];
    case "ForStatement":
      return node.test === null ? [] : [swap(node.test, "false")];
    case "ExpressionStatement":
    case "ContinueStatement":
    case "BreakStatement":
      return [swap(node, ";")];
    case "ArrayExpression":
      return leaveOut(source, node.elements);
    case "ObjectExpression":
      return leaveOut(
        source,
        node.properties.filter((one) => one.type === "SpreadElement" || !isProseNode(one.value)),
      );
    case "CallExpression":
      return node.callee.type === "MemberExpression" &&
        node.callee.property.type === "Identifier" &&
        DROPPABLE.has(node.callee.property.name) &&
        textOf(node.callee.object) !== "Math"
        ? [swap(node, textOf(node.callee.object))]
        : [];
    case "MemberExpression": {
      const other =
        node.property.type === "Identifier" && !node.computed ? NAMES.get(node.property.name) : undefined;
      return [
        ...(other === undefined ? [] : [swap(node.property, other)]),
        ...(node.optional && !node.computed
          ? [swapBetween(source, [node.object, node.property], "?.", ".")]
          : []),
      ];
    }
    default:
      return [];
  }
};

/** What is typed and never run has no mutants. */
const childrenOf = (node: Node): Node[] => {
  if (node.type === "LogicalExpression" && isChecked(node)) return [node.left];
  // oxlint-disable-next-line typescript/switch-exhaustiveness-check -- most of the hundred kinds of nodes keep all of them
  switch (node.type) {
    case "TSAsExpression":
    case "TSSatisfiesExpression":
    case "TSNonNullExpression":
      return [node.expression];
    case "ImportDeclaration":
    case "ExportAllDeclaration":
      return [];
    case "ExportNamedDeclaration":
      return node.declaration === null ? [] : [node.declaration];
    case "AssignmentPattern":
      // `const [, name = ""] = match`, again for the compiler.
      return node.right.type === "Literal" && node.right.value === "" ? [node.left] : [node.left, node.right];
    case "CallExpression":
      // A schema's description is prose, whatever it is put together from.
      if (
        node.callee.type === "MemberExpression" &&
        node.callee.property.type === "Identifier" &&
        node.callee.property.name === "describe"
      )
        return [node.callee];
      break;
    case "Property":
      return node.computed ? [node.key, node.value] : [node.value];
    default:
      if (node.type.startsWith("TS")) return [];
  }
  const fields: Readonly<Record<string, unknown>> = { ...node };
  return (visitorKeys[node.type] ?? [])
    .flatMap((key) => fields[key])
    .filter((child): child is Node => typeof child === "object" && child !== null && "type" in child);
};

export const applyMutant = (text: string, { start, end, replacement }: Mutant): string =>
  text.slice(0, start) + replacement + text.slice(end);

const parse = (path: string, text: string) => parseSync(path, text, { lang: "ts", sourceType: "module" });

/** In the order of the text; those that would not parse are no mutants. */
export const mutantsOf = (path: string, text: string): Mutant[] => {
  const { program, errors } = parse(path, text);
  if (errors.length > 0) throw new Error(`${path} does not parse: ${errors[0]?.message}`);
  const source: Source = { text, textOf: ({ start, end }) => text.slice(start, end) };
  const found = new Map<string, Mutant>();
  const pending: Node[] = [program];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    for (const mutant of mutateNode(node, source)) found.set(applyMutant(text, mutant), mutant);
    pending.push(...childrenOf(node));
  }
  found.delete(text);
  return [...found]
    .filter(([mutated]) => parse(path, mutated).errors.length === 0)
    .map(([, mutant]) => mutant)
    .toSorted((one, other) => one.start - other.start || one.end - other.end);
};

import ts from 'typescript'

/** A function or method that users can call or have to write. */
export interface PublicFunction {
  /** With the names of what contains it: `App.table`. */
  readonly name: string
  /** What carries the doc comment. */
  readonly node: ts.Declaration
  readonly signature: ts.Signature
}

/**
 * Finds functions, methods and properties with a function type, in everything that the entries export, including its base types.
 *
 * @param isOurs whether a file is a source of the packages
 * @returns the functions, without accessors and without what is private or `@internal`
 */
export function publicFunctions(
  program: ts.Program,
  entries: readonly string[],
  isOurs: (file: string) => boolean,
): PublicFunction[] {
  const checker = program.getTypeChecker()
  const found: PublicFunction[] = []
  const seen = new Set<ts.Node>()

  const add = (name: string, node: ts.Declaration, signature: ts.Signature | undefined): void => {
    if (signature !== undefined) found.push({ name, node, signature })
  }
  const addType = (name: string, node: ts.Declaration, type: ts.TypeNode): void => {
    for (const each of functionTypes(type)) add(name, node, checker.getSignatureFromDeclaration(each))
  }
  const children = (name: string, node: ts.Node): void => {
    ts.forEachChild(node, (child) => {
      if (!ts.isBlock(child)) visit(name, child)
    })
  }
  const visit = (within: string, node: ts.Node): void => {
    if (seen.has(node) || isHidden(node)) return
    seen.add(node)
    const name = nameOf(within, node)
    if (ts.isFunctionDeclaration(node) || ts.isMethodDeclaration(node)) {
      if (node.body === undefined || !hasOverloads(checker, node))
        add(name, node, checker.getSignatureFromDeclaration(node))
    } else if (ts.isMethodSignature(node) || ts.isCallSignatureDeclaration(node))
      add(name, node, checker.getSignatureFromDeclaration(node))
    else if (ts.isVariableDeclaration(node))
      for (const each of checker.getTypeAtLocation(node).getCallSignatures()) add(name, node, each)
    else if (ts.isPropertyDeclaration(node) || ts.isPropertySignature(node) || ts.isTypeAliasDeclaration(node)) {
      if (node.type !== undefined) addType(name, node, node.type)
    } else if (ts.isHeritageClause(node) && node.token === ts.SyntaxKind.ExtendsKeyword)
      for (const { expression } of node.types) declarationsOf(expression).forEach((each) => void visit('', each))
    if (!ts.isExpression(node)) children(name, node)
  }
  const declarationsOf = (node: ts.Node): readonly ts.Declaration[] => {
    const symbol = checker.getSymbolAtLocation(node)
    return symbol === undefined ? [] : declared(symbol)
  }
  const declared = (symbol: ts.Symbol): readonly ts.Declaration[] => {
    const target = (symbol.flags & ts.SymbolFlags.Alias) !== 0 ? checker.getAliasedSymbol(symbol) : symbol
    return (target.declarations ?? []).filter((each) => isOurs(each.getSourceFile().fileName))
  }

  for (const entry of entries) {
    const module = checker.getSymbolAtLocation(program.getSourceFile(entry) as ts.SourceFile)
    if (module === undefined) throw new Error(`${entry} exports nothing`)
    for (const symbol of checker.getExportsOfModule(module)) for (const each of declared(symbol)) visit('', each)
  }
  return found
}

/** @returns the function types that a type consists of: itself, or members of a union */
function functionTypes(type: ts.TypeNode): ts.FunctionTypeNode[] {
  if (ts.isFunctionTypeNode(type)) return [type]
  if (ts.isParenthesizedTypeNode(type)) return functionTypes(type.type)
  return ts.isUnionTypeNode(type) ? type.types.flatMap(functionTypes) : []
}

function nameOf(within: string, node: ts.Node): string {
  const name = ts.isCallSignatureDeclaration(node) ? '()' : ts.getNameOfDeclaration(node as ts.Declaration)?.getText()
  return name === undefined ? within : [within, name].filter((each) => each !== '').join('.')
}

function isHidden(node: ts.Node): boolean {
  if (ts.isAccessor(node) || ts.isConstructorDeclaration(node)) return true
  if (ts.isClassElement(node) && node.name !== undefined && ts.isPrivateIdentifier(node.name)) return true
  const modifiers = ts.canHaveModifiers(node) ? ts.getModifiers(node) : undefined
  if (modifiers?.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword) === true) return true
  return ts.getJSDocTags(node).some(({ tagName }) => tagName.text === 'internal')
}

function hasOverloads(checker: ts.TypeChecker, node: ts.FunctionDeclaration | ts.MethodDeclaration): boolean {
  const symbol = node.name === undefined ? undefined : checker.getSymbolAtLocation(node.name)
  return (symbol?.declarations?.length ?? 0) > 1
}

import ts from 'typescript'
import type { PublicFunction } from './public-functions.js'

/** @returns whether a function needs `@returns` and has none, or one without text */
export function lacksReturns(checker: ts.TypeChecker, { node, signature }: PublicFunction): boolean {
  return returnsSomething(checker, signature) && !isDocumented(checker, node)
}

function returnsSomething(checker: ts.TypeChecker, signature: ts.Signature): boolean {
  if (signature.declaration?.type?.kind === ts.SyntaxKind.ThisType) return false
  return !isNothing(checker, signature.getReturnType())
}

const NOTHING = ts.TypeFlags.Void | ts.TypeFlags.Undefined | ts.TypeFlags.Never

/** @returns whether a type has no value but `undefined`, now or once a promise is fulfilled */
function isNothing(checker: ts.TypeChecker, type: ts.Type): boolean {
  if (type.isUnion()) return type.types.every((each) => isNothing(checker, each))
  if ((type.flags & NOTHING) !== 0) return true
  if (!/^Promise(Like)?$/.test(type.symbol?.name ?? '')) return false
  return checker.getTypeArguments(type as ts.TypeReference).every((each) => isNothing(checker, each))
}

/** @returns whether a declaration has `@returns`, or shows the comment of a declaration that has it, or that is not ours */
function isDocumented(checker: ts.TypeChecker, node: ts.Declaration): boolean {
  const comments = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc)
  if (comments.length > 0 && !comments.some((each) => each.getText().includes('{@inheritDoc')))
    return ts
      .getJSDocTags(node)
      .some((tag) => tag.tagName.text === 'returns' && (ts.getTextOfJSDocComment(tag.comment) ?? '').trim() !== '')
  const shown = [...firstOverloadOf(checker, node), ...inheritedBy(checker, node)]
  return shown.some((each) => /\/node_modules\//.test(each.getSourceFile().fileName) || isDocumented(checker, each))
}

/** @returns the first overload of a function, whose comment the API reference shows for overloads that have none; not for itself */
function firstOverloadOf(checker: ts.TypeChecker, node: ts.Declaration): ts.Declaration[] {
  const name = ts.isFunctionLike(node) ? ts.getNameOfDeclaration(node) : undefined
  const first = name && checker.getSymbolAtLocation(name)?.declarations?.[0]
  return first === undefined || first === node ? [] : [first]
}

/** @returns the declarations of the same member in the types that its class or interface implements or extends */
function inheritedBy(checker: ts.TypeChecker, node: ts.Declaration): ts.Declaration[] {
  const { parent } = node
  if (!ts.isClassLike(parent) && !ts.isInterfaceDeclaration(parent)) return []
  const name = propertiesAt(checker, parent).find(({ declarations }) => declarations?.includes(node) === true)?.name
  if (name === undefined) return []
  return (parent.heritageClauses ?? [])
    .flatMap(({ types }) => types.flatMap((base) => propertiesAt(checker, base)))
    .flatMap((member) => (member.name === name ? (member.declarations ?? []) : []))
}

// getProperty escapes its argument, and does not find Symbol.iterator
const propertiesAt = (checker: ts.TypeChecker, node: ts.Node): ts.Symbol[] =>
  checker.getTypeAtLocation(node).getProperties()

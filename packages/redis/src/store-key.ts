import { JoineryError } from '@joinery/core'
import type { StoreId } from '@joinery/core/store'

const NAMESPACE = /^[A-Za-z0-9._-]{1,64}$/

/** @throws JoineryError `OPTION_INVALID` */
export function checkNamespace(namespace: string): void {
  if (NAMESPACE.test(namespace)) return
  throw new JoineryError(
    'OPTION_INVALID',
    `namespace is ${JSON.stringify(namespace)}: use 1 to 64 of the characters A-Z a-z 0-9 . _ -`,
  )
}

/**
 * Builds the key of a store. The braces put all stores of a task into one hash slot. The separators occur in none of the parts.
 *
 * @throws JoineryError `OPTION_INVALID` for a name that is not well-formed Unicode
 */
export function storeKey(namespace: string, { application, name, partition }: StoreId): string {
  return `${namespace}:{${escaped(application)}:${partition}}:${escaped(name)}`
}

function escaped(name: string): string {
  try {
    return encodeURIComponent(name).replace(/[!'()*~]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
  } catch (cause) {
    throw new JoineryError('OPTION_INVALID', `${JSON.stringify(name)} has a lone surrogate: use another name`, {
      cause,
    })
  }
}

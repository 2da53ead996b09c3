// Objects of the addon in a vm context, as test runners use them.
//
// The addon makes its objects in the main realm. In a context their prototypes are not those of this code and its caller, and
// comparisons that look at them, such as `toStrictEqual`, call such an object unequal to one of the same content.

import { native } from './native.js'

/** Whether this code runs in another realm than the addon. */
const isForeign = Object.getPrototypeOf(native) !== Object.prototype

/** A value of the addon, its plain objects and lists as objects of this realm. */
export function ofThisRealm<T>(value: T): T {
  return isForeign ? (copy(value) as T) : value
}

function copy(value: unknown): unknown {
  if (Array.isArray(value)) return Array.from(value, (each) => copy(each))
  if (typeof value !== 'object' || value === null) return value
  // An instance of a class of the addon stays what it is.
  if (Object.getPrototypeOf(Object.getPrototypeOf(value)) !== null) return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, copy(member)]))
}

// What the objects of our classes have inside.
//
// It is in properties with symbols as names instead of private fields: a Proxy that a host puts around an object passes them on,
// while a private field would throw. Nor do they show where a host looks at an object.

/** Gives `owner` a property that cannot be seen or changed. */
export function hide<K extends symbol, T>(owner: { readonly [key in K]: T }, key: K, value: T): void {
  Object.defineProperty(owner, key, { value })
}

/** Whether `value` has such a property, by itself or through a Proxy. */
export function has(value: unknown, key: symbol): boolean {
  return typeof value === 'object' && value !== null && key in value
}

/** The method by which Node, Bun and Deno show an object. */
export const INSPECT = Symbol.for('nodejs.util.inspect.custom')

/** `Symbol.dispose` or `Symbol.asyncDispose`, which not every runtime has. */
const symbol = (name: 'dispose' | 'asyncDispose'): symbol | undefined => (Symbol as unknown as Record<string, symbol | undefined>)[name]

/** Lets `using` call `end` for objects of this class, where the runtime has that. */
export function disposable<T>(of: { readonly prototype: T }, name: 'dispose' | 'asyncDispose', end: (owner: T) => unknown): void {
  const key = symbol(name)
  if (!key) return
  const value = function (this: T): unknown {
    return end(this)
  }
  Object.defineProperty(of.prototype, key, { value, configurable: true, writable: true })
}

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

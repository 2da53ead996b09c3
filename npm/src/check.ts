// Argument checks. Each throws an error that names the argument, before anything has changed.

import { fileURLToPath } from 'node:url'
import { debuglog } from 'node:util'

/** The largest 32-bit number, for arguments that the addon takes as `u32`. */
const MAX_U32 = 0xffff_ffff

export function string(name: string, value: unknown): string {
  if (typeof value !== 'string') throw wrongType(name, 'a string', value)
  return value
}

export function optionalString(name: string, value: unknown): string | undefined {
  return value === undefined || value === null ? undefined : string(name, value)
}

/** Whether it is a `URL`, of this or another realm. */
export function isUrl(value: unknown): value is URL {
  return isObject(value) && typeof value.href === 'string' && typeof value.protocol === 'string'
}

/** A path, or a `URL` of a file. */
export function optionalPath(name: string, value: unknown): string | undefined {
  if (!isUrl(value)) return optionalString(name, value)
  if (value.protocol !== 'file:') throw wrongType(name, 'a string or a URL of a file', value.href)
  return fileURLToPath(value.href)
}

/** An address, as text or as a `URL`. */
export function optionalAddress(name: string, value: unknown): string | undefined {
  return isUrl(value) ? value.href : optionalString(name, value)
}

export function optionalBoolean(name: string, value: unknown): boolean | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'boolean') throw wrongType(name, 'a boolean', value)
  return value
}

/** As `optionalBoolean`, and a number as JavaScript takes it for true or false: the stack's schema has 0 and 1. */
export function optionalSwitch(name: string, value: unknown): boolean | undefined {
  return typeof value === 'number' ? value !== 0 : optionalBoolean(name, value)
}

/** The id of something to read. The stack finds nothing under a value that is not a text; neither is there anything to find. */
export function soughtId(name: string, value: unknown): string | undefined {
  return value === undefined || value === null || typeof value === 'number' ? undefined : string(name, value)
}

/** A number whose fraction does not count. */
export function whole(name: string, value: unknown, least?: number, most?: number): number {
  const isFraction = typeof value === 'number' && Number.isFinite(value)
  return integer(name, isFraction ? Math.floor(value) : value, least, most)
}

/** A whole number from `least` to `most`. */
export function integer(name: string, value: unknown, least = 0, most = MAX_U32): number {
  if (typeof value !== 'number') throw wrongType(name, 'a number', value)
  if (!Number.isInteger(value) || value < least || value > most) {
    throw refusal(new RangeError(`${name} is ${value}. It must be a whole number from ${least} to ${most}.`))
  }
  return value
}

export function optionalInteger(name: string, value: unknown, least?: number, most?: number): number | undefined {
  return value === undefined || value === null ? undefined : integer(name, value, least, most)
}

export function optionalNumber(name: string, value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'number') throw wrongType(name, 'a number', value)
  if (!Number.isFinite(value)) throw refusal(new RangeError(`${name} is ${value}. It must be a finite number.`))
  return value
}

/** A number from 0 to 1. */
export function optionalShare(name: string, value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'number') throw wrongType(name, 'a number', value)
  if (!(value >= 0 && value <= 1)) throw refusal(new RangeError(`${name} is ${value}. It must be a number from 0 to 1.`))
  return value
}

type Callback = (...args: never[]) => unknown

export function optionalFunction<T extends Callback>(name: string, value: T | null | undefined): T | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'function') throw wrongType(name, 'a function', value)
  return value
}

export function object<T extends object>(name: string, value: T, what = 'an object'): T {
  if (!isObject(value)) throw wrongType(name, what, value)
  return value
}

export function optionalObject<T extends object>(name: string, value: T | null | undefined, what: string): T | undefined {
  return value === undefined || value === null ? undefined : object(name, value, what)
}

/** Options as they were given. Missing options are the same as an empty object. */
export function options<T extends object>(value: T | null | undefined, name = 'options'): Partial<T> {
  return value === undefined || value === null ? Object.create(null) : own(object(name, value))
}

/**
 * Options of a function that the TypeScript stack does not have. Unlike with the stack's own classes, an unknown name is an
 * error here, and so is an object that is meant as one of the options, such as a registry.
 */
export function knownOptions<T extends object>(caller: string, value: T | undefined, known: readonly (keyof T & string)[]): Partial<T> {
  if (value === undefined) return Object.create(null)
  if (!isObject(value) || Array.isArray(value)) throw wrongType('options', 'an object', value)
  const given = own(value)
  const names = Object.keys(given)
  const wrong = names.find((name) => !known.includes(name as keyof T & string))
  if (isInstance(value) && (wrong !== undefined || names.length === 0)) {
    throw wrongType('options', `an object with options such as ${known.slice(0, 2).join(' and ')}`, value)
  }
  if (wrong !== undefined) {
    throw refusal(new TypeError(`${caller} has no option ${wrong}. Did you mean ${nearest(wrong, known)}?`))
  }
  return given
}

const debug = debuglog('skillsmith')

/**
 * Tells `NODE_DEBUG=skillsmith` of options of a class that the TypeScript stack has too: there and here, unknown ones are ignored,
 * since a host may pass an object that has more.
 */
export function tellIgnored<T extends object>(caller: string, given: Partial<T>, known: readonly (keyof T & string)[]): Partial<T> {
  if (debug.enabled === false) return given
  for (const name of Object.keys(given)) {
    if (known.includes(name as keyof T & string)) continue
    debug('%s ignores the option %s. Did you mean %s?', caller, JSON.stringify(name), nearest(name, known))
  }
  return given
}

/** Whether it is an instance of a class. `Object.prototype` may be another realm's. */
function isInstance(value: object): boolean {
  for (let proto = Object.getPrototypeOf(value); proto !== null; proto = Object.getPrototypeOf(proto)) {
    if (Object.getPrototypeOf(proto) !== null && Object.hasOwn(proto, 'constructor')) return true
  }
  return false
}

function nearest(name: string, known: readonly string[]): string {
  const distances = known.map((each) => distance(name.toLowerCase(), each.toLowerCase()))
  return known[distances.indexOf(Math.min(...distances))] ?? ''
}

/** How many letters must be inserted, removed or replaced to make one of the other. */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, i) => i)
  for (const [i, letter] of [...one].entries()) {
    const next = [i + 1]
    for (let j = 0; j < other.length; j++) {
      const replaced = (row[j] as number) + (letter === other[j] ? 0 : 1)
      next.push(Math.min(replaced, (row[j + 1] as number) + 1, (next[j] as number) + 1))
    }
    row = next
  }
  return row[other.length] as number
}

/** The properties of the object itself: those of a prototype may be anybody's, who thus would choose the registry that gets a key. */
export function own<T extends object>(value: T): Partial<T> {
  const copy: Partial<T> = Object.create(null)
  for (const key of Object.getOwnPropertyNames(value)) copy[key as keyof T] = value[key as keyof T]
  return copy
}

export function isObject(value: unknown): value is Record<PropertyKey, unknown> {
  return typeof value === 'object' && value !== null
}

/** Whether `value` has all of these methods. A function may have some too: those of a class are its static ones. */
export function hasMethods(value: unknown, ...names: string[]): boolean {
  if (!isObject(value) && typeof value !== 'function') return false
  const members = value as Record<string, unknown>
  return names.every((name) => typeof members[name] === 'function')
}

export function wrongType(name: string, expected: string, value: unknown): TypeError {
  return refusal(new TypeError(`${name} must be ${expected}, not ${describe(value)}.`))
}

/** Gives an error of an argument check its code. */
export function refusal<E extends Error>(error: E): E {
  return Object.assign(error, { code: 'INVALID_ARGUMENT' as const })
}

/** Describes the type of a value, for error messages. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object') return value.constructor?.name ? `an instance of ${value.constructor.name}` : 'an object'
  return `a ${typeof value}`
}

/**
 * A value that functions of a pipeline must not change: rows are shared with later events. Types that accept only what
 * can be changed, such as arrays and classes with private members, stay as they are. Nested values do, too.
 */
export type ReadOnly<T> = unknown extends T ? T : Readonly<T> extends T ? Readonly<T> : T

/** A schema of any library that follows Standard Schema version 1 (https://standardschema.dev); types only, as it invites. */
export interface StandardSchema<In = unknown, Out = In> {
  /** As the specification has it. */
  readonly '~standard': {
    /** Of the specification. */
    readonly version: 1
    /** The library's name. */
    readonly vendor: string
    /** Has to answer at once here: a promise is refused with `DECODE_FAILED`. */
    readonly validate: (value: unknown) => StandardResult<Out> | Promise<StandardResult<Out>>
    /** For type inference; has no value. */
    readonly types?:
      | {
          /** What is written. */
          readonly input: In
          /** What is read. */
          readonly output: Out
        }
      | undefined
  }
}

/** What validating answers. */
export type StandardResult<Out> =
  | {
      /** The value, as the schema transforms it. */
      readonly value: Out
      /** None. */
      readonly issues?: undefined
    }
  | {
      /** What does not fit. */
      readonly issues: readonly {
        /** In words. */
        readonly message: string
        /** Where. */
        readonly path?: readonly unknown[] | undefined
      }[]
    }

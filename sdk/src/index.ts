// The public names of `@behalf/sdk`: for now the types of the wire.
export type * from "./wire.ts";

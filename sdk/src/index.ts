// The public names of `@behalf/sdk`: for now the types of the wire.
export type * from "./gateway.ts";
export type * from "./wire.ts";

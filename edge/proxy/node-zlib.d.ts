// What the edge uses of the runtime's node:zlib. The types of Node would bring all of Node into the Worker's code.
declare module "node:zlib" {
  type Gzip = {
    write(chunk: Uint8Array, done: (error?: Error | null) => void): boolean;
    end(): void;
    on(event: "data", listener: (chunk: Uint8Array) => void): void;
    on(event: "error", listener: (error: Error) => void): void;
    once(event: "end", listener: () => void): void;
  };
  export const constants: { readonly Z_SYNC_FLUSH: number };
  export const createGzip: (options: { readonly flush: number }) => Gzip;
}

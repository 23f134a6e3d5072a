// The one spelling of a path that the edge compares and sends, and the ways in which an upstream may read it. Servers
// differ: one takes `%2F` for a slash, another cuts `;parameters` off. A route names a path if it names one of its
// readings, so that no spelling of a page goes around the page's route.

/** One way to read a path, in segments. Repeated slashes and one at the end make no segments. */
export type PathReading = {
  /** The path in this reading, as it may be sent. */
  readonly text: string;
  /** Where each segment begins in `text`. */
  readonly starts: readonly number[];
  /** The segments, without percent-encoding of what needs none. */
  readonly segments: readonly string[];
  /** The segments in lower case. */
  readonly folded: readonly string[];
};

/** A path that is longer and has several readings is not read: each further reading costs as much as the path. */
export const MAX_AMBIGUOUS_LENGTH = 4_000;

const IS_ORDINARY = /^(?:\/[\w~!$&'()*+,;=:@-][\w.~!$&'()*+,;=:@-]*)+\/?$/;
const ENCODED = /%([0-9A-Fa-f]{2})/g;
const UNRESERVED = /[A-Za-z0-9._~-]/;
const BEYOND_ASCII = /[\u0080-\uffff]+/g;
const DOT_SEGMENT = /\/\.{1,2}(?:\/|$)/;

/** Resolves `.` and `..` as every URL parser does (https://url.spec.whatwg.org/#path-state). */
const resolveDots = (path: string): string => {
  if (!DOT_SEGMENT.test(path)) return path;
  const resolved: string[] = [];
  const segments = path.slice(1).split("/");
  for (const [at, segment] of segments.entries()) {
    const isLast = at === segments.length - 1;
    if (segment === "..") resolved.pop();
    if (segment !== "." && segment !== "..") resolved.push(segment);
    else if (isLast) resolved.push("");
  }
  return `/${resolved.join("/")}`;
};

/**
 * The path as it is compared and sent: dot segments are resolved, backslashes are slashes, and what needs no
 * percent-encoding has none (RFC 3986, 6.2.2). It means the same to every server. `path` is a URL's, without its query.
 */
export const canonicalPath = (path: string): string => {
  if (IS_ORDINARY.test(path) || path === "/") return path;
  const hash = path.indexOf("#");
  const spelled = (hash < 0 ? path : path.slice(0, hash))
    .replaceAll("\\", "/")
    .replace(BEYOND_ASCII, (text) => encodeURIComponent(text.toWellFormed()))
    .replace(ENCODED, (encoded, hex: string) => {
      const character = String.fromCharCode(Number.parseInt(hex, 16));
      return UNRESERVED.test(character) ? character : encoded.toUpperCase();
    });
  return resolveDots(spelled) || "/";
};

/** NUL, and UTF-8 that is longer than it need be: servers end the path there, or find a slash or dot in it. */
const SENSELESS = /%00|%C[01]%[89AB]|%E0%[89]|%F0%8/;
const AMBIGUOUS = /%2F|%5C|;/;

/** Whether no two servers need agree on what the path means, whatever its readings. `path` is canonical. */
export const isUnreadable = (path: string): boolean =>
  path.includes("%") || path.length > MAX_AMBIGUOUS_LENGTH
    ? SENSELESS.test(path) || (path.length > MAX_AMBIGUOUS_LENGTH && AMBIGUOUS.test(path))
    : false;

/** Printable ASCII that stands for itself in a path. */
const PLAIN = /[!-"$&-.0->@-[\]-~]/;

/** Without percent-encoding of printable characters, but of those that would mean something else without it. */
export const decodePlain = (text: string): string =>
  text.includes("%")
    ? text.replace(ENCODED, (encoded, hex: string) => {
        const character = String.fromCharCode(Number.parseInt(hex, 16));
        return PLAIN.test(character) ? character : encoded.toUpperCase();
      })
    : text;

const ENCODED_TEXT = /(?:%[89A-F][0-9A-F])+/g;

const foldEncoded = (encoded: string): string => {
  try {
    return encodeURIComponent(decodeURIComponent(encoded).toLowerCase());
  } catch {
    return encoded; // not UTF-8: its case is unknown
  }
};

/** In lower case, also what is percent-encoded. */
export const foldCase = (text: string): string =>
  text.includes("%")
    ? text
        .replace(ENCODED_TEXT, foldEncoded)
        .replace(/%..|[A-Z]+/g, (part) => (part.startsWith("%") ? part : part.toLowerCase()))
    : text.toLowerCase();

const readSegments = (text: string): PathReading => {
  const starts: number[] = [];
  const segments: string[] = [];
  for (let at = 0; at < text.length; at++) {
    const slash = text.indexOf("/", at);
    const end = slash < 0 ? text.length : slash;
    if (end > at) {
      starts.push(at);
      segments.push(decodePlain(text.slice(at, end)));
    }
    at = end;
  }
  return { text, starts, segments, folded: segments.map(foldCase) };
};

const mergeSlashes = (text: string): string => text.replace(/\/{2,}/g, "/");

/** Each leaves what some servers leave. Some merge slashes before they resolve dots, others resolve them first. */
const CHANGES: readonly ((text: string) => string)[] = [
  (text) => text.replaceAll("%2F", "/"),
  (text) => text.replaceAll("%5C", "/"),
  (text) => text.replace(/;[^/]*/g, ""),
  (text) => (DOT_SEGMENT.test(text) ? mergeSlashes(text) : text),
];

/** The ways in which servers read a path, as it is spelled first. `path` is canonical; ordinary paths have one. */
export const readPath = (path: string): readonly PathReading[] => {
  if (!AMBIGUOUS.test(path) || path.length > MAX_AMBIGUOUS_LENGTH) return [readSegments(path)];
  let texts = new Set([path]);
  for (const change of CHANGES) texts = new Set([...texts, ...[...texts].map(change)]);
  return [...new Set([...texts].map(resolveDots))].map(readSegments);
};

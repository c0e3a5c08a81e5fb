// JSON whose large integers stay as they are written: a number of 64 bits is more than JavaScript's can hold.

/** So many digits may be past what a number holds exactly. Most texts have none, and are read the short way. */
const LONG = /\d{16}/;
const INTEGER = /^-?\d+$/;

/** The value that a text holds. Where the browser can, integers that a number cannot hold are raw JSON. */
export function parseExact(text) {
  return LONG.test(text) && JSON.rawJSON ? JSON.parse(text, exact) : JSON.parse(text);
}

function exact(_key, value, { source } = {}) {
  const inexact = typeof value === "number" && !Number.isSafeInteger(value) && source && INTEGER.test(source);
  return inexact ? JSON.rawJSON(source) : value;
}

/** Whether a value is such an integer. */
export const isExact = (value) => Boolean(JSON.isRawJSON?.(value));

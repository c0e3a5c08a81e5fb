// JSON Patch, RFC 6902: values to values, nothing of the old one is changed.

import { isExact } from "./exact.js";

export class PatchError extends Error {}

/** The value that a patch makes of another one. It throws `PatchError` where the patch does not fit. */
export function applyPatch(value, patch) {
  if (!Array.isArray(patch)) throw new PatchError("a patch is a list");
  return patch.reduce(step, value);
}

function step(value, { op, path, from, value: given } = {}) {
  const at = tokens(path);
  switch (op) {
    case "add":
      return add(value, at, given);
    case "remove":
      return remove(value, at);
    case "replace":
      return replace(value, at, given);
    case "move": {
      const source = tokens(from);
      if (at.length > source.length && source.every((token, index) => token === at[index])) {
        throw new PatchError(`${from} cannot be moved into itself`);
      }
      const moved = get(value, source);
      // A move of the whole to the whole changes nothing; removing it first would leave nowhere to add.
      return from === path ? value : add(remove(value, source), at, moved);
    }
    case "copy":
      return add(value, at, get(value, tokens(from)));
    case "test":
      if (!same(get(value, at), given)) throw new PatchError(`${path} is another value`);
      return value;
    default:
      throw new PatchError(`no operation is called ${op}`);
  }
}

function tokens(path) {
  if (path === "") return [];
  if (typeof path !== "string" || path[0] !== "/") throw new PatchError(`${path} is no JSON Pointer`);
  return path
    .slice(1)
    .split("/")
    .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value) && !isExact(value);
const has = (object, key) => Object.prototype.hasOwnProperty.call(object, key);

/** Where a token points in a list: up to its length where something may be added there. */
function index(list, token, mayEnd) {
  if (mayEnd && token === "-") return list.length;
  const number = /^(0|[1-9][0-9]*)$/.test(token) ? Number(token) : NaN;
  if (!(number < list.length + (mayEnd ? 1 : 0))) throw new PatchError(`no item ${token} in the list`);
  return number;
}

function get(value, path) {
  return path.reduce(child, value);
}

function child(value, token) {
  if (Array.isArray(value)) return value[index(value, token, false)];
  if (isObject(value) && has(value, token)) return value[token];
  throw new PatchError(`nothing is at ${token}`);
}

/** Goes down to the parent of what a path names, and puts there what `change` makes of it. */
function within(value, path, change) {
  const [token, ...rest] = path;
  if (rest.length === 0) return change(value, token);
  const below = within(child(value, token), rest, change);
  return put(value, token, below);
}

/** A copy with one member of its own: also one that is called `__proto__`. */
function put(value, token, below) {
  if (Array.isArray(value)) return value.map((item, at) => (at === Number(token) ? below : item));
  const members = Object.entries(value);
  const at = members.findIndex(([key]) => key === token);
  if (at < 0) members.push([token, below]);
  else members[at] = [token, below];
  return Object.fromEntries(members);
}

function add(value, path, given) {
  if (path.length === 0) return given;
  return within(value, path, (parent, token) => {
    if (Array.isArray(parent)) return splice(parent, index(parent, token, true), 0, given);
    if (isObject(parent)) return put(parent, token, given);
    throw new PatchError(`nothing can be added at ${token}`);
  });
}

function remove(value, path) {
  if (path.length === 0) return null;
  return within(value, path, (parent, token) => {
    child(parent, token);
    if (Array.isArray(parent)) return splice(parent, Number(token), 1);
    return Object.fromEntries(Object.entries(parent).filter(([key]) => key !== token));
  });
}

function replace(value, path, given) {
  if (path.length === 0) return given;
  return within(value, path, (parent, token) => {
    child(parent, token);
    return put(parent, token, given);
  });
}

function splice(list, at, removed, ...added) {
  const copy = [...list];
  copy.splice(at, removed, ...added);
  return copy;
}

function same(one, other) {
  if (isExact(one) || isExact(other)) return JSON.stringify(one) === JSON.stringify(other);
  if (Array.isArray(one)) {
    return Array.isArray(other) && one.length === other.length && one.every((item, at) => same(item, other[at]));
  }
  if (isObject(one)) {
    const keys = Object.keys(one);
    if (!isObject(other) || keys.length !== Object.keys(other).length) return false;
    return keys.every((key) => has(other, key) && same(one[key], other[key]));
  }
  return one === other;
}

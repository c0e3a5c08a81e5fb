import assert from "node:assert/strict";
import { test } from "node:test";

import { applyPatch, PatchError } from "../../../gensx-http/src/console/assets/patch.js";

// The examples of RFC 6902, appendix A, and what is easily done wrong.
const FIT = {
  "A.1 adds a member": [{ foo: "bar" }, [{ op: "add", path: "/baz", value: "qux" }], { foo: "bar", baz: "qux" }],
  "A.2 adds an item": [
    { foo: ["bar", "baz"] },
    [{ op: "add", path: "/foo/1", value: "qux" }],
    { foo: ["bar", "qux", "baz"] },
  ],
  "A.3 removes a member": [{ baz: "qux", foo: "bar" }, [{ op: "remove", path: "/baz" }], { foo: "bar" }],
  "A.4 removes an item": [{ foo: ["bar", "qux", "baz"] }, [{ op: "remove", path: "/foo/1" }], { foo: ["bar", "baz"] }],
  "A.5 replaces a value": [
    { baz: "qux", foo: "bar" },
    [{ op: "replace", path: "/baz", value: "boo" }],
    { baz: "boo", foo: "bar" },
  ],
  "A.6 moves a value": [
    { foo: { bar: "baz", waldo: "fred" }, qux: { corge: "grault" } },
    [{ op: "move", from: "/foo/waldo", path: "/qux/thud" }],
    { foo: { bar: "baz" }, qux: { corge: "grault", thud: "fred" } },
  ],
  "A.7 moves an item": [
    { foo: ["all", "grass", "cows", "eat"] },
    [{ op: "move", from: "/foo/1", path: "/foo/3" }],
    { foo: ["all", "cows", "eat", "grass"] },
  ],
  "A.8 tests": [
    { baz: "qux", foo: ["a", 2, "c"] },
    [
      { op: "test", path: "/baz", value: "qux" },
      { op: "test", path: "/foo/1", value: 2 },
    ],
    { baz: "qux", foo: ["a", 2, "c"] },
  ],
  "A.10 adds a nested member": [
    { foo: "bar" },
    [{ op: "add", path: "/child", value: { grandchild: {} } }],
    { foo: "bar", child: { grandchild: {} } },
  ],
  "A.11 ignores what it does not know": [
    { foo: "bar" },
    [{ op: "add", path: "/baz", value: "qux", xyz: 123 }],
    { foo: "bar", baz: "qux" },
  ],
  "A.14 escapes": [{ "/": 9, "~1": 10 }, [{ op: "test", path: "/~01", value: 10 }], { "/": 9, "~1": 10 }],
  "A.16 adds a list to a list": [
    { foo: ["bar"] },
    [{ op: "add", path: "/foo/-", value: ["abc", "def"] }],
    { foo: ["bar", ["abc", "def"]] },
  ],
  "replaces everything": [null, [{ op: "replace", path: "", value: { a: 1 } }], { a: 1 }],
  "adds the first value": [null, [{ op: "add", path: "", value: [] }], []],
  "removes everything": [{ a: 1 }, [{ op: "remove", path: "" }], null],
  copies: [
    { a: [1] },
    [
      { op: "copy", from: "/a", path: "/b" },
      { op: "add", path: "/b/-", value: 2 },
    ],
    { a: [1], b: [1, 2] },
  ],
  "moves the whole to itself": [{ a: 1 }, [{ op: "move", from: "", path: "" }], { a: 1 }],
  "names a member with nothing": [{ "": 1 }, [{ op: "replace", path: "/", value: 2 }], { "": 2 }],
  "replaces within lists": [[{ a: 1 }, { a: 2 }], [{ op: "replace", path: "/1/a", value: 3 }], [{ a: 1 }, { a: 3 }]],
  "compares members in any order": [
    { a: { b: 1, c: [] } },
    [{ op: "test", path: "/a", value: { c: [], b: 1 } }],
    { a: { b: 1, c: [] } },
  ],
};
for (const [name, [before, patch, after]] of Object.entries(FIT)) {
  test(name, () => {
    const kept = structuredClone(before);
    assert.deepEqual(applyPatch(before, patch), after);
    assert.deepEqual(before, kept, "the old value is as it was");
  });
}

const UNFIT = {
  "A.9 a test that fails": [{ baz: "qux" }, [{ op: "test", path: "/baz", value: "bar" }]],
  "A.12 a parent that is not there": [{ foo: "bar" }, [{ op: "add", path: "/baz/bat", value: "qux" }]],
  "A.15 a number is no text": [{ "/": 9, "~1": 10 }, [{ op: "test", path: "/~01", value: "10" }]],
  "an item behind the end": [[1], [{ op: "add", path: "/2", value: 0 }]],
  "the item behind the last cannot be removed": [[1], [{ op: "remove", path: "/-" }]],
  "an index with a zero before it": [[1, 2], [{ op: "remove", path: "/01" }]],
  "a member that is not there": [{ a: 1 }, [{ op: "remove", path: "/b" }]],
  "an inherited member": [{ a: 1 }, [{ op: "remove", path: "/toString" }]],
  "a value into itself": [{ a: { b: 1 } }, [{ op: "move", from: "/a", path: "/a/b" }]],
  "an operation of no name": [{}, [{ op: "merge", path: "" }]],
  "a path that is none": [{}, [{ op: "add", path: "a", value: 1 }]],
  "no path": [{}, [{ op: "add", value: 1 }]],
  "no list": [{}, { op: "add" }],
  "below a text": ["text", [{ op: "add", path: "/0", value: 1 }]],
};
for (const [name, [before, patch]] of Object.entries(UNFIT)) {
  test(`refuses ${name}`, () => assert.throws(() => applyPatch(before, patch), PatchError));
}

test("a member called __proto__ is a member", () => {
  const after = applyPatch({}, [{ op: "add", path: "/__proto__", value: { polluted: true } }]);
  assert.deepEqual(Object.keys(after), ["__proto__"]);
  assert.equal({}.polluted, undefined);
  assert.equal(Object.getPrototypeOf(after), Object.prototype);
});

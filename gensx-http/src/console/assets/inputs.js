// The inputs that a run waits for, each with a form to send one.

import { announce, freshId, h, keyed, say } from "./dom.js";
import { send } from "./api.js";
import { duration } from "./format.js";

export function inputsView(id) {
  const list = h("div", { class: "asks" });
  const element = h(
    "section",
    { class: "inputs", "aria-label": "Inputs waited for", hidden: true },
    h("h2", {}, "Waiting for input"),
    list,
  );
  const known = new Map();
  const update = (run, now) => {
    const calls = [...run.waiting.values()];
    element.hidden = calls.length === 0;
    keyed(list, known, calls, {
      key: (call) => call.id,
      make: (call) => form(id, call),
      update: (form, call) => {
        const due = call.dueAt ? `given up in ${duration(call.dueAt - now)}` : "";
        const rejected = call.rejected.at(-1)?.text;
        say(form.querySelector(".due"), due);
        const said = form.querySelector(".rejected");
        said.hidden = !rejected;
        say(said, rejected ? `The last message was rejected: ${rejected}` : "");
      },
    });
  };
  return { element, update };
}

function form(id, call) {
  const field = freshId();
  const input = h("textarea", {
    id: field,
    rows: "2",
    spellcheck: "false",
    placeholder: 'JSON, such as true or {"ok": true}',
  });
  const wrong = h("p", { class: "problem", role: "alert", hidden: true });
  const button = h("button", { type: "submit", class: "primary" }, "Send");
  const form = h(
    "form",
    { class: "ask" },
    h("label", { for: field }, h("span", { class: "name" }, call.name), " ", h("span", { class: "due" })),
    h("div", { class: "ask-line" }, input, button),
    h("p", { class: "rejected", hidden: true }),
    wrong,
  );
  const fail = (text) => {
    say(wrong, text);
    wrong.hidden = false;
  };
  // The same click sent again, after an answer that was lost, is the same message.
  let key = crypto.randomUUID?.() ?? String(Math.random());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    wrong.hidden = true;
    try {
      JSON.parse(input.value);
    } catch (error) {
      return fail(`This is not JSON: ${error.message}`);
    }
    button.disabled = true;
    try {
      await send(id, call.name, input.value, key);
      key = crypto.randomUUID?.() ?? String(Math.random());
      announce(`A message was sent to ${call.name}`);
      input.value = "";
    } catch (error) {
      fail(`It was not sent: ${error.message}`);
    } finally {
      button.disabled = false;
    }
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  return form;
}
